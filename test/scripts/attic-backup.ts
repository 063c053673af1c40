import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createBackup } from "../../src/core/backup/create.ts";
import { toHex } from "../../src/core/bytes.ts";
import { composeBackup } from "../../src/crdt/backup/compose.ts";
import { Replica } from "../../src/crdt/replica.ts";
import { memoryDisk } from "../../src/node/home/memory-disk.ts";
import { DirectoryPlace } from "../../src/node/platform/backup/directory-place.ts";
import { foundMesh } from "../../src/operator/authority.ts";
import { createRecoveryCode, recoveryKeys } from "../../src/operator/recovery.ts";
import { seedSigner } from "../../src/operator/signer.ts";
import { seededRandom } from "../../sim/random.ts";
import { ALICE, keys, LAPTOP_SEAL, seed } from "../unit/operator/household.ts";
import { NOW_MS } from "./transcript.ts";

const HOUR_MS = 3_600_000;

/** What is left of alice's mesh attic: `usb/`, a backup that nas-1 made seven hours ago, and `paper.txt` with the code. */
export async function leaveBackup(directory: string): Promise<void> {
  const madeMs = NOW_MS - 7 * HOUR_MS;
  const code = createRecoveryCode(seededRandom("paper"));
  const { root, seal } = await recoveryKeys(keys, code);
  const signer = keys.signer(seed(20));
  const founded = await foundMesh(keys, seededRandom("attic"), {
    meshName: "attic",
    founder: { name: "alice", signer: seedSigner(keys, ALICE) },
    recovery: { root: seedSigner(keys, root), recipient: seal.recipient },
    node: { name: "nas-1", signer, seal: LAPTOP_SEAL },
    roles: ["coordinator", "secret-store"],
    writes: [],
    nowMs: madeMs,
  });
  const replica = new Replica(keys, founded.mesh, memoryDisk());
  await replica.admit([founded.genesis.bytes, ...founded.acts.map(({ entry }) => entry.bytes)], "local");
  const node = replica.view().nodeByName("nas-1")?.id ?? "";
  const peers = [{ key: toHex(signer.publicKey), addresses: [] }];
  const source = { replica, envelopes: [], node, signer, release: "0.1.0", peers, psk: null, nowMs: madeMs };
  await createBackup({
    keys,
    place: new DirectoryPlace(join(directory, "usb")),
    known: undefined,
    keep: undefined,
    make: (request) => composeBackup(keys, source, request),
    warn: () => undefined,
  });
  writeFileSync(join(directory, "paper.txt"), `${code}\n`);
}
