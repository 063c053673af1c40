import { basename, dirname } from "node:path";
import { toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { LogLevel } from "../core/ports/log.ts";
import { type RunningAgent, startAgent } from "../node/host.ts";
import { readKeys, removeNote, writeNote } from "../node/platform/home.ts";
import { createKeys } from "../node/platform/keys.ts";
import { serveControl } from "./control.ts";
import { type CuttableLink, cuttableLink } from "./cuttable-link.ts";
import { processOf, readCut, readDemo, recordProcess } from "./directory.ts";
import { beyondCut } from "./groups.ts";
import { describeProcess } from "./processes.ts";

export interface DemoAgentSettings {
  readonly home: string;
  readonly logLevel: LogLevel;
  readonly writeLog: (line: string) => void;
}

/**
 * Starts the agent of a home that the demo made, on a link that can be cut. Everything else is the agent that ships;
 * that one has no such link and no way to it. Throws `Usage` for any other home.
 */
export async function startDemoAgent(settings: DemoAgentSettings): Promise<RunningAgent> {
  const { home } = settings;
  const [root, name] = [dirname(home), basename(home)];
  await requireDemoHome(home);
  goOnRecord(root, name);
  // Again, as it may have been on its way out; now it is found and ended, or finds that it may not start.
  await requireDemoHome(home);
  let link: CuttableLink | undefined;
  // Served before it is first read: a cut that comes between the two is not missed.
  const control = await serveControl(home, async () => link?.cutOff(keysBeyondCut(root, name)));
  try {
    const agent = await startAgent({
      ...settings,
      // The port of last time: machines that all start again at once find each other where they were.
      listen: ["127.0.0.1:0"],
      announce: [],
      mdns: false,
      wrapLink: (real) => (link = cuttableLink(real, keysBeyondCut(root, name))),
    });
    // Where `lab agent stop` looks.
    await writeNote(home, "agent.pid", String(process.pid));
    return {
      ...agent,
      stop: async () => {
        control.close();
        await agent.stop();
        await removeNote(home, "agent.pid");
      },
    };
  } catch (error) {
    control.close();
    throw error;
  }
}

/** The demo's directory is the parent of its homes, and its file has their keys. */
async function requireDemoHome(home: string): Promise<void> {
  const machine = readDemo(dirname(home))?.machines.find(({ name }) => name === basename(home));
  const own = machine === undefined ? null : await readKeys(home);
  const key = own && toHex(createKeys().signer(own.seed).publicKey);
  if (key !== null && machine?.key === key) return;
  throw new LabError("Usage", `${home} was not made by lab demo`, { hint: `lab agent --home ${home}` });
}

/** Whoever started this process may have died before it could write down that it did. */
function goOnRecord(root: string, name: string): void {
  const running = processOf(root, name);
  if (running === null) recordProcess(root, name, describeProcess(process.pid));
  else if (running.pid !== process.pid) {
    throw new LabError("HomeInUse", `the agent of ${name} runs already (process ${running.pid})`);
  }
}

function keysBeyondCut(root: string, name: string): ReadonlySet<string> {
  const beyond = beyondCut(name, readCut(root));
  const machines = readDemo(root)?.machines ?? [];
  return new Set(machines.flatMap((machine) => (machine.key && beyond.includes(machine.name) ? [machine.key] : [])));
}
