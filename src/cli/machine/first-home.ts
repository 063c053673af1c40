import { rmSync } from "node:fs";
import type { Keys } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import { Secret } from "../../core/secret.ts";
import type { SignedAct } from "../../operator/authority.ts";
import type { OwnLog } from "../../operator/files/own-log.ts";
import type { CommandContext } from "../command.ts";

export interface FirstHome {
  readonly home: string;
  /** What the machine is called. */
  readonly node: string;
  readonly nodeKeys: NodeKeys;
  readonly mesh: Uint8Array;
  /** Whose key signed all of this, and opened that log. */
  readonly operator: string;
  readonly log: Uint8Array;
  readonly genesis: SignedAct["entry"];
  readonly entries: Parameters<OwnLog["append"]>[0];
}

type NodeKeys = Awaited<ReturnType<typeof makeNodeKeys>>;

/** A new machine's own. */
export async function makeNodeKeys(keys: Keys, random: Random) {
  return { seed: new Secret(random.bytes(32)), seal: await keys.createSealIdentity() };
}

/**
 * The home of a mesh's first machine, and the founder's own log beside her key. If the home cannot be made the log goes
 * with it: it belongs to a mesh that nobody has.
 */
export async function createFirstHome(
  ctx: CommandContext,
  { keys, random }: { readonly keys: Keys; readonly random: Random },
  { home, node, nodeKeys, mesh, operator, log, genesis, entries }: FirstHome,
): Promise<void> {
  const [{ createHome }, { OwnLog }, { ownLogDir }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/files/own-log.ts"),
    import("../../operator/files/key-file.ts"),
  ]);
  const directory = ownLogDir(ctx.place.operatorDir, operator);
  try {
    OwnLog.open(keys, directory, log).append(entries);
    await createHome({
      ...{ home, mesh, name: node, node: nodeKeys },
      entries: [genesis, ...entries].map(({ bytes }) => bytes),
      ...(ctx.flags.on("psk") ? { psk: new Secret(random.bytes(32)) } : {}),
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
