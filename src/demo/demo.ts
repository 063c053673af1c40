import { join } from "node:path";
import { askToReread } from "./control.ts";
import {
  type DemoFile,
  disown,
  homeOf,
  processOf,
  readCut,
  readDemo,
  removeDirectory,
  requireDemo,
  withLock,
  writeCut,
} from "./directory.ts";
import { type Groups, readGroups, requireMachine } from "./groups.ts";
import { launch } from "./launch.ts";
import { endProcesses } from "./processes.ts";

/** How long an agent has to end by itself. */
const GRACE_MS = 5_000;

export interface MachineState {
  readonly name: string;
  readonly home: string;
  /** Null if its agent does not run. */
  readonly pid: number | null;
  /** Number of its group, from 1; null if the mesh is whole. */
  readonly side: number | null;
}

/** Null if there is no demo. */
export function describeDemo(root: string): readonly MachineState[] | null {
  const file = readDemo(root);
  if (file === null) return null;
  const groups = readCut(root);
  return file.machines.map(({ name }) => {
    const group = groups.findIndex((names) => names.includes(name));
    const pid = processOf(root, name)?.pid ?? null;
    return { name, home: homeOf(root, name), pid, side: group < 0 ? null : group + 1 };
  });
}

/** Cuts the mesh into groups; none makes it whole. Returns the machines whose agents run and did not say that they did it. */
export function cutMesh(root: string, groups: Groups): Promise<readonly string[]> {
  return withLock(root, () => cut(root, groups));
}

async function cut(root: string, groups: Groups): Promise<readonly string[]> {
  const running = namesOf(requireDemo(root)).filter((name) => processOf(root, name) !== null);
  // An agent that starts meanwhile reads it.
  writeCut(root, groups);
  const done = await Promise.all(running.map((name) => askToReread(homeOf(root, name))));
  return running.filter((_, i) => !done[i]);
}

/** Throws `NotFound`, `Usage`. */
export function groupsOf(root: string, words: readonly string[]): Groups {
  return readGroups(words, namesOf(requireDemo(root)));
}

/** Ends agents like a power cut. Returns those that did not run. */
export function killMachines(root: string, names: readonly string[]): Promise<readonly string[]> {
  return withLock(root, async () => {
    requireMachines(root, names);
    const processes = names.map((name) => processOf(root, name));
    await endProcesses(
      processes.filter((process) => process !== null),
      { graceMs: 0 },
    );
    return names.filter((_, i) => processes[i] === null);
  });
}

/** Starts agents again. Returns those that ran already. */
export function startMachines(root: string, names: readonly string[]): Promise<readonly string[]> {
  return withLock(root, async () => {
    requireMachines(root, names);
    const ran = names.filter((name) => processOf(root, name) !== null);
    const all = await Promise.allSettled(names.filter((name) => !ran.includes(name)).map((name) => launch(root, name)));
    for (const one of all) if (one.status === "rejected") throw one.reason;
    return ran;
  });
}

/** The contexts of the command line, by name. */
export interface ContextBook {
  read(configDir: string): Readonly<Record<string, { readonly home?: string }>>;
  remove(configDir: string, name: string): void;
}

/** Ends the agents and removes everything that the demo made. False if there was nothing. */
export function tearDown(root: string, contexts: ContextBook): Promise<boolean> {
  return withLock(root, () => raze(root, contexts));
}

/** The same for who has the lock already. */
export async function raze(root: string, contexts: ContextBook): Promise<boolean> {
  const file = readDemo(root);
  if (file === null) return false;
  // First: an agent that is starting puts itself on record and then asks whether it may.
  disown(root, file);
  const agents = namesOf(file).flatMap((name) => processOf(root, name) ?? []);
  await endProcesses(agents, { graceMs: GRACE_MS });
  for (const [name, { home }] of Object.entries(contexts.read(file.configDir))) {
    if (home?.startsWith(join(root, "/"))) contexts.remove(file.configDir, name);
  }
  removeDirectory(root, file);
  return true;
}

function namesOf({ machines }: DemoFile): readonly string[] {
  return machines.map(({ name }) => name);
}

function requireMachines(root: string, names: readonly string[]): void {
  const machines = namesOf(requireDemo(root));
  for (const name of names) requireMachine(name, machines);
}
