import { parseDurationMs } from "../../core/duration.ts";
import { LabError } from "../../core/errors.ts";
import { requireLabelName, requireServerName } from "../../core/names.ts";
import { declaredServerPath } from "../../core/paths.ts";
import type { Token } from "../../operations/kinds/token.ts";
import type { TokenWishes } from "../../operator/token.ts";
import type { CommandContext } from "../command.ts";
import { readPreSharedKey } from "../node-door.ts";
import { commandPrefix } from "../next-command.ts";
import { printItem } from "../render/document.ts";
import { clockTime } from "../render/text.ts";
import { type Signing, withSigning } from "../signing/signing.ts";
import { requireAttributeValue } from "./set.ts";

const DEFAULT_TTL = "60m";
const MAX_TTL_DAYS = 30;

/** `lab token create`: the token alone on stdout, everything about it on stderr. */
export async function run(ctx: CommandContext): Promise<number> {
  const asked = readWishes(ctx);
  const { name } = asked;
  const paths = name === null ? [] : [declaredServerPath(name)];
  await withSigning(ctx, { servers: name === null ? [] : [name], paths }, (signing) => create(ctx, signing, asked));
  return 0;
}

async function create(ctx: CommandContext, { session, keys, random }: Signing, asked: TokenWishes): Promise<void> {
  const { chooseIssuer, createToken } = await import("../../operator/token.ts");
  const { readPending } = await import("../../operator/pending.ts");
  const { context } = session;
  const { name } = asked;
  if (name !== null && context.servers[name]?.state === "active") {
    throw new LabError("AlreadyExists", `server "${name}" is a member already`, {
      hint: `lab describe server ${name}`,
    });
  }
  const issuer = chooseIssuer(context);
  const declared = readPending(name === null ? undefined : context.current[declaredServerPath(name)]);
  const psk = ctx.place.home === undefined ? null : await readPreSharedKey(ctx.place.home);
  if (psk === null && context.preSharedKey) {
    throw new LabError("Usage", "this mesh has a pre-shared key, and a token that is made here would not carry it", {
      notes: ["an agent's socket does not give it: it stands in keys/mesh.psk of the home of every member"],
      hint: "on a member, as who may read it: lab token create --home DIR",
    });
  }
  const wishes = {
    ...asked,
    ...(psk === null ? {} : { psk }),
    labels: [...declared.labels, ...asked.labels],
    attributes: { ...declared.attributes, ...asked.attributes },
  };
  const token = createToken({ keys, random }, session.mesh, issuer, wishes, ctx.io.now());
  const { state } = await session.sign({ acts: [token.body] });
  const expires = new Date(token.expiresMs).toISOString();
  const item = { id: token.id, token: token.text, name, labels: [...token.labels], expires, issuer: issuer.name };
  await printItem<Token>(ctx, { kind: "Token", meta: context.meta, item }, { name: ({ id }) => id }, () => [
    token.text,
  ]);
  if (state === "waiting") ctx.warn("until then this token lets nobody in");
  explain(ctx, item, wishes.attributes);
  if (issuer.online !== "yes") ctx.warn(`${issuer.name} does not answer now, and only it can redeem this token`);
}

function explain(ctx: CommandContext, token: Token, attributes: Readonly<Record<string, string>>): void {
  const brings = [...token.labels, ...Object.entries(attributes).map(([key, value]) => `${key}=${value}`)];
  const as = token.name === null ? "under a name that it chooses" : `as ${token.name}`;
  const having = brings.length === 0 ? "" : ` with ${brings.join(", ")}`;
  ctx.note(`lets one machine join ${as}${having}, until ${clockTime(token.expires)} UTC, through ${token.issuer}`);
  ctx.note("next, on that machine:");
  ctx.note(`  ${commandPrefix(ctx, "elsewhere")} join TOKEN${token.name === null ? " --name NODE" : ""}`);
  ctx.note(`  ${commandPrefix(ctx, "elsewhere")} agent --detach`);
}

function readWishes(ctx: CommandContext): TokenWishes {
  const { flags } = ctx;
  const name = flags.value("name");
  const labels = (flags.value("labels") ?? "").split(",").map((label) => label.trim());
  const ttlMs = parseDurationMs(flags.value("ttl") ?? DEFAULT_TTL, "ttl");
  if (ttlMs < 1000 || ttlMs > MAX_TTL_DAYS * 86_400_000) {
    throw new LabError("Usage", `--ttl is between 1s and ${MAX_TTL_DAYS}d`, { field: "ttl", hint: "--ttl 60m" });
  }
  const attributes = ["environment", "region", "provider"].flatMap((key) => {
    const value = flags.value(key);
    return value === undefined ? [] : [[key, requireAttributeValue(key, value)] as const];
  });
  return {
    name: name === undefined ? null : requireServerName(name),
    labels: labels.filter((label) => label !== "").map((label) => requireLabelName(label, "labels")),
    attributes: Object.fromEntries(attributes),
    ttlMs,
  };
}
