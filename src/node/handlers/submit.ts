import { fromBase64Url } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { Agent } from "../agent.ts";

/** Takes signed entries from the operator's CLI; the answer comes when they are durable here. */
export async function submitEntries(agent: Agent, input: { readonly entries: readonly string[] }): Promise<unknown> {
  const entries = input.entries.map((text) => {
    const bytes = fromBase64Url(text);
    if (bytes === null) throw new LabError("Invalid", "an entry is not base64url", { field: "entries" });
    return bytes;
  });
  const answers = await agent.submit(entries);
  const refused = answers.filter(({ state }) => state === "refused");
  for (const { id, reason = "" } of refused) {
    const object = `entry:${id.slice(0, 12)}`;
    await agent.audit({ actor: "local", action: "entry.submit", object, decision: "denied", reason });
  }
  const results = answers.map(({ id, state, reason }) => ({
    hash: id,
    state: state === "waiting" ? "parked" : state,
    ...(reason === undefined ? {} : { reason }),
  }));
  return { results, durable: true };
}
