import type { Scene } from "./story.ts";

const TIME_WIDTH = 9;
/** Of a terminal, and of what can be pasted into a report. */
const MOST_COLUMNS = 80;
/** To the right of the last line. */
const LAST_WORD = 8;
const MOST_ROWS = 70;
const MOST_VIOLATIONS = 3;

/**
 * A world as text: time goes down, each machine has a line (`│` while it runs), arrows lead from who told to who
 * learned. Long stories lose what came first: a failure is told by its end.
 */
export function draw(machines: readonly string[], scenes: readonly Scene[]): string {
  const width = Math.max(8, Math.min(14, Math.floor((MOST_COLUMNS - TIME_WIDTH - LAST_WORD) / machines.length)));
  const canvas = new Canvas(machines, width);
  const rows: string[] = [];
  const violations = scenes.filter(({ scene }) => scene === "violation");
  for (const scene of scenes) {
    if (violations.indexOf(scene) >= MOST_VIOLATIONS) continue;
    const text = rowOf(canvas, machines, scene);
    rows.push(`${(scene.atMs / 1000).toFixed(3).padStart(TIME_WIDTH - 1)} ${text}`.trimEnd());
  }
  const head = `${" ".repeat(TIME_WIDTH)}${machines.map((name) => name.padEnd(width)).join("")}`.trimEnd();
  const unseen = machines.slice(Math.floor((MOST_COLUMNS - TIME_WIDTH) / width));
  const left = rows.length - MOST_ROWS;
  const kept = left > 0 ? [`${" ".repeat(TIME_WIDTH)}… ${left} rows before`, ...rows.slice(-MOST_ROWS)] : rows;
  const more = violations.length - MOST_VIOLATIONS;
  if (more > 0) kept.push(`${" ".repeat(TIME_WIDTH)}!! and ${more} more`);
  if (unseen.length > 0) kept.push(`${" ".repeat(TIME_WIDTH)}… and to the right: ${unseen.length} machines`);
  return [head, ...kept].map((line) => [...line].slice(0, MOST_COLUMNS).join("")).join("\n");
}

function rowOf(canvas: Canvas, machines: readonly string[], scene: Scene): string {
  switch (scene.scene) {
    case "starts":
      canvas.runs(scene.machine);
      return canvas.row([[scene.machine, "┬ starts"]]);
    case "goes":
      canvas.goes(scene.machine);
      return canvas.row([[scene.machine, "┴ stops"]]);
    case "act": {
      const what = `${scene.kind} #${scene.number}`;
      if (scene.who.length === 0) return `── ${what} ──`;
      const last = scene.who.toSorted((a, b) => machines.indexOf(a) - machines.indexOf(b)).at(-1);
      if (/crash|restart|stop|set back/.test(scene.kind)) for (const name of scene.who) canvas.goes(name);
      return canvas.row(scene.who.map((name) => [name, name === last ? `╳ ${what}` : "╳"]));
    }
    case "learns": {
      const what =
        scene.entries.length > 2 ? `${scene.entries[0]} +${scene.entries.length - 1}` : scene.entries.join(" ");
      return scene.from === null
        ? canvas.row([[scene.machine, `◆ ${what}`]])
        : canvas.arrow(scene.from, scene.machine, what);
    }
    case "violation":
      return `!! ${scene.check}: ${scene.detail}`;
  }
}

/** Lines of machines, side by side. */
class Canvas {
  readonly #machines: readonly string[];
  readonly #width: number;
  readonly #running = new Set<string>();

  constructor(machines: readonly string[], width: number) {
    this.#machines = machines;
    this.#width = width;
  }

  runs(machine: string): void {
    this.#running.add(machine);
  }

  goes(machine: string): void {
    this.#running.delete(machine);
  }

  /** Words at the lines of machines; a word that is too long runs over lines to its right that have none. */
  row(words: readonly (readonly [machine: string, text: string])[]): string {
    const cells = this.#lines();
    for (const [machine, text] of words) {
      const at = this.#at(machine);
      for (const [i, letter] of [...text].entries()) cells[at + i] = letter;
      const end = at + [...text].length;
      if (cells[end] !== undefined) cells[end] = " ";
    }
    return cells.join("");
  }

  arrow(from: string, to: string, text: string): string {
    const [a, b] = [this.#at(from), this.#at(to)];
    const cells = this.#lines();
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    for (let at = low + 1; at < high; at++) cells[at] = "─";
    cells[a] = "●";
    cells[b] = b > a ? "▶" : "◀";
    // To the right of the arrow, so that it can be followed.
    for (const [i, letter] of [...` ${text} `].entries()) cells[high + 1 + i] = letter;
    return cells.join("");
  }

  #lines(): string[] {
    const cells = Array.from({ length: this.#machines.length * this.#width }, () => " ");
    for (const name of this.#running) cells[this.#at(name)] = "│";
    return cells;
  }

  /** Whoever has no line of its own stands to the right of all. */
  #at(machine: string): number {
    const index = this.#machines.indexOf(machine);
    return (index === -1 ? this.#machines.length : index) * this.#width;
  }
}
