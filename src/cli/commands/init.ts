import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import { RECOVERY_CODE_PATH } from "../../core/paths.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import type { OperatorSigner } from "../../operator/signer.ts";
import { mayAsk } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";
import { deviceName, operatorNameOf } from "../machine/device-name.ts";
import type { SealCode } from "../keys/new-key.ts";
import { createFirstHome, makeNodeKeys } from "../machine/first-home.ts";
import { draftMesh, finishFounding } from "../signing/founding.ts";
import { commandPrefix } from "../next-command.ts";
import { codeSheet, showCode } from "../keys/recovery-code.ts";

const DEFAULT_MESH = "homelab";

/** The mesh's beginning, all of it on this device: an operator's key, the genesis entry, this machine as first member. */
export async function run(ctx: CommandContext): Promise<number> {
  const wishes = readWishes(ctx);
  if (ctx.flags.values("founder").length > 0) return draftMesh(ctx, wishes);
  if (ctx.flags.value("from") !== undefined) return finish(ctx, wishes);
  const { keyFileNames, keyFilePath, removeKeyFile, writeKeyFile } = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  refuseHome(wishes.home);
  if (keyFileNames(operatorDir).includes(wishes.operator)) {
    throw new LabError("AlreadyExists", `there is an operator's key at ${keyFilePath(operatorDir, wishes.operator)}`, {
      hint: "LAB_CONFIG=DIR in front of the command keeps a second mesh apart from it",
    });
  }
  const [{ openPlatform }, { foundMesh }, { makeKey }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/authority.ts"),
    import("../keys/new-key.ts"),
  ]);
  const { keys, random } = await openPlatform();
  const { custody, signer, seal } = await makeKey(ctx, { keys, random }, wishes.operator);
  const recovery = await recoveryOf(ctx, wishes, keys, random, seal);
  const nodeKeys = await makeNodeKeys(keys, random);
  const { mesh, log, genesis, acts, links } = await foundMesh(keys, random, {
    meshName: wishes.mesh,
    founder: { name: wishes.operator, signer },
    recovery: recovery && { root: recovery.root, recipient: recovery.recipient },
    node: { name: wishes.node, signer: keys.signer(nodeKeys.seed), seal: nodeKeys.seal.recipient },
    roles: ["coordinator", "secret-store"],
    writes: recovery?.state === "kept" ? [{ path: RECOVERY_CODE_PATH, value: { state: "later" } }] : [],
    nowMs: ctx.io.now(),
  });
  const entries = [...acts, ...links].map(({ entry }) => entry);
  writeKeyFile(operatorDir, { name: wishes.operator, mesh, publicKey: signer.publicKey, custody });
  try {
    recovery?.keep();
    const { home, node, operator } = wishes;
    await createFirstHome(ctx, { keys, random }, { home, node, nodeKeys, mesh, operator, log, genesis, entries });
  } catch (error) {
    // What belongs to a mesh that nobody has is only in the way of the next attempt.
    removeKeyFile(operatorDir, wishes.operator);
    recovery?.undo();
    throw error;
  }
  report(ctx, wishes, toHex(mesh), keyFilePath(operatorDir, wishes.operator));
  recovery?.tell();
  return 0;
}

/** Several founders have signed what one of them wrote. */
async function finish(ctx: CommandContext, { home, node }: Pick<Wishes, "home" | "node">): Promise<number> {
  refuseHome(home);
  const { mesh, meshName, operator, founders } = await finishFounding(ctx, { home, node });
  const { keyFilePath } = await import("../../operator/files/key-file.ts");
  report(ctx, { home, mesh: meshName, node, operator }, mesh, keyFilePath(ctx.place.operatorDir, operator));
  ctx.note(
    `the other ${founders === 2 ? "founder needs" : "founders need"} no grant: a token each, and their keys sign`,
  );
  return 0;
}

interface Wishes {
  readonly home: string;
  readonly mesh: string;
  readonly node: string;
  readonly operator: string;
  /**
   * - `show` on the terminal, once · `later`: kept beside the key until somebody writes it down · `none`: the operator's
   *   key is root · or a new file
   */
  readonly recovery: "show" | "later" | "none" | { readonly file: string };
}

function readWishes(ctx: CommandContext): Wishes {
  const { flags, io, place } = ctx;
  if (!flags.on("local")) {
    throw new LabError("Usage", "a mesh begins on one device: this one", { hint: "lab init --local" });
  }
  const home = place.home ?? place.newHome;
  return {
    home,
    mesh: requireServerName(flags.value("name") ?? DEFAULT_MESH, "name", "a mesh"),
    node: requireServerName(flags.value("node") ?? deviceName(), "node"),
    operator: operatorNameOf(io.env, userInfo().username),
    recovery: readRecovery(ctx),
  };
}

function readRecovery(ctx: CommandContext): Wishes["recovery"] {
  const { flags, io } = ctx;
  const wish = flags.value("recovery");
  if (flags.on("no-recovery")) {
    if (wish === undefined) return "none";
    throw new LabError("Usage", `--no-recovery and --recovery ${wish} exclude each other`, { field: "recovery" });
  }
  if (wish === "later") return "later";
  if (wish === undefined) return mayAsk(ctx) || (io.stderr.isTTY === true && ctx.globals.yes) ? "show" : "later";
  const file = resolve(io.cwd, wish);
  if (existsSync(file)) throw new LabError("AlreadyExists", `${file} is there already`, { field: "recovery" });
  return { file };
}

function refuseHome(home: string): void {
  if (!existsSync(join(home, "home.json"))) return;
  throw new LabError("AlreadyExists", `${home} is the home of a member of a mesh already`, {
    hint: "lab status says of which; --home DIR begins another one",
  });
}

interface Recovery {
  readonly root: OperatorSigner;
  readonly recipient: string;
  /** - `told`: somebody has it · `kept`: it lies beside the operator's key */
  readonly state: "told" | "kept";
  /** Makes it durable, before anything depends on it. */
  readonly keep: () => void;
  readonly tell: () => void;
  readonly undo: () => void;
}

const NO_CODE = "there is no recovery code: whoever loses the operator's key loses the mesh, and every secret with it";

async function recoveryOf(
  ctx: CommandContext,
  wishes: Wishes,
  keys: Keys,
  random: Random,
  seal: SealCode,
): Promise<Recovery | null> {
  if (wishes.recovery === "none") {
    ctx.warn(NO_CODE);
    return null;
  }
  const [{ createRecoveryCode, recoveryKeys }, { seedSigner }] = await Promise.all([
    import("../../operator/recovery.ts"),
    import("../../operator/signer.ts"),
  ]);
  const code = createRecoveryCode(random);
  const { root, seal: recipient } = await recoveryKeys(keys, code);
  const common = { root: seedSigner(keys, root), recipient: recipient.recipient };
  const nothing = () => undefined;
  if (wishes.recovery === "show") {
    // Before there is anything: whoever has no paper at hand stops here, and has nothing to clear away.
    await showCode(ctx, code);
    return { ...common, state: "told", keep: nothing, tell: nothing, undo: nothing };
  }
  if (wishes.recovery === "later") {
    const files = await import("../../operator/files/recovery-file.ts");
    const kept = await seal(code);
    return {
      ...common,
      state: "kept",
      keep: () => files.replaceRecoveryFile(ctx.place.operatorDir, wishes.operator, kept),
      tell: () => {
        ctx.warn("nobody has written the recovery code down: it lies beside the operator's key, and goes with it");
        ctx.note(`  ${commandPrefix(ctx, "here", wishes.home)} operator recovery set`);
      },
      undo: () => files.removeRecoveryFile(ctx.place.operatorDir, wishes.operator),
    };
  }
  const { file } = wishes.recovery;
  return {
    ...common,
    state: "told",
    keep: () => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, codeSheet(wishes.mesh, code), { mode: 0o600, flag: "wx" });
    },
    tell: () => ctx.note(`recovery code: ${file} (move it off this device)`),
    undo: () => rmSync(file, { force: true }),
  };
}

function report(
  ctx: CommandContext,
  { home, mesh, node, operator }: Omit<Wishes, "recovery">,
  id: string,
  keyFile: string,
): void {
  ctx.print(
    [
      `✓ mesh ${mesh} (${id.slice(0, 16)})`,
      `✓ operator ${operator}: ${keyFile}`,
      `✓ this device is ${node}, coordinator and secret-store: ${home}`,
      "",
    ].join("\n"),
  );
  const lab = commandPrefix(ctx, "here", home);
  ctx.note("next:");
  ctx.note(`  ${lab} agent --detach`);
  ctx.note(`  ${lab} token create --name web-1 --labels web,prod`);
  ctx.note(`  ${lab} get servers`);
}
