import type { Mutant } from "../mutant.ts";

const run = ["--drops"];

/** Guards without which ledgers lose what they say, say it wrongly, or cannot be whole again. */
export const DROP_MUTANTS: readonly Mutant[] = [
  {
    name: "what is pinned goes at once",
    file: "src/node/agent.ts",
    guard: "(heldMs.get(id) ?? 0) >= pinnedMs",
    without: "(heldMs.get(id) ?? 0) >= 0",
    run,
  },
  {
    name: "a clock that jumps makes pins old",
    file: "src/crdt/store/pin-ages.ts",
    guard: "Math.min(Math.max(0, nowMs - atMs), mostMs)",
    without: "Math.max(0, nowMs - atMs)",
    run,
  },
  {
    name: "keepers drop as well",
    file: "src/node/agent.ts",
    guard: "const keepsWhole = backsUp || isKeeper(this.view(), this.node);",
    without: "const keepsWhole = backsUp && isKeeper(this.view(), this.node);",
    run,
  },
  {
    name: "a ledger does not stay on its state",
    file: "src/crdt/prefix.ts",
    guard: "const isStated = chain.letGo > 0 && chain.unread === 0;",
    without: "const isStated = chain.letGo < 0 && chain.unread === 0;",
    run,
  },
  {
    name: "a cut that did not know the pin makes nobody ask for the links",
    file: "src/crdt/doubts.ts",
    guard: 'const doubt = doubtOfPins(graph, known, chain, beginning, "cut");',
    without: 'const doubt = known.length < 0 ? doubtOfPins(graph, known, chain, beginning, "cut") : null;',
    run,
  },
  {
    name: "nobody hands a state on",
    file: "src/crdt/sync/exchange.ts",
    guard: "if (handed !== null && have.every(",
    without: "if (handed !== null && have.length < 0 && have.every(",
    run,
  },
  {
    name: "a fork below a state is forgotten",
    file: "src/crdt/states.ts",
    guard: "this.#below.set(idOf(entry), below);",
    without: "if (entry.header.seq < 0) this.#below.set(idOf(entry), below);",
    run,
  },
  {
    name: "links that came back are forgotten by a start",
    file: "src/crdt/states.ts",
    guard: 'this.#pending.push(this.#store.stateRecord(stated.entry, "whole"));',
    without: "",
    run,
  },
  {
    name: "links below a state go before it is on the disk",
    file: "src/crdt/store/entry-store.ts",
    guard: "await this.#disk.append([...records, { key: COUNT_KEY, value: this.#seal(counted) }], true);",
    without:
      "if (before.length > 0) await this.#disk.remove(before, true); await this.#disk.append([...records, { key: COUNT_KEY, value: this.#seal(counted) }], true);",
    run,
  },
];
