import type { Json } from "../json.ts";
import { isJsonMap } from "../model/record-reader.ts";
import { alarmAckPath, alarmSilencePath } from "../paths.ts";
import { parseSelector, type Term } from "../selector/term.ts";
import type { PathWinner, View } from "../view.ts";
import type { Finding } from "./findings.ts";
import { type AlarmKind, isAlarmKind } from "./kinds.ts";

/** An operator has seen an alarm. */
export interface Acknowledgement {
  readonly by: string;
  readonly atMs: number;
  readonly reason: string;
  /** Of the incident that was seen: one that begins later is another. */
  readonly sinceMs: number;
}

/** Some alarms are told nobody until then. */
export interface Silence {
  readonly id: string;
  readonly kind: AlarmKind | null;
  /** In the language of selectors; empty where a kind is meant. */
  readonly selector: string;
  readonly terms: readonly Term[];
  readonly untilMs: number;
  readonly by: string;
  readonly reason: string;
}

export function writeAck(sinceMs: number, reason: string): Json {
  return { since: sinceMs, ...(reason === "" ? {} : { reason }) };
}

export function writeSilence(
  what: { readonly kind: AlarmKind } | { readonly selector: string },
  untilMs: number,
  reason: string,
): Json {
  return { ...what, until: untilMs, ...(reason === "" ? {} : { reason }) };
}

/** What an operator said of this alarm; null if nobody did, or what stands there cannot be read. */
export function ackOf(view: View, alarm: string): Acknowledgement | null {
  const winner = view.desired(alarmAckPath(alarm));
  if (winner === undefined || !isJsonMap(winner.value)) return null;
  const { since, reason } = winner.value;
  if (typeof since !== "number") return null;
  return { by: nameOf(view, winner), atMs: winner.hlc.ms, reason: textOf(reason), sinceMs: since };
}

/** Silences that are still in force, by id. One that cannot be read silences nothing. */
export function silencesOf(view: View, nowMs: number): readonly Silence[] {
  const prefix = alarmSilencePath("");
  return view.desiredUnder(prefix).flatMap(([path, winner]): Silence[] => {
    if (!isJsonMap(winner.value)) return [];
    const { kind, selector, until, reason } = winner.value;
    if (typeof until !== "number" || until <= nowMs) return [];
    const [kinds, terms] = [isAlarmKind(kind) ? kind : null, termsOf(selector)];
    if (kinds === null && terms === null) return [];
    const said = { kind: kinds, selector: textOf(selector), terms: terms ?? [] };
    const id = path.slice(prefix.length);
    return [{ id, ...said, untilMs: until, by: nameOf(view, winner), reason: textOf(reason) }];
  });
}

/** The silence that lasts longest of those that cover the finding; `matches` says whether a server fulfils the terms. */
export function silenceOf(
  silences: readonly Silence[],
  { kind, server }: Pick<Finding, "kind" | "server">,
  matches: (server: string, terms: readonly Term[]) => boolean,
): Silence | null {
  const covering = silences.filter(
    (silence) => silence.kind === kind || (silence.kind === null && server !== null && matches(server, silence.terms)),
  );
  return covering.sort((a, b) => b.untilMs - a.untilMs || (a.id < b.id ? -1 : 1))[0] ?? null;
}

function termsOf(selector: Json | undefined): readonly Term[] | null {
  if (typeof selector !== "string") return null;
  try {
    const terms = parseSelector(selector);
    return terms.length === 0 ? null : terms;
  } catch {
    // Written by another release, or by hand: what nobody understands silences nothing.
    return null;
  }
}

function nameOf(view: View, { log }: PathWinner): string {
  return view.operators.find((operator) => operator.log === log)?.name ?? log.slice(0, 12);
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
