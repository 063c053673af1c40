import { type AuditHead, CLASS_AUTHORITY } from "../../core/audit-heads.ts";
import { toBase64Url } from "../../core/bytes.ts";
import type { View } from "../../core/view.ts";
import type { Chain } from "../../crdt/chain.ts";
import { type ChainFlaw, checkChain } from "../../crdt/chain-check.ts";
import { CLASS_AUDIT, CLASS_DESIRED, isChain, isLedgerClass } from "../../crdt/entry/entry.ts";
import { carriesValidSignature } from "../../crdt/entry/signatures.ts";
import type { auditEntriesOperation, auditHeadsOperation } from "../../operations/audit-verify.ts";
import { firstKept } from "../../crdt/retention.ts";
import type { AuditFlaw, AuditLetGo } from "../../operations/kinds/audit-head.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import { operatorName } from "./lists.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

const ANSWER_BYTES = 512 * 1024;

export function auditHeads(source: ReadSource): OutputOf<typeof auditHeadsOperation> {
  return { meta: metaOf(source), heads: headsOf(source).map((head) => ({ ...head })) };
}

/** Ends of all logs that are here, by log and class. */
export function headsOf({ replica }: ReadSource): AuditHead[] {
  const view = replica.view();
  const heads: AuditHead[] = [];
  const counts = new Map<string, number>();
  const tips = new Set(replica.graph.tips.map(({ index }) => index));
  for (const { log, index, entry } of replica.graph.entries) {
    const seq = (counts.get(log) ?? 0) + 1;
    counts.set(log, seq);
    if (tips.has(index)) heads.push({ log, class: CLASS_AUTHORITY, author: authorOf(view, log), seq, hash: entry.id });
  }
  for (const chain of watched(replica.chains.values())) {
    const last = chain.main.at(-1)?.entry;
    if (last === undefined) continue;
    const { log, class: chainClass } = chain;
    heads.push({ log, class: chainClass, author: authorOf(view, log), seq: last.header.seq, hash: last.id });
  }
  return heads.sort((a, b) => a.class - b.class || (a.log < b.log ? -1 : a.log > b.log ? 1 : a.seq - b.seq));
}

/** Chains that are held against memories. */
export function watched(chains: Iterable<Chain>): Chain[] {
  return [...chains].filter((chain) => chain.class === CLASS_DESIRED || chain.class === CLASS_AUDIT);
}

/** Heads that somebody remembers. */
export interface Memory {
  readonly whose: string;
  readonly heads: readonly AuditHead[];
}

export interface Findings {
  readonly flaws: readonly AuditFlaw[];
  readonly letGo: readonly AuditLetGo[];
}

/** Holds all that is here against signatures, links and memories. An audit log may begin with an entry that is as old. */
export async function findFlaws(
  source: ReadSource,
  memories: readonly Memory[],
  mayBeginBeforeMs: number,
): Promise<Findings> {
  const { replica, keys } = source;
  await replica.makeWhole();
  const view = replica.view();
  const flaws: AuditFlaw[] = [];
  const letGo: AuditLetGo[] = [];
  const counts = new Map<string, number>();
  for (const { entry, log, body } of replica.graph.entries) {
    const seq = (counts.get(log) ?? 0) + 1;
    counts.set(log, seq);
    if (body.type === "genesis" || carriesValidSignature(keys, entry)) continue;
    flaws.push(told(view, { log, class: CLASS_AUTHORITY }, { problem: "edited", seq, to: seq }, []));
  }
  for (const { whose, heads } of memories) {
    for (const head of heads.filter((one) => one.class === CLASS_AUTHORITY)) {
      if (replica.graph.find(head.hash) !== undefined) continue;
      const seq = (counts.get(head.log) ?? 0) + 1;
      flaws.push(told(view, head, { problem: "missing", seq, to: Math.max(seq, head.seq) }, [whose], head.author));
    }
  }
  const byChain = new Map<string, { readonly whose: string; readonly head: AuditHead }[]>();
  for (const { whose, heads } of memories) {
    for (const head of heads.filter((one) => one.class !== CLASS_AUTHORITY)) {
      const id = `${head.log}/${head.class}`;
      byChain.set(id, [...(byChain.get(id) ?? []), { whose, head }]);
    }
  }
  for (const chain of watched(replica.chains.values())) {
    const remembered = byChain.get(`${chain.log}/${chain.class}`) ?? [];
    byChain.delete(`${chain.log}/${chain.class}`);
    const entries = chain.links().map(({ entry }) => entry);
    const sorted = chain.shape === "line" ? chain.main.map(({ entry }) => entry) : entries;
    const heads = remembered.map(({ head }) => ({ seq: head.seq, hash: head.hash }));
    // What a state stands for may have gone, by a rule that is no clock's.
    const from = isLedgerClass(chain.class) ? chain.letGo + 1 : firstKept(sorted, mayBeginBeforeMs);
    const first = sorted.find(({ header }) => header.seq === from);
    if (from > 1 && first !== undefined) {
      const { log, class: chainClass } = chain;
      const before = isoTime(first.header.hlc.ms);
      letGo.push({ author: authorOf(view, log), log, class: chainClass, to: from - 1, before });
    }
    for (const flaw of await checkChain(keys, chain.key, sorted, heads, from)) {
      const whose = remembered.filter(({ head }) => head.seq >= flaw.seq).map((one) => one.whose);
      flaws.push(told(view, chain, flaw, flaw.problem === "missing" ? whose : []));
    }
  }
  for (const [, [first, ...rest]] of byChain) {
    if (first === undefined) continue;
    const { head } = first;
    const to = Math.max(head.seq, ...rest.map((one) => one.head.seq));
    flaws.push(told(view, head, { problem: "missing", seq: 1, to }, [first.whose], head.author));
  }
  return { flaws, letGo };
}

const IN_WORDS: Readonly<Record<ChainFlaw["problem"], string>> = {
  edited: "is not what its writer signed",
  missing: "is missing",
  moved: "stands elsewhere than its number says",
  forked: "was signed twice, with two contents",
  foreign: "was written by another key",
};

function told(
  view: View,
  { log, class: chainClass }: { readonly log: string; readonly class: number },
  { problem, seq, to }: ChainFlaw,
  whose: readonly string[],
  remembered?: string,
): AuditFlaw {
  const known = authorOf(view, log);
  const author = known.endsWith(log.slice(0, 12)) && remembered !== undefined ? remembered : known;
  const seen = whose.length === 0 ? "" : `; seen by ${[...new Set(whose)].join(", ")}`;
  return { author, log, class: chainClass, seq, to, problem, detail: `${IN_WORDS[problem]}${seen}` };
}

function authorOf(view: View, log: string): string {
  if (log === "") return "root";
  const node = view.nodes.get(log);
  if (node !== undefined) return `node:${node.name}`;
  for (const [id, { name, roles }] of view.nodes) {
    for (const role of roles) if (view.roleLog(id, role) === log) return `node:${name}`;
  }
  return `operator:${operatorName(view, log)}`;
}

export async function auditEntries(
  source: ReadSource,
  { log, class: chainClass, after }: InputOf<typeof auditEntriesOperation>,
): Promise<OutputOf<typeof auditEntriesOperation>> {
  const { replica } = source;
  await replica.makeWhole((chain) => chain.log === log && chain.class === chainClass);
  const all =
    chainClass === CLASS_AUTHORITY
      ? replica.graph.entries.map(({ entry }) => entry)
      : (replica.chain(log, chainClass)?.links() ?? []).map(({ entry }) => entry);
  const sorted = chainClass === CLASS_AUTHORITY ? all : all.filter(isChain).sort((a, b) => a.header.seq - b.header.seq);
  const handed = after === 0 ? replica.stated.handOn(log, chainClass) : null;
  const state = handed === null ? {} : { state: toBase64Url(handed.bytes()) };
  const entries: string[] = [];
  let room = ANSWER_BYTES;
  for (const { bytes } of sorted.slice(after)) {
    room -= bytes.length;
    if (room < 0 && entries.length > 0) return { entries, more: true, ...state };
    entries.push(toBase64Url(bytes));
  }
  return { entries, more: false, ...state };
}
