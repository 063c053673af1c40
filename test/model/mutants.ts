import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type * as Explore from "./explore.ts";

/**
 * Rules that must matter: each is changed in a copy of the model's sources, and the exploration must see it. A mutant
 * whose expression is gone from the sources stops the run, so that it is written anew.
 */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly rule: string;
  readonly instead: string;
  /** Where it shows, and which invariants the smallest history that shows it breaks. */
  readonly scene: string;
  readonly seenBy: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "what a cut does not keep counts all the same",
    file: "authority.ts",
    rule: "|| !isKept(graph, assumed, entry)) return false",
    instead: ") return false",
    scene: "operators",
    seenBy: "I2 I1",
  },
  {
    name: "equals cut each other",
    file: "authority.ts",
    rule: "!(graph.logOf(cut.log).rank < log.rank)",
    instead: "!(graph.logOf(cut.log).rank <= log.rank)",
    scene: "operators",
    seenBy: "I3 I9",
  },
  {
    name: "cuts that nobody approved cut",
    file: "authority.ts",
    rule: "facts.effective.has(cut.id) && applies(graph, cut, log)",
    instead: "applies(graph, cut, log)",
    scene: "thresholds",
    seenBy: "I9",
  },
  {
    name: "a cut reaches grants that know it",
    file: "authority.ts",
    rule: "keepFor(cut, log.id) !== null || !graph.past(log.opening).has(cut.id)",
    instead: "true",
    scene: "operators",
    seenBy: "I5 I9",
  },
  {
    name: "a cut reaches only the logs that it names",
    file: "authority.ts",
    rule: "keepFor(cut, log.id) !== null || !graph.past(log.opening).has(cut.id)",
    instead: "keepFor(cut, log.id) !== null",
    scene: "operators",
    seenBy: "I5 I8 I17",
  },
  {
    name: "a cut reaches only logs that it knows",
    file: "authority.ts",
    rule: "keepFor(cut, log.id) !== null || !graph.past(log.opening).has(cut.id)",
    instead: "keepFor(cut, log.id) !== null || graph.past(cut).has(log.opening.id)",
    scene: "operators",
    seenBy: "I8 I17",
  },
  {
    name: "frontiers are compared by hash",
    file: "authority.ts",
    rule: "tip === entry.id || pastOf(graph, tip).has(entry.id)",
    instead: "tip >= entry.id",
    scene: "frontiers",
    seenBy: "I2",
  },
  {
    name: "an unknown frontier keeps everything",
    file: "authority.ts",
    rule: "entry === undefined ? new Set() :",
    instead: "entry === undefined ? new Set(graph.byId.keys()) :",
    scene: "frontiers",
    seenBy: "I3 I4",
  },
  {
    name: "approvals are counted by signatures",
    file: "authority.ts",
    rule: ".map(({ key }) => key)",
    instead: ".map(({ id }) => id)",
    scene: "thresholds",
    seenBy: "I9",
  },
  {
    name: "juniors approve",
    file: "authority.ts",
    rule: "&& graph.logOf(log).rank <= rank",
    instead: "",
    scene: "thresholds",
    seenBy: "I3 I9",
  },
  {
    name: "one grants above one's own rank",
    file: "authority.ts",
    rule: "body.rank < log.rank",
    instead: "body.rank < 0",
    scene: "operators",
    seenBy: "I3 I9",
  },
  {
    name: "a new grant ends the older logs of its key",
    file: "authority.ts",
    rule: "|| !isKept(graph, assumed, entry)) return false",
    instead:
      "|| !isKept(graph, assumed, entry) || graph.of('grant').some(({ id, body }) => body.key === entry.key && id > entry.log)) return false",
    scene: "operators",
    seenBy: "I5",
  },
  {
    name: "of two entries that fork a log the lower hash counts",
    file: "authority.ts",
    rule: "|| !isKept(graph, assumed, entry)) return false",
    instead:
      "|| !isKept(graph, assumed, entry) || graph.history.entries.some((other) => other.log === entry.log && other.id < entry.id && !graph.past(entry).has(other.id))) return false",
    scene: "operators",
    seenBy: "I3 I4",
  },
  {
    name: "a forked ledger ends its writer's authority",
    file: "authority.ts",
    rule: "|| !isKept(graph, assumed, entry)) return false",
    instead:
      "|| !isKept(graph, assumed, entry) || graph.history.links.filter(({ log, seq }) => log === entry.log && seq === 1).length > 1) return false",
    scene: "ledgers",
    seenBy: "I5 I12",
  },
  {
    name: "any coordinator redeems any token",
    file: "authority.ts",
    rule: "token.body.issuer === log.id &&",
    instead: "",
    scene: "tokens",
    seenBy: "I20",
  },
  {
    name: "who lost the coordinator's role redeems on",
    file: "authority.ts",
    rule: "return [...cutsOf(graph, facts, log), ...unroles.filter(({ id }) => facts.effective.has(id))];",
    instead: "return [...cutsOf(graph, facts, log), ...unroles.slice(0, 0)];",
    scene: "tokens",
    seenBy: "I2",
  },
  {
    name: "of a role given and taken at once the giving wins",
    file: "nodes.ts",
    rule: "unroles.every(({ id }) => graph.past(by).has(id))",
    instead: "unroles.every((unrole) => graph.past(by).has(unrole.id) || !graph.past(unrole).has(by.id))",
    scene: "roles",
    seenBy: "I8",
  },
  {
    name: "the lower hash wins a token",
    file: "nodes.ts",
    rule: "wit(graph, facts, log, rival) < wit(graph, facts, rival, log)",
    instead: "log.id < rival.id",
    scene: "tokens",
    seenBy: "I10",
  },
  {
    name: "all who redeemed a token take part",
    file: "nodes.ts",
    rule: "wit(graph, facts, log, rival) < wit(graph, facts, rival, log)",
    instead: "wit(graph, facts, log, rival) <= wit(graph, facts, rival, log)",
    scene: "tokens",
    seenBy: "I10",
  },
  {
    name: "a junior's testimony outweighs a senior's",
    file: "nodes.ts",
    rule: "return Math.min(Number.POSITIVE_INFINITY, ...ranks);",
    instead: "return ranks.length === 0 ? Infinity : -Math.max(...ranks);",
    scene: "duplicates",
    seenBy: "I7",
  },
  {
    name: "void entries testify",
    file: "nodes.ts",
    rule: 'facts.effective.has(id) && body.t !== "genesis"',
    instead: 'body.t !== "genesis"',
    scene: "duplicates",
    seenBy: "I2 I1",
  },
  {
    name: "a later duplicate inherits a name",
    file: "nodes.ts",
    rule: "some(({ id }) => past.has(id))",
    instead: "some(({ id }) => past.size > 0 || id)",
    scene: "names",
    seenBy: "I15",
  },
  {
    name: "a junior's duplicate takes a name",
    file: "nodes.ts",
    rule: "if (rankOfN < rankOfM) return true;",
    instead: "if (rankOfN > rankOfM) return true;",
    scene: "names",
    seenBy: "I15",
  },
  {
    name: "the lower hash owns a name",
    file: "nodes.ts",
    rule: "wit(graph, facts, n, m) < Infinity && wit(graph, facts, m, n) === Infinity",
    instead: "n.id < m.id",
    scene: "names",
    seenBy: "I15",
  },
  {
    name: "at a fork the lower hash goes on",
    file: "ledgers.ts",
    rule: "|| successors.length > 1",
    instead: "",
    scene: "ledgers",
    seenBy: "I11 I1",
  },
  {
    name: "a junior's pin comes before a senior's",
    file: "ledgers.ts",
    rule: "sort((a, b) => a - b)",
    instead: "sort((a, b) => b - a)",
    scene: "pins",
    seenBy: "I11 S2",
  },
  {
    name: "anybody's pin ends a fork",
    file: "ledgers.ts",
    rule: "entry.log === log.id || rank < log.rank",
    instead: "entry.log === log.id || rank >= 0",
    scene: "ledgers",
    seenBy: "I11",
  },
  {
    name: "a pin that is not here yet holds nothing",
    file: "ledgers.ts",
    rule: "Math.min(Infinity, ...missing, ...incompatible)",
    instead: "Math.min(Infinity, ...missing.slice(0, 0), ...incompatible)",
    scene: "ledgers",
    seenBy: "I11",
  },
  {
    name: "a cut goes below pins that it knew",
    file: "ledgers.ts",
    rule: "return named !== null && end === Infinity && goesOnFrom(named, chain) ? named : chain;",
    instead: "return named ?? chain.slice(0, 0);",
    scene: "ledgers",
    seenBy: "I11 S2",
  },
  {
    name: "of several frontiers the longest counts",
    file: "ledgers.ts",
    rule: "return length < 0 ? first : first.slice(0, length);",
    instead: "return chains.reduce((a, b) => (b.length > a.length ? b : a), first.slice(0, length));",
    scene: "ledgers",
    seenBy: "I2",
  },
  {
    name: "what a write saw and replaced counts on",
    file: "ledgers.ts",
    rule: "!superseded.has(link.id)",
    instead: '!superseded.has("")',
    scene: "ledgers",
    seenBy: "I13",
  },
  {
    name: "the lower clock wins",
    file: "ledgers.ts",
    rule: "b.link.hlc - a.link.hlc",
    instead: "a.link.hlc - b.link.hlc",
    scene: "ledgers",
    seenBy: "I13",
  },
  {
    name: "writes from the future wait",
    file: "ledgers.ts",
    rule: "const effective = ledgers.flatMap(({ kept }) => kept.flatMap(writesOf));\n  const paths",
    instead:
      "const effective = ledgers.flatMap(({ kept }) => kept.filter(({ hlc }) => hlc < 1e6).flatMap(writesOf));\n  const paths",
    scene: "ledgers",
    seenBy: "I14",
  },
  {
    name: "what is void is gone",
    file: "ledgers.ts",
    rule: "!kept.has(link.id) && value !== null",
    instead: "!kept.has(link.id) && value === undefined",
    scene: "ledgers",
    seenBy: "I19",
  },
  {
    name: "what is frozen is gone",
    file: "ledgers.ts",
    rule: "!kept.has(link.id) && value !== null",
    instead:
      "!kept.has(link.id) && value !== null && ledgers.some(({ log }) => log === link.log && graph.of('cut').some(({ body }) => body.key === link.key))",
    scene: "pins",
    seenBy: "I19",
  },
  {
    name: "void entries are refused for ever",
    file: "door.ts",
    rule: "if (this.#isVoid(item) && !this.#isNeeded(item.id)) return;",
    instead:
      "if (Object.hasOwn(this, item.id)) return;\n    if (this.#isVoid(item) && !this.#isNeeded(item.id)) return void Object.assign(this, { [item.id]: 0 });",
    scene: "frontiers",
    seenBy: "I1",
  },
  {
    name: "void entries are refused though others build on them",
    file: "door.ts",
    rule: "(!this.#isVoid(parked) || this.#isNeeded(parked.id))",
    instead: "parked.id === id",
    scene: "frontiers",
    seenBy: "I1",
  },
  {
    name: "void entries are refused though frontiers name them",
    file: "door.ts",
    rule: "frontiersOf(entry).includes(id)",
    instead: 'entry.id === "" && frontiersOf(entry).includes(id)',
    scene: "frontiers",
    seenBy: "I1",
  },
  {
    name: "a cut that waits for its parents closes no door",
    file: "door.ts",
    rule: "return !parked.some((cut) => {",
    instead: "return !parked.slice(0, 0).some((cut) => {",
    scene: "operators",
    seenBy: "I17",
  },
  {
    name: "a state forgets what its ledger had replaced",
    file: "handed-on.ts",
    rule: "[...new Set([...before, ...over])]",
    instead: "before.slice(0, 0).concat(over)",
    scene: "states",
    seenBy: "S1",
  },
  {
    name: "what is handed on is as young as its pin",
    file: "handed-on.ts",
    rule: "summed.set(path, { ...link, writes",
    instead: "summed.set(path, { ...link, hlc: end.hlc, writes",
    scene: "states",
    seenBy: "S1",
  },
  {
    name: "a removal is not handed on",
    file: "handed-on.ts",
    rule: "kept: [...summed.values(), ...tail]",
    instead: "kept: [...[...summed.values()].filter(({ writes }) => writes[0]?.value !== null), ...tail]",
    scene: "states",
    seenBy: "S1",
  },
  {
    name: "a fork stops a ledger below its pin",
    file: "ledgers.ts",
    rule: "const kept = [...chain];",
    instead: "const kept: Link[] = chain.slice(0, 0);",
    scene: "pins",
    seenBy: "I11 S2",
  },
  {
    name: "a store answers with what it has",
    file: "door.ts",
    rule: "named.every((id) => this.has(id)) ?",
    instead: "named.length >= 0 ?",
    scene: "operators",
    seenBy: "I18",
  },
];

/** The model with one rule changed. */
export async function mutated({ name, file, rule, instead }: Mutant): Promise<typeof Explore> {
  const folder = import.meta.dirname;
  const source = readFileSync(join(folder, file), "utf8");
  if (source.split(rule).length !== 2) throw new Error(`${name}: ${file} has not once: ${rule}`);
  const { outputFiles } = await build({
    entryPoints: [join(folder, "explore.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    plugins: [
      {
        name: "mutant",
        setup: (bundling) => {
          const path = join(folder, file);
          bundling.onLoad({ filter: /[.]ts$/ }, (args) => {
            return args.path === path ? { contents: source.replace(rule, () => instead), loader: "ts" } : null;
          });
        },
      },
    ],
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error("nothing was bundled");
  return (await import(
    `data:text/javascript;base64,${Buffer.from(bundle.contents).toString("base64")}`
  )) as typeof Explore;
}
