import type { Keys } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import { LabError } from "../../core/errors.ts";
import type { OperatorKey } from "../../operator/files/key-file.ts";
import type { CommandContext } from "../command.ts";
import { makeKey } from "./new-key.ts";

/** The key of this device for a mesh that is not founded yet: the one that waits here, or a new one. */
export async function founderKey(
  ctx: CommandContext,
  tools: { readonly keys: Keys; readonly random: Random },
  { name, file }: { readonly name: string; readonly file: string },
): Promise<OperatorKey> {
  const files = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  if (files.keyFileNames(operatorDir).includes(file)) {
    const key = files.readKeyFile(operatorDir, file);
    if (await isUnused(operatorDir, file)) return key;
    throw new LabError("AlreadyExists", `${files.keyFilePath(operatorDir, file)} is a key of another mesh`, {
      hint: "LAB_CONFIG=DIR in front of the command keeps two meshes apart",
    });
  }
  const { custody, signer } = await makeKey(ctx, tools, name);
  const key: OperatorKey = { name: file, mesh: files.NO_MESH, publicKey: signer.publicKey, custody };
  files.writeKeyFile(operatorDir, key);
  return key;
}

/** A key that founds belongs to that mesh from its signature on; to another draft, as long as none became a mesh. */
export async function bindFounder(ctx: CommandContext, key: OperatorKey, mesh: Uint8Array): Promise<void> {
  const files = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  if (!(await isUnused(operatorDir, key.name))) {
    throw new LabError("WrongMesh", `the key of ${key.name} is an operator's of another mesh`, {
      hint: "a mesh is founded with keys of its own: lab operator request --founding",
    });
  }
  files.replaceKeyFile(operatorDir, { ...key, mesh });
}

/** Whether nothing was ever signed or learned with it. */
async function isUnused(operatorDir: string, file: string): Promise<boolean> {
  const [{ ownLogDir }, { OwnLog }, { hasKnownEntries }] = await Promise.all([
    import("../../operator/files/key-file.ts"),
    import("../../operator/files/own-log.ts"),
    import("../../operator/files/known-entries.ts"),
  ]);
  const dir = ownLogDir(operatorDir, file);
  return OwnLog.list(dir).length === 0 && !hasKnownEntries(dir);
}
