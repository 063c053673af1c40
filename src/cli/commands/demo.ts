import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../core/errors.ts";
import type { ItemDocument, ListDocument } from "../../operations/kinds/meta.ts";
import type { Peer } from "../../operations/kinds/peer.ts";
import type { Status } from "../../operations/kinds/status.ts";
import { connectAgentOf } from "../connection/agent-connection.ts";
import type { CommandContext, CommandModule, Terminal } from "../command.ts";
import { createRun, type Run } from "../context.ts";
import { readContexts, registerContext, removeContext } from "../connection/contexts.ts";
import { type Groups, type Hands, type MachineState, openDemo, openDemoAgent, openUp } from "../demo-door.ts";
import { parseArgv } from "../argv/parse.ts";
import { demoDir } from "../connection/place.ts";
import { cellText, renderTable } from "../render/table.ts";
import { NOTHING } from "../render/text.ts";
import { withSigning } from "../signing/signing.ts";

const EXIT_INTERRUPTED = 130;

/** `lab demo …`. */
export async function run(ctx: CommandContext): Promise<number> {
  const root = demoDir(ctx.io.env, ctx.io.cwd);
  switch (ctx.command.words[1]) {
    case "up":
      return up(ctx, root);
    case "down":
      return down(ctx, root);
    case "status":
      await printStatus(ctx, root);
      return 0;
    case "partition":
      return partition(ctx, root);
    case "heal":
      return heal(ctx, root);
    case "kill":
      return kill(ctx, root);
    case "start":
      return start(ctx, root);
    default:
      return serveAgent(ctx);
  }
}

async function up(ctx: CommandContext, root: string): Promise<number> {
  const { demoUp, chooseMachines, tellStory } = await openUp();
  const machines = chooseMachines(ctx.flags.value("nodes"));
  const stop = new AbortController();
  ctx.onInterrupt(() => stop.abort(new LabError("Interrupted", "interrupted: the demo is taken down again")));
  const demo = { root, configDir: ctx.place.configDir, machines, example: findExample(), signal: stop.signal };
  try {
    const outcome = await demoUp(demo, handsOf(ctx));
    if (outcome === "was up") {
      ctx.note("the demo is up already (lab demo down ends it)");
      await printStatus(ctx, root);
      return 0;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    ctx.note((stop.signal.reason as LabError).message);
    return EXIT_INTERRUPTED;
  }
  ctx.print(await inProcess(ctx, ["get", "servers", "--context", "demo"]));
  ctx.print(tellStory(machines));
  return 0;
}

/** The example homelab of the checkout that this program runs from. */
function findExample(): string {
  const program = realpathSync(process.argv[1] ?? ".");
  for (let directory = dirname(program); ; directory = dirname(directory)) {
    const example = join(directory, "examples", "homelab");
    if (existsSync(example)) return example;
    if (directory === dirname(directory)) break;
  }
  throw new LabError("NotFound", "examples/homelab is not there: the demo runs from a checkout", {
    hint: "git checkout",
  });
}

async function down(ctx: CommandContext, root: string): Promise<number> {
  const { tearDown } = await openDemo();
  ctx.note((await tearDown(root, CONTEXTS)) ? "the demo is down" : "the demo was not up");
  return 0;
}

async function partition(ctx: CommandContext, root: string): Promise<number> {
  const { cutMesh, groupsOf } = await openDemo();
  const groups = groupsOf(root, ctx.args.all("A,B"));
  warnOfDeaf(ctx, await cutMesh(root, groups));
  ctx.print(`${tellCut(groups).join("\n")}\n`);
  ctx.note("both halves take changes; lab demo heal makes the mesh whole again");
  return 0;
}

async function heal(ctx: CommandContext, root: string): Promise<number> {
  const { cutMesh } = await openDemo();
  warnOfDeaf(ctx, await cutMesh(root, []));
  const begin = performance.now();
  const isOne = await untilOneState(ctx, root);
  const tookS = ((performance.now() - begin) / 1000).toFixed(1);
  ctx.print(isOne ? `the mesh is whole: one state on every machine after ${tookS} s\n` : "the mesh is whole\n");
  if (!isOne) ctx.warn("the machines do not agree yet: lab demo status");
  return 0;
}

/** How long the machines may take to agree before that is said instead of waited for. */
const AGREE_MS = 10_000;
const LOOK_MS = 50;

/** Whether every running machine has the same state; waits a while for it. */
async function untilOneState(ctx: CommandContext, root: string): Promise<boolean> {
  const { describeDemo } = await openDemo();
  for (const until = performance.now() + AGREE_MS; performance.now() < until; await sleep(LOOK_MS)) {
    const rows = await Promise.all((describeDemo(root) ?? []).map((machine) => describe(ctx, machine)));
    const running = rows.filter(({ state }) => state === "running");
    if (running.every(({ stateHash }) => stateHash === running[0]?.stateHash)) return true;
  }
  return false;
}

function warnOfDeaf(ctx: CommandContext, names: readonly string[]): void {
  if (names.length > 0) ctx.warn(`${names.join(", ")} did not answer`);
}

function tellCut(groups: Groups): string[] {
  return groups.map((names, i) => `side ${i + 1}: ${names.join(", ")}`);
}

async function kill(ctx: CommandContext, root: string): Promise<number> {
  const { killMachines } = await openDemo();
  const names = ctx.args.all("NAME");
  const dead = await killMachines(root, names);
  for (const name of names) ctx.note(dead.includes(name) ? `${name} did not run` : `${name} is dead`);
  return 0;
}

async function start(ctx: CommandContext, root: string): Promise<number> {
  const { startMachines } = await openDemo();
  const names = ctx.args.all("NAME");
  const ran = await startMachines(root, names);
  for (const name of names) ctx.note(ran.includes(name) ? `${name} runs already` : `${name} runs`);
  return 0;
}

/** The hidden command that an agent of the demo is. */
async function serveAgent(ctx: CommandContext): Promise<number> {
  const { home } = ctx.place;
  if (home === undefined) throw new LabError("Usage", "an agent is found by its home", { field: "home" });
  const ending = new Promise<number>((resolve) => {
    ctx.onInterrupt(() => resolve(EXIT_INTERRUPTED));
    process.once("SIGTERM", () => resolve(0));
  });
  const { startDemoAgent } = await openDemoAgent();
  const agent = await startDemoAgent({
    home,
    logLevel: ctx.globals.debug ? "debug" : "info",
    writeLog: (line) => void ctx.io.stderr.write(line.endsWith("\n") ? line : `${line}\n`),
  });
  try {
    return await ending;
  } finally {
    await agent.stop();
  }
}

interface AgentRow extends MachineState {
  /** - `starting`: the process is there and does not answer */
  readonly state: "running" | "starting" | "stopped";
  /** Members that it is connected to. */
  readonly peers: number | null;
  readonly stateHash: string | null;
}

const HASH_SHOWN = 12;

async function printStatus(ctx: CommandContext, root: string): Promise<void> {
  const machines = (await openDemo()).describeDemo(root);
  const rows = await Promise.all((machines ?? []).map((machine) => describe(ctx, machine)));
  const { name: format } = ctx.globals.format;
  if (format === "json") {
    ctx.print(`${JSON.stringify({ kind: "DemoAgentList", items: rows }, null, 2)}\n`);
    return;
  }
  if (format === "name") {
    ctx.print(rows.map(({ name }) => `${name}\n`).join(""));
    return;
  }
  if (machines === null) {
    ctx.note("the demo is not up");
    ctx.note("hint: lab demo up");
    return;
  }
  const cells = rows.map(({ name, pid, state, peers, stateHash, side }) => [
    name,
    String(pid ?? NOTHING),
    state,
    String(peers ?? NOTHING),
    stateHash?.slice(0, HASH_SHOWN) ?? NOTHING,
    String(side ?? NOTHING),
  ]);
  const headers = ["NAME", "PID", "STATE", "PEERS", "STATE-HASH", "SIDE"];
  const lines = renderTable(headers, cells, { headers: !ctx.flags.on("no-headers") });
  ctx.print(lines.map((line) => `${cellText(line)}\n`).join(""));
  const isCut = rows.some(({ side }) => side !== null);
  ctx.note(isCut ? "the mesh is cut: sides do not hear each other (lab demo heal)" : "the mesh is whole");
}

async function describe(ctx: CommandContext, machine: MachineState): Promise<AgentRow> {
  const silent = { ...machine, peers: null, stateHash: null };
  if (machine.pid === null) return { ...silent, state: "stopped" };
  const { timeoutMs } = ctx.globals;
  const connection = await connectAgentOf(machine.home, "agent", { timeoutMs });
  if (connection === undefined) return { ...silent, state: "starting" };
  try {
    const { item } = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
    const { items } = (await connection.call("GET", "/v1/peers")) as ListDocument<Peer>;
    const peers = items.filter(({ name, connected }) => name !== item.peer && connected === "direct").length;
    return { ...machine, state: "running", peers, stateHash: item.stateHash };
  } finally {
    await connection.close();
  }
}

/** What the demo does by typing, as it were. The paths are literals, because the bundler has to see them. */
const TYPED: Readonly<Record<string, () => Promise<CommandModule>>> = {
  "get-peers": () => import("./get-peers.ts"),
  init: () => import("./init.ts"),
  apply: () => import("./apply.ts"),
  token: () => import("./token.ts"),
  status: () => import("./status.ts"),
  "secret-set": () => import("./secret-set.ts"),
  "secret-get": () => import("./secret-get.ts"),
  "get-servers": () => import("./get-servers.ts"),
};

const CONTEXTS: Hands["contexts"] = {
  read: (configDir) => readContexts(configDir).contexts,
  add: registerContext,
  remove: removeContext,
};

function handsOf(ctx: CommandContext): Hands {
  return {
    lab: (argv, options) => inProcess(ctx, argv, options),
    async sign(context, work) {
      const own = typed(ctx, ["status", "--context", context]);
      try {
        await withSigning(own.context, {}, work);
      } finally {
        await own.close();
      }
    },
    contexts: CONTEXTS,
    progress: (text) => ctx.note(text),
  };
}

type Typing = Parameters<Hands["lab"]>[1];

/** Runs a command line here and returns what it printed; its progress is not shown. */
async function inProcess(ctx: CommandContext, argv: readonly string[], options?: Typing): Promise<string> {
  const own = typed(ctx, argv, options);
  try {
    const load = TYPED[own.context.command.module];
    if (load === undefined) throw new Error(`the demo does not type "${argv.join(" ")}"`);
    await (await load()).run(own.context);
    return own.text();
  } finally {
    await own.close();
  }
}

function typed(ctx: CommandContext, argv: readonly string[], options: Typing = {}): Run & { text(): string } {
  const parsed = parseArgv(ctx.table, argv);
  if (parsed.kind !== "run") throw new Error(`not a command: ${argv.join(" ")}`);
  const chunks: Buffer[] = [];
  const io: Terminal = {
    ...ctx.io,
    stdin: Readable.from([options.stdin ?? ""]) as NodeJS.ReadStream,
    stdout: { write: (data) => chunks.push(Buffer.from(data as string)) },
    stderr: { write: () => true },
    // Whoever runs the demo may have settings for a mesh of their own.
    env: { ...ctx.io.env, LAB_HOME: "", LAB_OPERATOR: "", LAB_OPERATOR_PASSPHRASE_FILE: "", ...options.env },
  };
  return { ...createRun(parsed, ctx.table, io), text: () => Buffer.concat(chunks).toString("utf8") };
}
