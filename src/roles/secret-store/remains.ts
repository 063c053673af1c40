import { LabError } from "../../core/errors.ts";
import { SECRET_STORE, storeRecipients } from "../../core/policy/entitlement.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import type { HeldVersion } from "../../core/secrets/messages.ts";
import { ENVELOPES } from "../../core/secrets/stored-envelope.ts";
import { currentVersions } from "../../core/secrets/version.ts";
import type { Node } from "../../core/view.ts";
import { forgetCopies } from "./copies.ts";
import { Dataset } from "./dataset.ts";
import { heldBy } from "./held-by.ts";

/** Whoever was a store waits no longer than this for the others to say what they hold. */
const COVER_TIMEOUT_MS = 2000;

/**
 * What a machine that is no store any more does with its envelopes. While it is a member it forgets them as soon as
 * another store holds all current values. A removed one is answered by nobody: it forgets them if there is another
 * store. The last of all keeps what nobody else may have, sealed as it is; and so does who only does not know why it is
 * no store, as its disk may have lost that.
 */
export async function clearRemains(context: RoleContext): Promise<"clear" | "kept"> {
  const { log, self } = context;
  const view = context.view();
  const hasLeft = view.departures().some(({ id }) => view.nodes.get(id)?.key === self.key);
  if ((await context.disk.count(ENVELOPES)) === 0) return hasLeft ? forgetCopies(context) : "clear";
  if (!hasLeft) return "kept";
  const dataset = new Dataset(context, () => storeRecipients(view));
  await dataset.load();
  const wanted = currentVersions(view).filter((current) => dataset.has(current));
  const others = view.holders(SECRET_STORE).filter(({ id }) => id !== self.id);
  const isRemoved = view.nodes.get(self.id)?.state === "cut" && others.length > 0;
  try {
    const heir =
      isRemoved || wanted.length === 0
        ? null
        : await Promise.any(others.map((store) => coveredBy(context, store, wanted)));
    await dataset.forget();
    log.write("info", "secret-store.forgotten", { heir: heir?.name ?? null });
    return await forgetCopies(context);
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const reason = others.length === 0 ? "no other machine is a secret store" : "no other store holds all of it";
    const causes = error.errors.map(String);
    log.write("warn", "secret-store.kept", { values: wanted.length, reason, causes });
    return "kept";
  }
}

async function coveredBy({ peers }: RoleContext, store: Node, wanted: readonly HeldVersion[]): Promise<Node> {
  const held = new Set((await heldBy(peers, store, COVER_TIMEOUT_MS)).map(idOf));
  const lacks = wanted.filter((each) => !held.has(idOf(each))).length;
  if (lacks > 0) throw new LabError("Failed", `${store.name} lacks ${lacks} of ${wanted.length}`);
  return store;
}

function idOf({ path, version }: HeldVersion): string {
  return `${path}@${version}`;
}
