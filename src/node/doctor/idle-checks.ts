import { fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { Replica } from "../../crdt/replica.ts";
import type { checkListOperation } from "../../operations/check.ts";
import type { Check } from "../../operations/kinds/check.ts";
import type { OutputOf } from "../../operations/operation.ts";
import { ENTRIES } from "../agent.ts";
import { readReplica } from "../home/home-store.ts";
import { readHome, readKeys, readNote } from "../platform/home.ts";
import { readHomeFacts } from "../platform/home-facts.ts";
import { createKeys } from "../platform/keys.ts";
import { USUAL_PORT } from "../platform/listening.ts";
import { isFree } from "../platform/machine.ts";
import { describeHealth } from "../platform/store/health.ts";
import { scopedDisk } from "../scoped-disk.ts";
import { homeChecks } from "./home-checks.ts";

const START = "lab agent --detach";

/** What can be found out about a home whose agent does not run. Throws `NoHome`. */
export async function idleChecks(home: string, nowMs: number): Promise<OutputOf<typeof checkListOperation>> {
  const facts = await readHomeFacts(home);
  const [name, identity] = await identityCheck(home);
  const unheard = (check: string, detail: string): Check => ({ name: check, state: "unknown", detail, fix: START });
  const items: Check[] = [
    { name: "agent", state: "failed", detail: "no agent runs on this home", fix: START },
    unheard("clock", "without an agent no peer can be asked for its time"),
    ...homeChecks(facts),
    identity,
    unheard("core dumps", "how large a dump of the agent may be is known when it runs"),
    await portCheck(home),
    unheard("peers", "without an agent nobody is heard"),
    await storeCheck(home),
    unheard("versions", "without an agent nobody is heard"),
  ];
  const meta = { peer: name, asOf: new Date(nowMs).toISOString(), newest: null, behind: [] };
  return { kind: "CheckList", meta, items };
}

async function identityCheck(home: string): Promise<[name: string, check: Check]> {
  const name = "identity";
  try {
    const [file, keys] = [await readHome(home), await readKeys(home)];
    if (file === null) {
      throw new LabError("NoHome", `there is no home in ${home}`, { hint: "lab init --local, or lab join TOKEN" });
    }
    if (keys === null) {
      const fix = "restore keys/ from a backup, or remove the home and enrol anew";
      return [file.name, { name, state: "failed", detail: `the keys of ${home} are gone`, fix }];
    }
    return [file.name, { name, state: "ok", detail: `${file.name} in mesh ${file.meshName}`, fix: "" }];
  } catch (error) {
    if (!(error instanceof LabError) || error.code === "NoHome") throw error;
    return ["this machine", { name, state: "failed", detail: error.message, fix: error.facts.hint ?? "" }];
  }
}

async function portCheck(home: string): Promise<Check> {
  const name = "ports and addresses";
  const port = Number(await readNote(home, "port")) || USUAL_PORT;
  if (await isFree("0.0.0.0", port))
    return { name, state: "ok", detail: `port ${port} is free for the agent`, fix: "" };
  const detail = `another program listens on port ${port}: the agent would take another, or not start`;
  return { name, state: "warning", detail, fix: `ss -ltnp 'sport = :${port}'` };
}

/** Reads every record, as the agent does when it starts, and leaves all files as they are. */
async function storeCheck(home: string): Promise<Check> {
  const name = "store";
  try {
    const file = await readHome(home);
    const mesh = fromHex(file?.mesh ?? "") ?? new Uint8Array(32);
    const keys = createKeys();
    const { replica, disk, health } = await readReplica(
      home,
      (disk) => new Replica(keys, mesh, scopedDisk(disk, ENTRIES)),
    );
    await disk.close();
    const damage = describeHealth(health);
    const fix = health.state === "stand-in" ? "update lab on this machine" : START;
    if (damage !== null) return { name, state: "failed", detail: damage, fix };
    const detail = `readable, state ${toHex(replica.stateHash()).slice(0, 12)}`;
    return { name, state: "ok", detail, fix: "" };
  } catch (error) {
    return { name, state: "failed", detail: error instanceof Error ? error.message : String(error), fix: START };
  }
}
