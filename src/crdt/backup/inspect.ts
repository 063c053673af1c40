import { BackupDamagedError, BackupRefusedError } from "../../core/backup/errors.ts";
import type { Manifest } from "../../core/backup/manifest.ts";
import { equalBytes, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { isoTime } from "../../core/iso-time.ts";
import type { Node } from "../../core/view.ts";
import { CLASS_AUDIT, CLASS_DESIRED } from "../entry/entry.ts";
import type { Replica } from "../replica.ts";

/** What was found when every signature and every chain of a backup was checked. */
export interface Inspection {
  readonly entries: { readonly authority: number; readonly desired: number; readonly audit: number };
  /** Distinct keys that wrote them. */
  readonly writers: number;
  /** RFC 3339; null where there are only authority entries. */
  readonly newest: string | null;
  /** Sentences about what is not there; empty if the backup is whole. */
  readonly missing: readonly string[];
  /** The member that signed the manifest. */
  readonly maker: Node;
}

/**
 * Admits the entries of a backup to an empty replica, by the rules by which every peer admits them. The place is not
 * trusted: an entry that is altered ends it. Throws `BackupDamaged`, `BackupRefused`.
 */
export async function inspectEntries(
  replica: Replica,
  manifest: Manifest,
  entries: readonly Uint8Array[],
): Promise<Inspection> {
  const answers = await replica.admit(entries, "local");
  const refused = answers.find(({ state }) => state === "refused");
  if (refused !== undefined) {
    throw new BackupDamagedError(`an entry of the backup is wrong: ${refused.reason}`, {
      notes: [`entry ${refused.id.slice(0, 16) || "without a form"}`],
    });
  }
  const waiting = answers.filter(({ state }) => state === "waiting").length;
  if (replica.graph.entries.length === 0) throw new BackupRefusedError("the backup does not begin with a mesh");
  const maker = replica.view().nodeByKey(manifest.madeBy.key);
  if (maker?.state !== "active" || maker.id !== manifest.madeBy.node) {
    throw new BackupRefusedError(`the backup is signed by ${manifest.madeBy.name}, which is no member of its mesh`, {
      hint: "take one that another machine made: lab backup list PLACE",
    });
  }
  const chains = [...replica.chains.values()];
  const sizeOf = (kind: number) =>
    chains.filter((chain) => chain.class === kind).reduce((sum, { held }) => sum + held, 0);
  const desired = sizeOf(CLASS_DESIRED);
  const audit = chains.reduce((sum, { held }) => sum + held, 0) - desired;
  const writers = new Set([...replica.graph.entries.map(({ key }) => key), ...chains.map(({ key }) => key)]);
  return {
    entries: { authority: replica.graph.entries.length, desired, audit },
    writers: writers.size,
    newest: replica.newest.ms === 0 ? null : isoTime(replica.newest.ms),
    missing: [
      ...(waiting === 0 ? [] : [`${waiting} entries build on others that are not in the backup`]),
      ...missingHeads(replica, manifest),
    ],
    maker,
  };
}

function missingHeads(replica: Replica, { heads }: Manifest): string[] {
  const acts = heads.authority.filter((id) => replica.graph.find(id) === undefined).length;
  const logs = heads.logs.filter(({ log, class: kind, hash }) => replica.chain(log, kind)?.find(hash) === undefined);
  const nameOf = (log: string) => replica.view().nodes.get(log)?.name ?? log.slice(0, 12);
  return [
    ...(acts === 0 ? [] : [`${acts} of the newest acts of operators`]),
    ...logs.map(({ log, class: kind, seq }) => {
      return `the end of the ${kind === CLASS_AUDIT ? "audit log" : "ledger"} of ${nameOf(log)}, up to entry ${seq}`;
    }),
  ];
}

/** What whoever restores knows of the mesh without asking anybody: the recovery sheet, or a home. */
export interface KnownMesh {
  readonly mesh?: Uint8Array;
  /** Public key that the recovery code makes. */
  readonly root?: Uint8Array;
}

/** Throws `WrongMesh` for the backup of another mesh than the one that is meant. */
export function requireMesh({ graph, mesh }: Replica, known: KnownMesh): void {
  const [genesis] = graph.entries;
  const roots = genesis?.body.type === "genesis" ? genesis.body.root.keys : [];
  const name = genesis?.body.type === "genesis" ? genesis.body.name : "";
  const { mesh: wanted, root } = known;
  const notes = [`the backup is of mesh ${name} (${toHex(mesh).slice(0, 16)})`];
  if (wanted !== undefined && !equalBytes(wanted, mesh)) {
    throw new LabError("WrongMesh", "this is the backup of another mesh", { notes, hint: "lab backup list PLACE" });
  }
  if (root !== undefined && !roots.some((key) => equalBytes(key, root))) {
    throw new LabError("WrongMesh", "the recovery code is not the root of this mesh", {
      notes,
      hint: "it is the code of another mesh, or a later one that is not root (lab operator recovery set --another)",
    });
  }
}
