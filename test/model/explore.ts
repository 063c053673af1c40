import { Case } from "./case.ts";
import { describe } from "./describe.ts";
import { Graph } from "./graph.ts";
import type { History } from "./history.ts";
import { INVARIANTS } from "./invariants.ts";
import { items, type Scene, SCENES, withItem } from "./scenes.ts";

export interface Finding {
  readonly invariant: string;
  readonly broken: string;
  readonly world: Case;
}

export function sceneOf(name: string): Scene {
  const scene = SCENES.find((one) => one.name === name);
  if (scene === undefined) throw new Error(`no scene ${name}; there are ${SCENES.map((one) => one.name).join()}`);
  return scene;
}

/** Every set of exactly `count` entries that can follow the start of a scene, each once. */
export function* casesOf(scene: Scene, count: number): Generator<Case> {
  for (const history of histories(scene, count, scene.start, 0)) yield new Case(history, scene.start.entries.length);
}

function* histories(scene: Scene, count: number, start: History, above: number): Generator<History> {
  if (count === 0) {
    yield start;
    return;
  }
  for (const { item, number } of items(scene, new Graph(start))) {
    // Whatever builds on or names an entry has a higher number, so in ascending order each set comes once.
    if (number > above) yield* histories(scene, count - 1, withItem(start, item), number);
  }
}

export function judge(world: Case): Finding | null {
  for (const { id, broken } of INVARIANTS) {
    const found = broken(world);
    if (found !== null) return { invariant: id, broken: found, world };
  }
  return null;
}

/** All that a history breaks. */
export function brokenBy(history: History, started: number): string[] {
  const world = new Case(history, started);
  return INVARIANTS.filter(({ broken }) => broken(world) !== null).map(({ id }) => id);
}

export interface Explored {
  readonly histories: number;
  /** The first of the smallest that break something. */
  readonly finding: Finding | null;
}

export function explore(scene: Scene, maxCount: number): Explored {
  let seen = 0;
  for (let count = 0; count <= maxCount; count++) {
    for (const world of casesOf(scene, count)) {
      seen++;
      const finding = judge(world);
      if (finding !== null) return { histories: seen, finding };
    }
  }
  return { histories: seen, finding: null };
}

export function tell({ invariant, broken, world }: Finding): string {
  const says = INVARIANTS.find(({ id }) => id === invariant)?.says ?? "";
  return `${invariant}: ${says}\n${broken}\n\n${describe(world.history)}\n`;
}
