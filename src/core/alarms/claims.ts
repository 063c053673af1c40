import type { Plain } from "../encoding.ts";
import { type Complaint, COMPLAINT_KINDS } from "./findings.ts";
import { type AlarmKind, isAlarmKind } from "./kinds.ts";

/** An alarm that a node raised, as its own record tells the others. */
export interface IncidentClaim {
  readonly id: string;
  readonly kind: AlarmKind;
  readonly about: string;
  readonly server: string | null;
  readonly detail: string;
  /** Wall clock of whoever saw it first. */
  readonly sinceMs: number;
  /** When it was over; null while it is not. */
  readonly untilMs: number | null;
}

/** - `raised`: a person was told that it began · `resolved`: that it is over */
export type Told = "raised" | "resolved";

/** What a node has told somebody by a route, so that no other node tells it again. */
export interface DeliveryClaim {
  readonly id: string;
  readonly route: string;
  readonly told: Told;
  /** Of the incident. */
  readonly sinceMs: number;
  readonly atMs: number;
}

/** The part of a node's record that is about alarms. */
export interface AlarmClaims {
  readonly complaints: readonly Complaint[];
  /** Programs that this node can run for routes, by name. */
  readonly programs: readonly string[];
  readonly incidents: readonly IncidentClaim[];
  readonly deliveries: readonly DeliveryClaim[];
}

export const NO_CLAIMS: AlarmClaims = { complaints: [], programs: [], incidents: [], deliveries: [] };

/** What one record holds of each; a record has at most 32 KiB. */
export const MOST_INCIDENTS = 50;
export const MOST_DELIVERIES = 100;
export const MOST_COMPLAINTS = 16;
export const MOST_PROGRAMS = 32;
export const MOST_DETAIL = 200;
const MOST_NAME = 140;

/** Undefined when there is nothing to say, so that such a record looks as it always did. */
export function encodeClaims(claims: AlarmClaims): Plain | undefined {
  const said = Object.entries(claims).filter(([, items]) => (items as readonly unknown[]).length > 0);
  return said.length === 0 ? undefined : (Object.fromEntries(said) as Plain);
}

/** Takes what makes sense: the record is another machine's word. */
export function decodeClaims(value: Plain | undefined): AlarmClaims {
  const fields = mapOf(value);
  return {
    complaints: items(fields["complaints"], MOST_COMPLAINTS, (item) => {
      const kind = COMPLAINT_KINDS.find((known) => known === item["kind"]);
      return kind && { kind, subject: text(item["subject"]), detail: text(item["detail"], MOST_DETAIL) };
    }),
    programs: list(fields["programs"], MOST_PROGRAMS).flatMap((name) => (typeof name === "string" ? [name] : [])),
    incidents: items(fields["incidents"], MOST_INCIDENTS, (item) => {
      const { kind } = item;
      const [id, sinceMs, untilMs] = [text(item["id"]), time(item["sinceMs"]), time(item["untilMs"])];
      if (!isAlarmKind(kind) || id === "" || sinceMs === null) return undefined;
      const server = typeof item["server"] === "string" ? text(item["server"]) : null;
      return {
        id,
        kind,
        about: text(item["about"]),
        server,
        detail: text(item["detail"], MOST_DETAIL),
        sinceMs,
        untilMs,
      };
    }),
    deliveries: items(fields["deliveries"], MOST_DELIVERIES, (item) => {
      const told = TOLD.find((known) => known === item["told"]);
      const [sinceMs, atMs] = [time(item["sinceMs"]), time(item["atMs"])];
      if (told === undefined || sinceMs === null || atMs === null) return undefined;
      return { id: text(item["id"]), route: text(item["route"]), told, sinceMs, atMs };
    }),
  };
}

const TOLD = ["raised", "resolved"] as const satisfies readonly Told[];

type Fields = { readonly [name: string]: Plain | undefined };

function mapOf(value: Plain | undefined): Fields {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  return isMap ? (value as Fields) : {};
}

function list(value: Plain | undefined, most: number): readonly Plain[] {
  return Array.isArray(value) ? (value as Plain[]).slice(0, most) : [];
}

function items<T>(value: Plain | undefined, most: number, read: (item: Fields) => T | undefined): T[] {
  return list(value, most).flatMap((item) => {
    const found = read(mapOf(item));
    return found === undefined ? [] : [found];
  });
}

function text(value: Plain | undefined, most = MOST_NAME): string {
  return typeof value === "string" ? value.slice(0, most) : "";
}

function time(value: Plain | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
