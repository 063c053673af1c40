import { AuthorityGraph } from "../../src/crdt/authority/graph.ts";
import { resolve as resolveShipped } from "../../src/crdt/authority/resolve.ts";
import { Chain } from "../../src/crdt/chain.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { Fold, type Foldable } from "../../src/crdt/fold.ts";
import { chainId } from "../../src/crdt/chain.ts";
import { toHex } from "../../src/core/bytes.ts";
import type { Keys } from "../../src/core/ports/keys.ts";
import { removalsOf } from "./authority.ts";
import { Case } from "./case.ts";
import { describe } from "./describe.ts";
import type { Graph } from "./graph.ts";
import type { History } from "./history.ts";
import { randomHistory } from "./random-history.ts";
import { seededRandom } from "../../sim/random.ts";
import { OPEN_KEYS, type Realised, realise } from "./realise.ts";
import { resolve as resolveModel } from "./view.ts";

/** What one of the two makes of a history, a line for each thing that can be told apart. */
type Lines = readonly string[];

const MOST_ENTRIES = 24;

/** The smallest history of a seed that the two disagree about, as text; `null` if they say the same of it. */
export function disagreementOf(seed: string): string | null {
  const random = seededRandom(seed);
  const history = randomHistory(random, 4 + random.below(MOST_ENTRIES - 3));
  return disagreement(history) === null ? null : `seed ${seed}\n${smallest(history)}`;
}

/** What the model and the shipped function disagree about; `null` if they say the same. */
export function disagreement(history: History): string | null {
  const real = realise(history);
  // The same words twice are one entry, and no history of two.
  const signed = [...real.entries, ...real.links];
  if (new Set(signed.map(({ id }) => id)).size < signed.length) return null;
  const [ours, theirs] = [modelLines(real.renamed), shippedLines(real)];
  const known = new Set(theirs);
  if (ours.length === theirs.length && ours.every((line) => known.has(line))) return null;
  const names = real.names();
  const inWords = (line: string) => line.replaceAll(/[0-9a-f]{64}/g, (hex) => names.get(hex) ?? hex);
  const mine = new Set(ours);
  const only = (lines: Lines, other: ReadonlySet<string>, who: string) => {
    return lines.filter((line) => !other.has(line)).map((line) => `${who} ${inWords(line)}`);
  };
  return [...only(ours, known, "model:  "), ...only(theirs, mine, "shipped:")].join("\n");
}

function modelLines(graph: Graph): Lines {
  const { authority, operators, nodes, ledgers, paths, unadopted } = resolveModel(graph);
  const active = new Set(nodes.filter(({ state }) => state === "active").map(({ log }) => log));
  const enders = (log: string) => removalsOf(graph, authority, graph.logOf(log)).map(({ id }) => id);
  const roleLogs = [...graph.logs.values()].filter(({ role, id }) => role !== null && authority.known.has(id));
  const redeemers = (token: string) => nodes.filter(({ log }) => graph.logOf(log).opening.id === token);
  const written = new Set(paths.map(({ path }) => path));
  return [
    ...[...authority.effective].map((id) => `effect ${id}`),
    ...operators.map(({ log, key, rank, live }) => operatorLine(log, key, rank, live, enders(log))),
    ...nodes.map(({ log, key, name, state, naming, roles }) => nodeLine(log, key, name, state, naming, roles)),
    ...roleLogs.map(({ id, role }) => {
      const live = active.has(role?.node ?? "") && enders(id).length === 0;
      return roleLine(id, role?.node ?? "", role?.label ?? "", live, enders(id));
    }),
    ...graph
      .of("token")
      .filter(({ id }) => authority.effective.has(id))
      .map(({ id }) =>
        tokenLine(
          id,
          redeemers(id).map(({ log }) => log),
        ),
      ),
    ...ledgers
      .filter(({ kept }) => kept.length > 0)
      .map(({ log, kept }) =>
        ledgerLine(
          log,
          kept.map(({ id }) => id),
        ),
      ),
    ...paths.map(({ path, winner }) => winnerLine(path, winner.value, winner.value === null ? null : winner.link.id)),
    ...paths.flatMap(({ path, winner, conflicts }) => {
      const others = conflicts.filter(({ value }) => value !== winner.value);
      return others.length === 0
        ? []
        : [
            conflictLine(
              path,
              winner.link.log,
              others.map(({ link }) => link.log),
            ),
          ];
    }),
    // Where something counts, it says what is to become of the path; what is void matters where nothing does.
    ...[...unadopted].filter((path) => !written.has(path)).map((path) => `void ${path}`),
  ];
}

function shippedLines({ mesh, entries, links }: Realised): Lines {
  const keys = OPEN_KEYS as Keys;
  const graph = new AuthorityGraph(keys, mesh);
  for (const entry of entries) demand(graph.add(entry));
  const chains = new Map<string, Chain>();
  for (const link of links) {
    const log = toHex(link.header.log);
    const chain =
      chains.get(chainId(log, CLASS_DESIRED)) ??
      new Chain(keys, link.header.log, CLASS_DESIRED, toHex(link.header.key));
    chains.set(chainId(log, CLASS_DESIRED), chain);
    demand(chain.add(link));
  }
  const authority = resolveShipped(graph, keys);
  const chain = (log: string, chainClass: number) => chains.get(chainId(log, chainClass));
  const known: Foldable = {
    wasForked: true,
    mesh,
    graph,
    authority,
    revision: 0,
    newest: { ms: 0, count: 0 },
    chains,
    observed: new Map(),
    chain,
  };
  const fold = new Fold();
  const view = fold.view(known);
  const idOf = (index: number) => graph.at(index).entry.id;
  const paths = new Set(
    links
      .flatMap(({ id, header }) => chain(toHex(header.log), CLASS_DESIRED)?.find(id)?.writes ?? [])
      .map(({ path }) => path),
  );
  return [
    ...[...authority.effective].map((index) => `effect ${idOf(index)}`),
    ...[...authority.operators.values()].map(({ log, key, rank, state, enders }) => {
      return operatorLine(
        log,
        key,
        rank,
        state === "live",
        enders.map(({ index }) => idOf(index)),
      );
    }),
    ...[...authority.nodes.values()].map(({ id, key, name, state, naming, roles }) =>
      nodeLine(id, key, name, state, naming, [...roles]),
    ),
    ...[...authority.roleLogs].map(([log, { node, label, state, enders }]) => {
      return roleLine(
        log,
        node,
        label,
        state === "live",
        enders.map(({ index }) => idOf(index)),
      );
    }),
    ...[...authority.tokens.values()].map(({ hash, redeemedBy }) => tokenLine(hash, redeemedBy)),
    ...[...fold.ledgers]
      .filter(([, kept]) => kept.links.length > 0)
      .map(([log, kept]) =>
        ledgerLine(
          log,
          kept.links.map(({ entry }) => entry.id),
        ),
      ),
    ...[...paths]
      .filter((path) => view.isWritten(path))
      .map((path) => {
        const winner = view.desired(path);
        return winnerLine(path, typeof winner?.value === "string" ? winner.value : null, winner?.entry ?? null);
      }),
    ...view.conflicts().map(({ path, winner, losers }) =>
      conflictLine(
        path,
        winner.log,
        losers.map(({ log }) => log),
      ),
    ),
    ...[...paths]
      .filter((path) => !view.isWritten(path) && view.standing(path) === "void")
      .map((path) => `void ${path}`),
  ];
}

function demand(answer: { readonly state: string; readonly reason?: string }): void {
  if (answer.state !== "admitted") throw new Error(`what is admissible is ${answer.state}: ${answer.reason ?? ""}`);
}

function operatorLine(log: string, key: string, rank: number, live: boolean, enders: readonly string[]): string {
  return `operator ${log} of key ${key}, rank ${rank}, is ${live ? "live" : "cut"} by [${[...enders].sort().join()}]`;
}

function nodeLine(
  log: string,
  key: string,
  name: string,
  state: string,
  naming: string,
  roles: readonly string[],
): string {
  return `node ${log} of key ${key}: ${state}, ${naming} ${name} [${[...roles].sort().join()}]`;
}

function roleLine(log: string, node: string, label: string, live: boolean, enders: readonly string[]): string {
  return `role log ${log} of ${node}, ${label}, is ${live ? "live" : "cut"} by [${[...enders].sort().join()}]`;
}

function tokenLine(token: string, redeemers: readonly string[]): string {
  return `token ${token} was redeemed by [${[...redeemers].sort().join()}]`;
}

function ledgerLine(log: string, kept: readonly string[]): string {
  return `ledger ${log} counts up to ${kept.join()}`;
}

function winnerLine(path: string, value: string | null, link: string | null): string {
  return `${path} is ${value ?? "removed"} by ${link ?? "somebody"}`;
}

function conflictLine(path: string, winner: string, losers: readonly string[]): string {
  return `${path} is disputed: ${winner} against [${[...losers].sort().join()}]`;
}

/** A history of which nothing can be left out without the two agreeing, with what they disagree about. */
export function smallest(history: History): string {
  let world = new Case(history);
  for (;;) {
    const smaller = steps(world).find((one) => disagreement(one.history) !== null);
    if (smaller === undefined) return `${describe(world.history)}\n\n${disagreement(world.history)}\n`;
    world = smaller;
  }
}

/** The same with one thing less: an entry, a frontier, what a write saw. */
function steps(world: Case): Case[] {
  const { entries, links } = world.history;
  const frontiers = entries.flatMap((entry) => {
    const { body } = entry;
    if (body.t !== "cut" && body.t !== "unrole") return [];
    return body.keeps.map((keep) => ({ ...entry, body: { ...body, keeps: body.keeps.filter((one) => one !== keep) } }));
  });
  const seen = links.flatMap((link) => {
    const writes = link.writes.map((write) => ({ ...write, over: [] }));
    return link.writes.some(({ over }) => over.length > 0) ? [{ ...link, writes }] : [];
  });
  return [
    ...world.last.map(({ id }) => world.without(id)),
    ...entries.slice(1).flatMap((entry) => world.bypassing(entry) ?? []),
    ...[...(frontiers as typeof entries), ...seen].map((item) => world.replacing(item)),
  ];
}
