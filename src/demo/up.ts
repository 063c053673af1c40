import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import { Secret } from "../core/secret.ts";
import { joinMesh } from "../node/host.ts";
import { readKeys } from "../node/platform/home.ts";
import { createKeys } from "../node/platform/keys.ts";
import type { ItemDocument, ListDocument } from "../operations/kinds/meta.ts";
import type { Peer } from "../operations/kinds/peer.ts";
import type { Status } from "../operations/kinds/status.ts";
import { EVERYTHING, grantBody } from "../operator/authority.ts";
import { writeKeyFile } from "../operator/files/key-file.ts";
import type { Session } from "../operator/session.ts";
import { type ContextBook, raze } from "./demo.ts";
import {
  claimDirectory,
  type DemoFile,
  homeOf,
  processOf,
  readDemo,
  requireDemo,
  withLock,
  writeDemo,
} from "./directory.ts";
import { launch } from "./launch.ts";
import { FOUNDER, SECOND, SECRET } from "./machines.ts";

/** A named agent, as the command line keeps it. */
interface Context {
  readonly home: string;
  readonly operator: string;
}

/** What the command line does for the demo: a demo does nothing that a person could not type. */
export interface Hands {
  /** Runs a command line of this program and returns what it printed. Throws its error. */
  lab(
    argv: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string },
  ): Promise<string>;
  /** Signs as the operator of a context. */
  sign(
    context: string,
    run: (tools: { readonly session: Session; readonly keys: Keys; readonly random: Random }) => Promise<void>,
  ): Promise<void>;
  readonly contexts: ContextBook & { add(configDir: string, name: string, context: Context): void };
  progress(text: string): void;
}

export interface NewDemo {
  /** The demo's directory. */
  readonly root: string;
  readonly configDir: string;
  readonly machines: readonly string[];
  /** Directory of declarations. */
  readonly example: string;
  /** Ends the work between two steps. */
  readonly signal: AbortSignal;
}

const MESH = "homelab";
const CONTEXT = "demo";
const POLL_MS = 50;
const CONVERGE_TIMEOUT_MS = 30_000;

/** Context in which a machine of the demo is asked. */
export function contextOf(machine: string): string {
  return `${CONTEXT}-${machine}`;
}

/** Brings a homelab up on this machine. Leaves nothing behind if that fails. */
export function demoUp(demo: NewDemo, hands: Hands): Promise<"new" | "was up"> {
  return withLock(demo.root, () => raise(demo, hands));
}

async function raise(demo: NewDemo, hands: Hands): Promise<"new" | "was up"> {
  const { root, configDir } = demo;
  if ((await clearTheWay(root, hands)) === "is up") return "was up";
  refuseForeignContexts(demo, hands);
  const file: DemoFile = {
    v: 1,
    state: "starting",
    machines: demo.machines.map((name) => ({ name, key: null })),
    operators: join(configDir, CONTEXT),
    configDir,
  };
  claimDirectory(root, file);
  try {
    await build(demo, file, hands);
    writeDemo(root, { ...requireDemo(root), state: "ready" });
    return "new";
  } catch (error) {
    await raze(root, hands.contexts);
    throw error;
  }
}

async function clearTheWay(root: string, hands: Hands): Promise<"is up" | "clear"> {
  const file = readDemo(root);
  if (file === null) return "clear";
  if (file.state === "ready" && file.machines.some(({ name }) => processOf(root, name) !== null)) return "is up";
  hands.progress("removing what is left of an earlier demo");
  await raze(root, hands.contexts);
  return "clear";
}

function refuseForeignContexts({ root, configDir, machines }: NewDemo, hands: Hands): void {
  const there = hands.contexts.read(configDir);
  const own = [CONTEXT, contextOf("bob"), ...machines.map(contextOf)];
  const taken = own.find((name) => there[name] !== undefined && !there[name].home?.startsWith(join(root, "/")));
  if (taken === undefined) return;
  throw new LabError("AlreadyExists", `there is a context "${taken}" already, and it is not the demo's`, {
    hint: `rename it in ${join(configDir, "contexts.json")}`,
  });
}

async function build({ root, configDir, machines, example, signal }: NewDemo, file: DemoFile, hands: Hands) {
  const { operators } = file;
  const [alice, bob] = [join(operators, "alice"), join(operators, "bob")];
  const step = (text: string) => {
    signal.throwIfAborted();
    hands.progress(text);
  };

  step(`${FOUNDER}: a new mesh, its operator alice, this machine its first member`);
  await hands.lab(
    [
      ...["init", "--local", "--home", homeOf(root, FOUNDER), "--name", MESH, "--node", FOUNDER],
      ...["--recovery", join(operators, "recovery-code.txt")],
    ],
    { env: { USER: "alice", SUDO_USER: "", LAB_CONFIG: alice } },
  );
  for (const name of machines)
    hands.contexts.add(configDir, contextOf(name), { home: homeOf(root, name), operator: alice });
  hands.contexts.add(configDir, CONTEXT, { home: homeOf(root, FOUNDER), operator: alice });
  hands.contexts.add(configDir, contextOf("bob"), { home: homeOf(root, SECOND), operator: bob });
  await start(root, FOUNDER);

  step(`apply ${basename(example)}: labels, secrets, and which machines there shall be`);
  await hands.lab(["apply", "-f", example, "--context", CONTEXT]);

  step("alice makes bob an operator, and a token for every other machine");
  await hands.sign(CONTEXT, ({ session, keys, random }) => admitBob(session, keys, random, bob));
  const others = machines.filter((name) => name !== FOUNDER);
  const tokens: (readonly [name: string, token: string])[] = [];
  for (const name of others) {
    const labels = name === SECOND ? ["--labels", "secret-store"] : [];
    const token = await hands.lab(["token", "create", "--name", name, ...labels, "--context", CONTEXT]);
    tokens.push([name, token.trim()]);
  }

  step(`${others.join(", ")} join`);
  await all(
    tokens.map(async ([name, token]) => {
      await joinMesh({ home: homeOf(root, name), token, name: null });
      signal.throwIfAborted();
      await start(root, name);
    }),
  );
  step("every machine hears every other, and all have the same state");
  await untilConverged(machines, signal, hands);

  step(`alice sets ${SECRET.path}, which ${SECRET.reader} is entitled to`);
  await hands.lab(["secret", "set", SECRET.path, "--context", CONTEXT], { stdin: SECRET.value });
  await hands.lab(["secret", "get", SECRET.path, "--context", contextOf(SECRET.reader)]);
  await untilConverged(machines, signal, hands);
}

/** The key goes on record first: an agent starts only on a home that the demo says is its own. */
async function start(root: string, name: string): Promise<void> {
  const own = await readKeys(homeOf(root, name));
  const key = own && toHex(createKeys().signer(own.seed).publicKey);
  const file = requireDemo(root);
  writeDemo(root, {
    ...file,
    machines: file.machines.map((machine) => (machine.name === name ? { name, key } : machine)),
  });
  await launch(root, name);
}

/** A second operator, one rank below the first, with keys in a directory of their own. */
async function admitBob(session: Session, keys: Keys, random: Random, operatorDir: string): Promise<void> {
  const seed = new Secret(random.bytes(32));
  const { publicKey } = keys.signer(seed);
  const rank = session.context.logs.find(({ log }) => log === session.logWith("admin"))?.rank ?? 1;
  await session.sign({
    acts: [grantBody({ ...EVERYTHING, name: "bob", key: publicKey, rank: rank + 1 }, session.context.nowMs)],
  });
  writeKeyFile(operatorDir, { name: "bob", mesh: session.mesh, publicKey, custody: { kind: "plain", seed } });
}

async function untilConverged(machines: readonly string[], signal: AbortSignal, hands: Hands): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    signal.throwIfAborted();
    const all = await Promise.all(
      machines.map(async (name) => {
        const [status, peers] = await Promise.all(
          [["status"], ["get", "peers"]].map((words) =>
            hands.lab([...words, "-o", "json", "--context", contextOf(name)]),
          ),
        );
        const { items } = JSON.parse(peers ?? "") as ListDocument<Peer>;
        // Of a machine that is online others may have told it.
        const direct = items.filter(({ connected }) => connected === "direct").length;
        return { ...(JSON.parse(status ?? "") as ItemDocument<Status>).item, direct };
      }),
    );
    const states = new Set(all.map(({ stateHash, observedHash }) => `${stateHash} ${observedHash}`));
    const areThere = all.every(({ direct, online, missingRoles }) => {
      return online === machines.length && direct === machines.length && missingRoles.length === 0;
    });
    if (areThere && states.size === 1) return;
    if (waitedMs >= CONVERGE_TIMEOUT_MS) {
      throw new LabError("Timeout", "the demo's machines did not find each other", {
        notes: all.map(({ peer, direct, stateHash }) => `${peer}: hears ${direct}, state ${stateHash.slice(0, 12)}`),
      });
    }
    await sleep(POLL_MS);
  }
}

/** Waits for all of them, also when one fails: nothing goes on in the background while the rest is cleaned up. */
async function all(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
