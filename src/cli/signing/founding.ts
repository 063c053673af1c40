import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { Secret } from "../../core/secret.ts";
import type { OperatorKey } from "../../operator/files/key-file.ts";
import type { Founding, FoundingKey } from "../../operator/founding.ts";
import type { Draft } from "../../operator/order.ts";
import type { CommandContext } from "../command.ts";
import { confirm } from "../terminal/confirm.ts";
import { deviceName } from "../machine/device-name.ts";
import { createFirstHome, makeNodeKeys } from "../machine/first-home.ts";
import { bindFounder, founderKey } from "../keys/founder-key.ts";
import { unlockKey } from "../keys/operator-key.ts";
import { readSmallFile } from "./order-files.ts";
import { readSshKeyText } from "../keys/ssh-key-text.ts";

/** Flags of `lab init` that belong to a mesh whose root is one person. */
const ALONE = ["recovery", "no-recovery"];
const QUESTION = "Do all founders have these digits?";

/** `lab init --founder … --out FILE`: what all founders have to sign. Nothing is founded by it. */
export async function draftMesh(ctx: CommandContext, wish: { mesh: string; operator: string }): Promise<number> {
  refuseAlone(ctx);
  const out = ctx.flags.value("out");
  if (out === undefined) {
    throw new LabError("Usage", "all founders sign one file: where to?", { field: "out", hint: "--out FILE" });
  }
  const [{ openPlatform }, { Founding, readQuorum }, { writeOrder }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/founding.ts"),
    import("../../operator/order.ts"),
  ]);
  const { keys, random } = await openPlatform();
  const others = ctx.flags.values("founder").map((text) => readFounder(ctx, text));
  const k = readQuorum(ctx.flags.value("root"));
  const begin = (own: Uint8Array, application: string | null) => {
    const me = {
      name: wish.operator,
      key: own,
      device: deviceName(),
      ...(application === null ? {} : { application }),
    };
    return Founding.begin(keys, random, {
      meshName: wish.mesh,
      founders: [me, ...others],
      k,
      nowMs: ctx.io.now(),
    });
  };
  // Before there is a key: a draft that nobody could sign leaves nothing behind.
  begin(keys.signer(new Secret(random.bytes(32))).publicKey, null);
  const key = await founderKey(ctx, { keys, random }, { name: wish.operator, file: wish.operator });
  const founding = begin(key.publicKey, applicationOf(key));
  for (const line of founding.describe()) ctx.note(line);
  ctx.print(writeOrder(founding.draft));
  ctx.note("nothing is signed. Next, each of the other founders:");
  ctx.note(`  lab sign ${out}`);
  ctx.note(`  ssh-keygen -Y sign -n lab@authority -f KEY ${out}`);
  ctx.note("and here, with their signatures beside it:");
  ctx.note(`  lab init --local --from ${out}`);
  return 0;
}

/** `lab sign` of a draft: this device's founder stands by it, and its key belongs to that mesh from now on. */
export async function signFounding(
  ctx: CommandContext,
  { keys, file, draft }: { readonly keys: Keys; readonly file: string; readonly draft: Draft },
): Promise<{ readonly armour: string; readonly name: string }> {
  const { Founding } = await import("../../operator/founding.ts");
  const founding = Founding.read(keys, draft, file);
  for (const line of founding.describe()) ctx.note(line);
  const { key, name } = await ownKey(ctx, founding);
  await confirm(ctx, QUESTION, founding.describe());
  const armour = await founding.sign(await unlockKey(ctx, keys, key));
  await bindFounder(ctx, key, founding.mesh);
  return { armour, name };
}

/** `lab init --from FILE`: everybody has signed; this device becomes the first machine. */
export async function finishFounding(
  ctx: CommandContext,
  wish: { readonly home: string; readonly node: string },
): Promise<{ readonly mesh: string; readonly meshName: string; readonly operator: string; readonly founders: number }> {
  refuseAlone(ctx);
  const file = ctx.flags.value("from") ?? "";
  const [{ openPlatform }, { Founding }, { readOrder }, { beginMesh }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/founding.ts"),
    import("../../operator/order.ts"),
    import("../../operator/authority.ts"),
  ]);
  const { keys, random } = await openPlatform();
  const founding = Founding.read(keys, readOrder(keys, file, readSmallFile(ctx, file)), file);
  for (const line of founding.describe()) ctx.note(line);
  const { key, name } = await ownKey(ctx, founding);
  for (const path of signatureFiles(ctx, file, founding)) {
    founding.join(path, new TextDecoder().decode(readSmallFile(ctx, path)));
  }
  const missing = founding.missing().filter((one) => one !== name);
  if (missing.length > 0) {
    throw new LabError("NotAuthorised", `the signature of ${missing.join(" and ")} is missing`, {
      notes: [`on their devices: lab sign ${file}`],
      hint: `FILE.NAME.sig beside ${file}, or --signature FILE for each`,
    });
  }
  const hasSigned = founding.missing().length === 0;
  if (!hasSigned) await confirm(ctx, QUESTION, founding.describe());
  const signer = await unlockKey(ctx, keys, key);
  if (!hasSigned) await founding.sign(signer);
  const nodeKeys = await makeNodeKeys(keys, random);
  const { mesh, log, acts } = await beginMesh(keys, founding.mesh, {
    founder: { name, signer },
    node: { name: wish.node, signer: keys.signer(nodeKeys.seed), seal: nodeKeys.seal.recipient },
    roles: ["coordinator", "secret-store"],
    writes: [],
    nowMs: ctx.io.now(),
  });
  await bindFounder(ctx, key, mesh);
  const entries = acts.map(({ entry }) => entry);
  const { home, node } = wish;
  const genesis = founding.genesis();
  await createFirstHome(
    ctx,
    { keys, random },
    { home, node, nodeKeys, mesh, operator: key.name, log, genesis, entries },
  );
  return { mesh: toHex(mesh), meshName: founding.meshName, operator: key.name, founders: founding.names.length };
}

function refuseAlone(ctx: CommandContext): void {
  const flag = ALONE.find((name) => ctx.flags.on(name) || ctx.flags.value(name) !== undefined);
  if (flag === undefined) return;
  throw new LabError("Usage", `--${flag} is for one founder: several are the root of their mesh together`, {
    field: flag,
    hint: `leave --${flag} away`,
  });
}

/** `bob=LINE|FILE`. */
function readFounder(ctx: CommandContext, text: string): FoundingKey {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new LabError("Usage", `--founder cannot be "${text}"`, {
      field: "founder",
      hint: "--founder bob=bob.pub, or 'bob=ssh-ed25519 AAAA… bob@desk'",
    });
  }
  const name = requireServerName(text.slice(0, at), "founder", "an operator");
  const { key, application } = readSshKeyText(ctx, text.slice(at + 1), "founder");
  return { name, key, ...(application === null ? {} : { application }) };
}

function applicationOf({ custody }: OperatorKey): string | null {
  return "application" in custody ? custody.application : null;
}

/** The founder's key that is on this device. Throws `NotAuthorised`. */
async function ownKey(ctx: CommandContext, founding: Founding): Promise<{ key: OperatorKey; name: string }> {
  const { keyFileNames, readKeyFile } = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  for (const file of keyFileNames(operatorDir)) {
    const key = readKeyFile(operatorDir, file);
    const name = founding.nameOf(key.publicKey);
    if (name !== null) return { key, name };
  }
  throw new LabError("NotAuthorised", "no founder's key is on this device", {
    notes: [`keys of this device: ${operatorDir}`],
    hint: "ssh-keygen -Y sign -n lab@authority -f KEY FILE, where the key is",
  });
}

/** What lies beside the draft, and what was named. */
function signatureFiles(ctx: CommandContext, file: string, { names }: Founding): string[] {
  const beside = [`${file}.sig`, ...names.map((name) => `${file}.${name}.sig`)];
  return [...beside.filter((path) => existsSync(resolve(ctx.io.cwd, path))), ...ctx.flags.values("signature")];
}
