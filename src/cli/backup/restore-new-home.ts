import { existsSync } from "node:fs";
import { join } from "node:path";
import { userInfo } from "node:os";
import { openPreSharedKey } from "../../core/backup/pre-shared-key.ts";
import { resealEnvelopes } from "../../core/backup/reseal.ts";
import { equalBytes } from "../../core/bytes.ts";
import { LabError, NotFoundError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import { nearest } from "../../core/nearest.ts";
import { Secret } from "../../core/secret.ts";
import type { Node } from "../../core/view.ts";
import type { OperatorKey } from "../../operator/files/key-file.ts";
import type { Restoration } from "../../operator/restoration.ts";
import { mayAsk } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";
import { confirm } from "../terminal/confirm.ts";
import { deviceName, operatorNameOf } from "../machine/device-name.ts";
import { makeKey } from "../keys/new-key.ts";
import { commandPrefix } from "../next-command.ts";
import { unlockKey } from "../keys/operator-key.ts";
import { type OpenedCode, openCode, type Restoring, tellSecrets } from "./restoring.ts";

const ROLES = ["coordinator", "secret-store"];

/** Who signs for the operator from now on, and what goes when the restoration fails. */
interface Operator {
  readonly name: string;
  readonly parts: Pick<Restoration, "signer" | "replacement">;
  readonly key: Uint8Array;
  readonly origin: "here" | "new";
  readonly undo: () => void;
}

/** This device becomes a member, coordinator and secret-store of the mesh in the backup. */
export async function restoreNewHome(restoring: Restoring): Promise<void> {
  const { ctx, keys, random, home, backup } = restoring;
  const { replica, signed } = backup;
  const gone = goneMachines(ctx, [...replica.view().nodes.values()]);
  const left = [...replica.view().nodes.values()].filter((node) => node.state === "active" && !gone.includes(node));
  const name = requireServerName(ctx.flags.value("node") ?? deviceName(), "node");
  const taken = replica.view().nodeByName(name);
  if (taken?.state === "active" && !gone.includes(taken)) {
    throw new LabError("AlreadyExists", `a server "${name}" is a member of this mesh`, {
      field: "node",
      hint: `--node NAME for another name, or --gone ${name} if that machine will not come back`,
    });
  }
  const before =
    taken === undefined
      ? []
      : replica
          .view()
          .labelsOf(taken.id)
          .filter((label) => !ROLES.includes(label));
  const { survivor, unknown } = await keyHere(restoring);
  const code = await codeFor(restoring, survivor);
  if (gone.length > 0) {
    await confirm(ctx, `Remove ${gone.map((node) => node.name).join(", ")} for ever?`, [
      "a machine whose key is cut has to be enrolled anew",
    ]);
  }
  const operator =
    survivor === null ? await newOperator(restoring, code, unknown) : await knownOperator(restoring, survivor);
  try {
    const { signRestoration } = await import("../../operator/restoration.ts");
    const nodeSeed = new Secret(random.bytes(32));
    const nodeSeal = await keys.createSealIdentity();
    const restored = await signRestoration(keys, replica, {
      ...operator.parts,
      node: { name, signer: keys.signer(nodeSeed), seal: nodeSeal.recipient },
      roles: ROLES,
      gone: gone.map(({ key }) => key),
      nowMs: ctx.io.now(),
    });
    for (const line of restored.lines) ctx.note(line);
    const { envelopes, unreadable } = await resealEnvelopes(
      { keys, random },
      code?.seal ?? null,
      { view: replica.view(), mesh: replica.mesh },
      backup.envelopes,
    );
    const psk = await preSharedKey(restoring, code);
    const { createHome } = await import("../node-door.ts");
    await createHome({
      home,
      node: { seed: nodeSeed, seal: nodeSeal },
      mesh: replica.mesh,
      name,
      entries: backup.known(),
      bootstrap: signed.manifest.peers,
      envelopes,
      ...(psk === null ? {} : { psk: psk.key }),
    });
    const { completeOwnLogs } = await import("../../operator/survivors.ts");
    completeOwnLogs(keys, ctx.place.operatorDir, operator.name, operator.key, replica);
    const hasCode = code !== null;
    report(restoring, { name, operator, before, left, hasCode, readable: envelopes.length, unreadable, psk });
  } catch (error) {
    if (!existsSync(join(home, "home.json"))) operator.undo();
    throw error;
  }
}

/** The machines that `--gone` and `--all-gone` name. Throws `NotFound`. */
function goneMachines({ flags }: CommandContext, nodes: readonly Node[]): readonly Node[] {
  const active = nodes.filter(({ state }) => state !== "cut");
  if (flags.on("all-gone")) return active;
  const names = flags.values("gone").flatMap((text) => text.split(",").filter((part) => part !== ""));
  return [...new Set(names)].map((name) => {
    const found = active.find((node) => node.name === name);
    if (found !== undefined) return found;
    throw new NotFoundError(
      "server",
      name,
      nearest(
        name,
        active.map((node) => node.name),
      ),
    );
  });
}

/** A key of this mesh that is on this device: the mesh knows it, or an attempt left it that came to no end. */
interface KeyHere {
  readonly survivor: OperatorKey | null;
  readonly unknown: OperatorKey | null;
}

async function keyHere({ ctx, keys, backup }: Restoring): Promise<KeyHere> {
  const [{ keyFileNames, readKeyFile }, { adminLog }, { survivingEntries }] = await Promise.all([
    import("../../operator/files/key-file.ts"),
    import("../../operator/restoration.ts"),
    import("../../operator/survivors.ts"),
  ]);
  const { operatorDir } = ctx.place;
  const { replica } = backup;
  const named = ctx.io.env["LAB_OPERATOR"] || undefined;
  const names = named === undefined ? keyFileNames(operatorDir) : [named];
  const all = names.map((name) => readKeyFile(operatorDir, name)).filter(({ mesh }) => equalBytes(mesh, replica.mesh));
  // What was signed after the backup was made comes back with the key.
  for (const key of all) await replica.admit(survivingEntries(keys, operatorDir, key), "local");
  const known = all.filter(({ publicKey }) => adminLog(replica, publicKey) !== undefined);
  const [survivor = null] = known;
  if (known.length > 1) {
    throw new LabError("Usage", `several operators' keys are here: ${known.map(({ name }) => name).join(", ")}`, {
      hint: `LAB_OPERATOR=${survivor?.name} in front of the command`,
    });
  }
  return { survivor, unknown: all.find((key) => key !== survivor) ?? null };
}

/** Needed where no key is left; where one is, it opens the secrets. */
async function codeFor(restoring: Restoring, survivor: OperatorKey | null): Promise<OpenedCode | null> {
  const { ctx, backup } = restoring;
  const isSealed = backup.envelopes.length > 0 || backup.signed.manifest.psk !== undefined;
  const wantsSecrets = isSealed && backup.replica.view().recovery !== null;
  if (survivor !== null && ctx.flags.value("code") === undefined && !(wantsSecrets && mayAsk(ctx))) return null;
  if (survivor !== null) ctx.note(`the key of ${survivor.name} is here; the recovery code opens the secrets`);
  else ctx.note("no operator's key of this mesh is here: the recovery code lets in a new one");
  const code = await openCode(restoring);
  const { adminLog } = await import("../../operator/restoration.ts");
  if (adminLog(backup.replica, code.signer.publicKey) === undefined) {
    throw new LabError("WrongMesh", `this is not the recovery code of mesh ${backup.signed.manifest.meshName}`, {
      notes: [`the backup is of mesh ${backup.signed.manifest.mesh.slice(0, 16)}`],
      hint: "whoever made this backup did not make it of your mesh, or the paper is of another one",
    });
  }
  return code;
}

/** - `same`: as it was · `new`: nothing opens the old one */
interface PreSharedKey {
  readonly state: "same" | "new";
  readonly key: Secret;
}

/** Null in a mesh without. Where the old one cannot be had the mesh gets another: it must not lie open. */
async function preSharedKey(
  { keys, random, backup }: Restoring,
  code: OpenedCode | null,
): Promise<PreSharedKey | null> {
  const { psk } = backup.signed.manifest;
  if (psk === undefined) return null;
  const opened = code === null ? null : await openPreSharedKey(keys, backup.replica.mesh, code.seal, psk);
  return opened === null ? { state: "new", key: new Secret(random.bytes(32)) } : { state: "same", key: opened };
}

async function knownOperator({ ctx, keys }: Restoring, key: OperatorKey): Promise<Operator> {
  const signer = await unlockKey(ctx, keys, key);
  return {
    name: key.name,
    parts: { signer, replacement: null },
    key: key.publicKey,
    origin: "here",
    undo: () => undefined,
  };
}

async function newOperator(
  restoring: Restoring,
  code: OpenedCode | null,
  unknown: OperatorKey | null,
): Promise<Operator> {
  const { ctx, backup } = restoring;
  if (code === null) throw new Error("no key and no code");
  const [{ adminLog }, { planRecovery }] = await Promise.all([
    import("../../operator/restoration.ts"),
    import("../../operator/recover.ts"),
  ]);
  const { replica } = backup;
  const wish = ctx.flags.value("operator");
  const { name, cut, rank, rights, need } = namingFlag(() =>
    planRecovery(replica, {
      name: wish === undefined ? null : requireServerName(wish, "operator"),
      usual: operatorNameOf(ctx.io.env, userInfo().username),
      which: null,
      rank: adminLog(replica, code.signer.publicKey)?.rank ?? 0,
    }),
  );
  const { key, undo } = unknown === null ? await makeKeyFile(restoring, name) : { key: unknown, undo: () => undefined };
  const { custody, publicKey } = key;
  const application = "application" in custody && custody.application !== null ? custody.application : undefined;
  const by = {
    ...{ name, key: publicKey, rank, rights, need, device: deviceName() },
    ...(application === undefined ? {} : { application }),
  };
  const parts = { signer: code.signer, replacement: { lost: cut, by } };
  return { name: key.name, parts, key: publicKey, origin: "new", undo };
}

/** Durable before anything names it. */
async function makeKeyFile({ ctx, keys, random, backup }: Restoring, name: string) {
  const { removeKeyFile, writeKeyFile } = await import("../../operator/files/key-file.ts");
  const { custody, signer } = await makeKey(ctx, { keys, random }, name);
  const { operatorDir } = ctx.place;
  const key: OperatorKey = { name, mesh: backup.replica.mesh, publicKey: signer.publicKey, custody };
  writeKeyFile(operatorDir, key);
  return { key, undo: () => removeKeyFile(operatorDir, name) };
}

/** Where it is not clear whose key is lost, this command has a flag for it. */
function namingFlag<T>(plan: () => T): T {
  try {
    return plan();
  } catch (cause) {
    if (!(cause instanceof LabError) || cause.code !== "Usage") throw cause;
    throw new LabError(cause.code, cause.message, { ...cause.facts, hint: "--operator NAME" }, { cause });
  }
}

interface Outcome {
  readonly name: string;
  readonly operator: Operator;
  /** Labels of the machine whose name this one took. */
  readonly before: readonly string[];
  /** Members that are not gone: they do not know this one. */
  readonly left: readonly Node[];
  readonly hasCode: boolean;
  readonly readable: number;
  readonly unreadable: readonly string[];
  readonly psk: PreSharedKey | null;
}

function report({ ctx, home, backup }: Restoring, outcome: Outcome): void {
  const { name, operator, before, left, hasCode, readable, unreadable, psk } = outcome;
  const { meshName } = backup.signed.manifest;
  ctx.print(`✓ this device is ${name}, coordinator and secret-store of mesh ${meshName}: ${home}\n`);
  if (operator.origin === "new") ctx.print(`✓ operator ${operator.name} has a new key on this device\n`);
  tellSecrets(ctx, readable, unreadable);
  const lab = commandPrefix(ctx, "here", home);
  if (unreadable.length > 0) {
    const why = hasCode
      ? "they were not in the backup, or not sealed to this code"
      : "only the recovery code opens them";
    ctx.warn(`  ${why}`);
    if (!hasCode) ctx.note(`  ${lab} backup restore ${ctx.args.one("PLACE")} --code FILE`);
  }
  if (psk?.state === "same") ctx.print("✓ the pre-shared key is the one that the mesh had\n");
  if (psk?.state === "new") {
    ctx.warn("the pre-shared key is a new one: only the recovery code opens the old one");
    ctx.note(`  machines that are left need it: ${join(home, "keys/mesh.psk")}`);
  }
  ctx.note("next:");
  ctx.note(`  ${lab} agent --detach`);
  if (before.length > 0) ctx.note(`  ${lab} label server ${name} ${before.join(" ")}`);
  if (left.length > 0) {
    const place = ctx.args.one("PLACE");
    ctx.note(`  ${lab} backup create ${place}`);
    ctx.note(`  lab backup restore ${place}   # on ${namesOf(left)}: this machine is a stranger there until then`);
  }
  ctx.note(`  ${lab} get servers`);
  ctx.note(`  ${lab} token create --name NODE   # for each machine that is installed anew`);
}

const NAMED = 3;

function namesOf(nodes: readonly Node[]): string {
  const names = nodes.slice(0, NAMED).map(({ name }) => name);
  const more = nodes.length - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
