import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { isServerName, requireServerName } from "../../core/names.ts";
import type { Keys, Signer } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import { Secret } from "../../core/secret.ts";
import type { CommandContext } from "../command.ts";
import { commandPrefix } from "../next-command.ts";

const DEFAULT_MESH = "homelab";

/** The mesh's beginning, all of it on this device: an operator's key, the genesis entry, this machine as first member. */
export async function run(ctx: CommandContext): Promise<number> {
  const wishes = readWishes(ctx);
  const { keyFileNames, keyFilePath, ownLogDir, removeKeyFile, writeKeyFile } = await import(
    "../../operator/files/key-file.ts"
  );
  const { operatorDir } = ctx.place;
  refuseHome(wishes.home);
  if (keyFileNames(operatorDir).includes(wishes.operator)) {
    throw new LabError("AlreadyExists", `there is an operator's key at ${keyFilePath(operatorDir, wishes.operator)}`, {
      hint: "LAB_CONFIG=DIR in front of the command keeps a second mesh apart from it",
    });
  }
  const [{ createHome, openPlatform }, { foundMesh }, { OwnLog }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/authority.ts"),
    import("../../operator/files/own-log.ts"),
  ]);
  const { keys, random } = await openPlatform();
  const recovery = await recoveryOf(ctx, wishes, keys, random);
  const [operatorSeed, nodeSeed] = [new Secret(random.bytes(32)), new Secret(random.bytes(32))];
  const operator = keys.signer(operatorSeed);
  const seal = await keys.createSealIdentity();
  const { mesh, log, genesis, acts } = foundMesh(keys, random, {
    meshName: wishes.mesh,
    founder: { name: wishes.operator, signer: operator },
    recovery: recovery && { root: recovery.root, recipient: recovery.recipient },
    node: { name: wishes.node, signer: keys.signer(nodeSeed), seal: seal.recipient },
    roles: ["coordinator", "secret-store"],
    nowMs: ctx.io.now(),
  });
  const entries = acts.map(({ entry }) => entry);
  writeKeyFile(operatorDir, { name: wishes.operator, mesh, seed: operatorSeed, publicKey: operator.publicKey });
  try {
    OwnLog.open(keys, ownLogDir(operatorDir, wishes.operator), log).append(entries);
    await createHome({
      home: wishes.home,
      node: { seed: nodeSeed, seal },
      mesh,
      name: wishes.node,
      entries: [genesis.bytes, ...entries.map(({ bytes }) => bytes)],
    });
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

interface Wishes {
  readonly home: string;
  readonly mesh: string;
  readonly node: string;
  readonly operator: string;
  /** - `show` on the terminal, once · `later`: none yet · or a new file */
  readonly recovery: "show" | "later" | { readonly file: string };
}

function readWishes(ctx: CommandContext): Wishes {
  const { flags, io, place } = ctx;
  if (!flags.on("local")) {
    throw new LabError("Usage", "a mesh begins on one device: this one", { hint: "lab init --local" });
  }
  const home = place.home ?? place.newHome;
  return {
    home,
    mesh: requireServerName(flags.value("name") ?? DEFAULT_MESH, "name"),
    node: requireServerName(flags.value("node") ?? deviceName(hostname()), "node"),
    operator: operatorName(io.env["SUDO_USER"] || io.env["USER"] || userInfo().username),
    recovery: readRecovery(flags.value("recovery"), io.cwd, io.stderr.isTTY === true),
  };
}

function readRecovery(wish: string | undefined, cwd: string, atTerminal: boolean): Wishes["recovery"] {
  if (wish === "later") return "later";
  if (wish === undefined) return atTerminal ? "show" : "later";
  const file = resolve(cwd, wish);
  if (existsSync(file)) throw new LabError("AlreadyExists", `${file} is there already`, { field: "recovery" });
  return { file };
}

/** A host name as a server's name: its first part, in the letters that names have. */
export function deviceName(host: string): string {
  const name = (host.toLowerCase().split(".")[0] ?? "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  const short = name.slice(0, 63).replace(/-+$/, "");
  return isServerName(short) ? short : "device";
}

/** Who operates; nobody is called root, because root of the mesh is somebody else. */
function operatorName(user: string): string {
  const name = deviceName(user);
  return name === "root" || name === "device" ? "operator" : name;
}

function refuseHome(home: string): void {
  if (!existsSync(join(home, "home.json"))) return;
  throw new LabError("AlreadyExists", `${home} is the home of a member of a mesh already`, {
    hint: "lab status says of which; --home DIR begins another one",
  });
}

interface Recovery {
  readonly root: Signer;
  readonly recipient: string;
  /** Hands the words over, once everything else is done. */
  readonly tell: () => void;
  readonly undo: () => void;
}

async function recoveryOf(ctx: CommandContext, wishes: Wishes, keys: Keys, random: Random): Promise<Recovery | null> {
  if (wishes.recovery === "later") {
    ctx.warn("there is no recovery code: whoever loses the operator's key loses the mesh, and every secret with it");
    ctx.note("  Until then the operator's key is root. A code comes with a new mesh: lab init --local --recovery FILE");
    return null;
  }
  const { createRecoveryCode, recoveryKeys } = await import("../../operator/recovery.ts");
  const code = createRecoveryCode(random);
  const { root, seal } = await recoveryKeys(keys, code);
  const common = { root: keys.signer(root), recipient: seal.recipient };
  if (wishes.recovery === "show") return { ...common, tell: () => showCode(ctx, code), undo: () => {} };
  const { file } = wishes.recovery;
  // Written before the mesh depends on it, so that a full disk is told in time.
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, codeSheet(wishes.mesh, code), { mode: 0o600, flag: "wx" });
  const tell = () => ctx.note(`recovery code: ${file} (move it off this device)`);
  return { ...common, tell, undo: () => rmSync(file, { force: true }) };
}

const PURPOSE = [
  "It is the root of the mesh: with it a lost or stolen operator's key is",
  "replaced, and every secret can be read without any machine. Nobody can give",
  "it to you again.",
];

function showCode(ctx: CommandContext, code: string): void {
  const words = code.split(" ");
  const rows = [0, 4, 8].map((from) =>
    words
      .slice(from, from + 4)
      .map((word, i) => `${String(from + i + 1).padStart(4)} ${word.padEnd(9)}`)
      .join("")
      .trimEnd(),
  );
  const lines = ["", "Recovery code. Write it on paper now; it is shown this once.", "", ...rows, "", ...PURPOSE, ""];
  ctx.io.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

function codeSheet(mesh: string, code: string): string {
  return [`# Recovery code of mesh ${mesh}`, ...PURPOSE.map((line) => `# ${line}`), code, ""].join("\n");
}

function report(ctx: CommandContext, { home, mesh, node, operator }: Wishes, id: string, keyFile: string): void {
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
