import { fromBase64Url } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { Agent } from "../agent.ts";

/** Takes signed entries from the operator's CLI; the answer comes when they are durable here. */
export async function submitEntries(
  agent: Agent,
  input: { readonly entries: readonly string[] },
  asker = "local",
): Promise<unknown> {
  const entries = input.entries.map((text) => {
    const bytes = fromBase64Url(text);
    if (bytes === null) throw new LabError("Invalid", "an entry is not base64url", { field: "entries" });
    return bytes;
  });
  const answers = await agent.submit(entries);
  const [first, ...others] = answers.filter(({ state }) => state === "refused");
  if (first !== undefined) {
    // One record for one request: every record goes to every peer, and any member may ask.
    const object = `entry:${first.id.slice(0, 12)}`;
    const reason = `${first.reason ?? ""}${others.length === 0 ? "" : `; ${others.length} more refused`}`;
    await agent.audit({ actor: asker, action: "entry.submit", object, decision: "denied", reason });
  }
  const results = answers.map(({ id, state, reason }) => ({
    hash: id,
    state: state === "waiting" ? "parked" : state,
    ...(reason === undefined ? {} : { reason }),
  }));
  return { results, durable: true };
}
