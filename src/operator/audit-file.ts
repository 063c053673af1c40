import { type AuditHead, CLASS_AUTHORITY, readHeads } from "../core/audit-heads.ts";
import { equalBytes, fromBase64Url, fromHex, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import { isoTime } from "../core/iso-time.ts";
import type { Keys } from "../core/ports/keys.ts";
import { AuthorityGraph } from "../crdt/authority/graph.ts";
import { resolve } from "../crdt/authority/resolve.ts";
import { type ChainFlaw, checkChain } from "../crdt/chain-check.ts";
import { firstKept, mayBeginBefore } from "../crdt/retention.ts";
import type { AuditLetGo } from "../operations/kinds/audit-head.ts";
import { type ChainHeader, decodeEntry, type Entry, isAuthority, isChain, isLedgerClass } from "../crdt/entry/entry.ts";

/** The first line of an export. */
export interface ExportHeader {
  readonly v: 1;
  readonly kind: "AuditExport";
  /** Hex: the hash of the genesis entry, from which on everything is checked. */
  readonly mesh: string;
  readonly meshName: string;
  readonly exported: string;
  readonly heads: readonly AuditHead[];
}

/** Every other line: an entry as it is kept, and what is in it for whoever reads the file. */
export interface ExportLine {
  readonly log: string;
  readonly class: number;
  readonly seq: number;
  readonly author: string;
  readonly hash: string;
  /** Base64url. */
  readonly entry: string;
}

export interface ExportFlaw extends ChainFlaw {
  readonly author: string;
  readonly log: string;
  readonly class: number;
}

export interface CheckedExport {
  readonly header: ExportHeader;
  readonly entries: number;
  readonly flaws: readonly ExportFlaw[];
  /** What the machine that made it had let go of, as it was old enough. */
  readonly letGo: readonly AuditLetGo[];
}

/**
 * Checks an export without any machine: from the genesis entry on, every signature and every link, and that the logs
 * reach to where the file says that they did, and to where they did when somebody looked before.
 * Throws `InvalidFile` for a file that is no export.
 */
export async function checkExport(
  keys: Keys,
  file: string,
  text: string,
  remembered: (mesh: string) => readonly AuditHead[],
  nowMs: number,
): Promise<CheckedExport> {
  const [first = "", ...rest] = text.split("\n");
  const header = readHeader(file, first);
  const graph = new AuthorityGraph(keys, fromHex(header.mesh) as Uint8Array);
  const lines = rest.filter((line) => line !== "").map(readLine);
  const flaws: ExportFlaw[] = [];
  const letGo: { readonly log: string; readonly class: number; readonly to: number; readonly before: string }[] = [];
  const chains = new Map<string, { line: ExportLine; entry: Entry<ChainHeader> }[]>();
  const counts = new Map<string, number>();
  const nameOf = new Map<string, string>(header.heads.map(({ log, author }) => [log, author]));
  for (const line of lines) {
    if (line === null) continue;
    nameOf.set(line.log, line.author);
    const entry = decodeLine(keys, line);
    if (line.class !== CLASS_AUTHORITY) {
      const id = `${line.log}/${line.class}`;
      const isItself = entry !== null && isChain(entry) && entry.id === line.hash && entry.header.seq === line.seq;
      if (isItself) chains.set(id, [...(chains.get(id) ?? []), { line, entry }]);
      else flaws.push({ ...line, problem: "edited", to: line.seq });
      continue;
    }
    const seq = (counts.get(line.log) ?? 0) + 1;
    counts.set(line.log, seq);
    const isGood = entry !== null && isAuthority(entry) && entry.id === line.hash;
    const { state } = isGood ? graph.add(entry) : { state: "refused" as const };
    if (state === "waiting") flaws.push({ ...line, problem: "moved", seq, to: seq });
    if (state === "refused") flaws.push({ ...line, problem: "edited", seq, to: seq });
  }
  const unread = rest.filter((line) => line !== "").length - lines.filter((line) => line !== null).length;
  if (unread > 0)
    flaws.push({ author: "?", log: "", class: CLASS_AUTHORITY, problem: "edited", seq: unread, to: unread });
  const heads = [...header.heads, ...remembered(header.mesh)];
  for (const head of heads.filter((one) => one.class === CLASS_AUTHORITY && graph.find(one.hash) === undefined)) {
    flaws.push({ ...head, problem: "missing", to: head.seq });
  }
  const named = new Set(heads.filter((one) => one.class !== CLASS_AUTHORITY).map((one) => `${one.log}/${one.class}`));
  for (const id of new Set([...chains.keys(), ...named])) {
    const [log = "", chainClass = ""] = id.split("/");
    const found = chains.get(id) ?? [];
    const wanted = heads.filter((one) => one.log === log && String(one.class) === chainClass);
    const key = graph.logs.get(log)?.key ?? "";
    const edited = new Set(
      flaws.filter((one) => one.log === log && String(one.class) === chainClass).map(({ seq }) => seq),
    );
    const entries = found.map(({ entry }) => entry);
    // As of when the file says that it was made, or now, if it says that it will be.
    const madeMs = Math.min(nowMs, Date.parse(header.exported));
    const from = isLedgerClass(Number(chainClass))
      ? firstPinned(graph, entries)
      : firstKept(entries, mayBeginBefore(madeMs));
    const first = entries.find(({ header: { seq } }) => seq === from);
    if (from > 1 && first !== undefined) {
      const before = isoTime(first.header.hlc.ms);
      letGo.push({ log, class: Number(chainClass), to: from - 1, before });
    }
    const inChain = await checkChain(keys, key, entries, wanted, from);
    // A line that is altered is not missing as well.
    const rest = inChain.filter(({ problem, seq, to }) => !(problem === "missing" && seq === to && edited.has(seq)));
    flaws.push(...rest.map((flaw) => ({ ...flaw, log, class: Number(chainClass), author: nameOf.get(log) ?? "?" })));
  }
  const { operators, nodes } = resolve(graph, keys);
  // Who it was say the entries, where they can; else the file, which anybody may have written.
  const authorOf = (log: string, told: string): string => {
    const [operator, node] = [operators.get(log)?.name, nodes.get(log)?.name];
    return operator === undefined ? (node === undefined ? told : `node:${node}`) : `operator:${operator}`;
  };
  return {
    header,
    entries: lines.length,
    flaws: flaws.map(({ author, log, class: chainClass, problem, seq, to }) => {
      return { author: authorOf(log, author), log, class: chainClass, problem, seq, to };
    }),
    letGo: letGo.map((gone) => ({ ...gone, author: authorOf(gone.log, nameOf.get(gone.log) ?? "?") })),
  };
}

/** The number with which a ledger may begin here: 1, or where a checkpoint that is in the file pins it. */
function firstPinned(graph: AuthorityGraph, entries: readonly Entry<ChainHeader>[]): number {
  const first = entries.reduce<Entry<ChainHeader> | null>((least, entry) => {
    return least === null || entry.header.seq < least.header.seq ? entry : least;
  }, null);
  const isPinned = graph.entries.some(({ body }) => {
    return body.type === "checkpoint" && body.pins.some(({ hash }) => first !== null && equalBytes(hash, first.hash));
  });
  return first !== null && isPinned ? first.header.seq : 1;
}

function readHeader(file: string, line: string): ExportHeader {
  try {
    const header = JSON.parse(line) as ExportHeader;
    if (header.kind === "AuditExport" && header.v === 1 && fromHex(header.mesh)?.length === 32) {
      return { ...header, heads: readHeads(JSON.stringify(header.heads)) };
    }
  } catch {
    // Told below.
  }
  throw new LabError("InvalidFile", `${file} is not an export of an audit`, { hint: "lab audit export --out FILE" });
}

function readLine(line: string): ExportLine | null {
  try {
    const { log, class: chainClass, seq, author, hash, entry } = JSON.parse(line) as ExportLine;
    if ([log, author, hash, entry].some((field) => typeof field !== "string")) return null;
    return Number.isSafeInteger(seq) && Number.isSafeInteger(chainClass)
      ? { log, class: chainClass, seq, author, hash, entry }
      : null;
  } catch {
    return null;
  }
}

function decodeLine(keys: Keys, { entry }: ExportLine): Entry | null {
  const bytes = fromBase64Url(entry);
  try {
    return bytes === null ? null : decodeEntry(keys, bytes);
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** A line of an export, from what an agent gave. Throws `PeerFailed`. */
export function exportLine(
  keys: Keys,
  head: Pick<AuditHead, "log" | "class" | "author">,
  text: string,
  seq: number,
): string {
  const bytes = fromBase64Url(text);
  if (bytes === null) throw new LabError("PeerFailed", "the agent's answer makes no sense: an entry is not base64url");
  const entry = decodeEntry(keys, bytes);
  const line: ExportLine = {
    log: head.log,
    class: head.class,
    seq: isChain(entry) ? entry.header.seq : seq,
    author: head.author,
    hash: entry.id,
    entry: text,
  };
  return JSON.stringify(line);
}

/** Hex of the log that an authority entry stands in; empty for the genesis entry. */
export function authorityLog(keys: Keys, text: string): string {
  const bytes = fromBase64Url(text);
  const entry = bytes === null ? null : decodeEntry(keys, bytes);
  if (entry === null || !isAuthority(entry) || entry.header.type === "genesis") return "";
  return toHex(entry.header.log);
}
