import { writeSilence } from "../../core/alarms/handled.ts";
import { ALARM_KINDS, isAlarmKind } from "../../core/alarms/kinds.ts";
import { parseDurationMs } from "../../core/duration.ts";
import { LabError } from "../../core/errors.ts";
import { alarmSilencePath } from "../../core/paths.ts";
import { parseSelector, printTerm, type SelectorKey } from "../../core/selector/term.ts";
import type { CommandContext } from "../command.ts";
import { printChanges, withSigning } from "../signing/signing.ts";
import { digest } from "../declarations/wishes.ts";

const MOST_MS = 30 * 24 * 3_600_000;
const ID_LETTERS = 10;
/** What peers observe differs from peer to peer: it cannot decide what all of them keep quiet about. */
const OBSERVED: readonly SelectorKey[] = ["online", "sync", "puppet", "health", "identity"];

/** `lab alarm silence SELECTOR|KIND --for 2h` */
export async function run(ctx: CommandContext): Promise<number> {
  const word = ctx.args.one("SELECTOR|KIND");
  const reason = ctx.flags.value("reason") ?? "";
  const forMs = durationOf(ctx);
  const kind = isAlarmKind(word) ? word : null;
  const said = kind ?? selectorOf(word);
  const connection = await ctx.connect("replica");
  // A selector that matches no server is a slip: the answer is its error, with the nearest names.
  if (kind === null) await connection.call("GET", "/v1/servers", { query: { selector: [said] } });
  const path = alarmSilencePath(digest(`${kind === null ? "selector" : "kind"} ${said}`).slice(0, ID_LETTERS));
  const untilMs = ctx.io.now() + forMs;
  const value = forMs === 0 ? undefined : writeSilence(kind === null ? { selector: said } : { kind }, untilMs, reason);
  await withSigning(
    ctx,
    { paths: [path] },
    async ({ session }) => {
      await session.sign({ writes: [{ path, value }] });
      const action = value === undefined ? "delete" : "create";
      const until = value === undefined ? null : `until ${new Date(untilMs).toISOString()}`;
      const change = { action, kind: "silence", name: said, field: null, from: null, to: null, why: until } as const;
      await printChanges(ctx, session.context, [change]);
    },
    connection,
  );
  return 0;
}

function durationOf(ctx: CommandContext): number {
  const text = ctx.flags.value("for");
  if (text === undefined) {
    throw new LabError("Usage", "for how long?", {
      field: "for",
      hint: "--for 2h; what is silent for ever is forgotten",
    });
  }
  const forMs = parseDurationMs(text, "for");
  if (forMs <= MOST_MS) return forMs;
  throw new LabError("Usage", "a silence lasts at most 30d", { field: "for", hint: "lab edit alarm-route NAME" });
}

function selectorOf(word: string): string {
  const terms = parseSelector(word);
  const observed = terms.find(({ key }) => OBSERVED.includes(key));
  if (observed !== undefined) {
    throw new LabError("Usage", `a silence cannot go by ${observed.key}: every peer sees that differently`, {
      field: "SELECTOR",
      hint: `labels, groups, attributes, server=NAME, or a kind: ${ALARM_KINDS.join(", ")}`,
    });
  }
  return terms.map(printTerm).join(",");
}
