import type { Random } from "../../src/core/ports/random.ts";
import { seededRandom } from "../../sim/random.ts";

/** How a machine hangs on the network, and what its home lies on. */
export interface Place {
  readonly name: string;
  readonly wire: /** Straight on the switch. */
    | "plain"
    /** Through something of ours that delays frames and lets them overtake each other. */
    | "delayed"
    /** Behind a router that masquerades: it reaches others, nobody reaches it. */
    | "behind a router";
  readonly disk: "directory" | "image";
}

/** Something that is wrong from `atMs` of its round on, for `forMs`. */
export type Fault = { readonly atMs: number; readonly forMs: number } & (
  | { readonly kind: "cut"; readonly minority: readonly string[] }
  | { readonly kind: "cable out"; readonly machine: string }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: "stop"; readonly machine: string }
  /** SIGKILL; it is started again afterwards. */
  | { readonly kind: "kill"; readonly machine: string }
  /** Its disk takes nothing any more; it is started from a copy of what was on it. */
  | { readonly kind: "power cut"; readonly machine: string }
  /** Another lease, while it runs. `forMs` is how long nobody may know where it is. */
  | { readonly kind: "move"; readonly machine: string; readonly to: number }
  | { readonly kind: "loss"; readonly machine: string; readonly permille: number }
  | { readonly kind: "rate"; readonly machine: string; readonly kbit: number }
  | { readonly kind: "delay"; readonly machine: string; readonly delayMs: number; readonly jitterMs: number }
  /** Everybody but the first machine is killed, and started with another address. */
  | { readonly kind: "new leases"; readonly to: ReadonlyMap<string, number> }
  /** Three strangers with one token, two of them where it was made. */
  | { readonly kind: "race"; readonly strangers: readonly string[] }
);

export interface Round {
  readonly name: string;
  /** Seconds of the cut that it is about; null if it is about something else. */
  readonly cutSeconds: number | null;
  readonly faults: readonly Fault[];
}

export interface PlanOptions {
  readonly seed: string;
  readonly places: readonly Place[];
  readonly cutsSeconds: readonly number[];
  readonly strangers: readonly (readonly string[])[];
}

const STOP_MS = 10_000;
const DEAD_MS = 4_000;
/** From a new address to everybody's knowing it: dead connections are noticed, then somebody dials. */
const MOVE_MS = 15_000;
const NEW_LEASES_MS = 3_000;
/** Cuts from this length on are long enough for a race and for a machine to die and come back meanwhile. */
const LONG_CUT_SECONDS = 30;
/** Leases that nobody has at first. */
const SPARE_LEASES = 150;

/** What happens in which order: the same for the same seed and options, wherever it runs. */
export function drawPlan({ seed, places, cutsSeconds, strangers }: PlanOptions): Round[] {
  const random = seededRandom(`chaos ${seed}`);
  const leases = { next: SPARE_LEASES };
  const races = [...strangers];
  const rounds = [
    ...cutsSeconds.map((seconds, i) => drawCut(random.fork(`cut ${i}`), places, seconds, races)),
    drawStop(random.fork("stop"), places, leases),
    drawNewLeases(places, leases),
  ];
  return shuffled(random.fork("order"), rounds);
}

interface Leases {
  next: number;
}

function drawCut(random: Random, places: readonly Place[], seconds: number, races: (readonly string[])[]): Round {
  const forMs = seconds * 1000;
  const minority = drawMinority(random, places);
  const majority = places.filter(({ name }) => !minority.includes(name));
  const faults: Fault[] = [{ kind: "cut", atMs: 0, forMs, minority }, ...drawWeather(random, places, forMs)];
  if (seconds >= LONG_CUT_SECONDS) {
    const strangers = races.shift();
    if (strangers !== undefined) faults.push({ kind: "race", atMs: 3_000, forMs: 0, strangers });
    const imaged = majority.filter(({ disk }) => disk === "image");
    if (imaged.length > 0) {
      const machine = pick(random, imaged).name;
      faults.push({ kind: "power cut", atMs: 8_000 + random.below(4_000), forMs: DEAD_MS, machine });
    }
  }
  return { name: `cut of ${seconds} s`, cutSeconds: seconds, faults };
}

/** Less than half, and whoever is behind one router on one side: it is the router's cable that is moved. */
function drawMinority(random: Random, places: readonly Place[]): string[] {
  const most = Math.ceil(places.length / 2) - 1;
  const routed = places.filter(({ wire }) => wire === "behind a router").map(({ name }) => name);
  const groups = [
    ...places.filter(({ wire }) => wire !== "behind a router").map(({ name }) => [name]),
    ...(routed.length > 0 ? [routed] : []),
  ];
  const side: string[] = [];
  for (const group of shuffled(random, groups)) if (side.length + group.length <= most) side.push(...group);
  return side;
}

/** One thing or two that are worse than usual, each at one machine. */
function drawWeather(random: Random, places: readonly Place[], forMs: number): Fault[] {
  const delayed = places.filter(({ wire }) => wire === "delayed");
  const kinds = shuffled(random, ["loss", "rate", ...(delayed.length > 0 ? ["delay"] : [])] as const).slice(0, 2);
  return kinds.map((kind): Fault => {
    const at = { atMs: 0, forMs };
    if (kind === "loss") return { kind, ...at, machine: pick(random, places).name, permille: 10 + random.below(90) };
    if (kind === "rate") {
      // The kernel's own delay takes the place where a rate is set.
      const others = places.filter(({ wire }) => wire !== "delayed");
      return { kind, ...at, machine: pick(random, others).name, kbit: 128 + random.below(896) };
    }
    const delay = { delayMs: 5 + random.below(60), jitterMs: random.below(60) };
    return { kind: "delay", ...at, machine: pick(random, delayed).name, ...delay };
  });
}

function drawStop(random: Random, places: readonly Place[], leases: Leases): Round {
  const [moved, ...others] = shuffled(random, places.slice(1)).sort(
    (a, b) => Number(b.wire === "plain") - Number(a.wire === "plain"),
  );
  const rest = [...(places[0] === undefined ? [] : [places[0]]), ...others];
  const [stopped, killed, pulled] = shuffled(
    random,
    rest.map(({ name }) => name),
  );
  const faults: Fault[] = [{ kind: "stop", atMs: 0, forMs: STOP_MS, machine: stopped as string }];
  if (moved?.wire === "plain") {
    faults.push({ kind: "move", atMs: 0, forMs: MOVE_MS, machine: moved.name, to: leases.next++ });
  }
  if (places.length > 4) {
    faults.push({ kind: "kill", atMs: random.below(3_000), forMs: DEAD_MS, machine: killed as string });
    faults.push({ kind: "cable out", atMs: random.below(3_000), forMs: 2 * DEAD_MS, machine: pulled as string });
  }
  return { name: "one stands still", cutSeconds: null, faults };
}

function drawNewLeases(places: readonly Place[], leases: Leases): Round {
  // The first keeps its address, as a machine does that tokens name.
  const movable = places.slice(1).filter(({ wire }) => wire !== "behind a router");
  const to = new Map(movable.map(({ name }) => [name, leases.next++]));
  return {
    name: "all start anew",
    cutSeconds: null,
    faults: [{ kind: "new leases", atMs: 0, forMs: NEW_LEASES_MS, to }],
  };
}

function pick<T>(random: Random, among: readonly T[]): T {
  return among[random.below(among.length)] as T;
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(random.below(rest.length), 1)[0] as T);
}
