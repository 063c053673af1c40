import type { Exposure } from "../exposure/exposure.ts";
import type { Json } from "../json.ts";
import type { View } from "../view.ts";
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { FileTree } from "./file-tree.ts";
import type { Keys, SealIdentity, Signer } from "./keys.ts";
import type { Log } from "./log.ts";
import type { ChannelHandler, Peers } from "./mesh.ts";
import type { Random } from "./random.ts";

/** One act that was allowed or denied, for the audit log of the node that decided it. Never a value. */
export interface AuditRecord {
  /** Who asked: `node:web-1`, `operator:alice`, `stranger:1f2e…`. */
  readonly actor: string;
  /** Noun and verb: `secret.read`, `token.redeem`. */
  readonly action: string;
  readonly object: string;
  readonly decision: "allowed" | "denied";
  /** Why, or under which circumstances (`unvouched`); empty if there is nothing to say. */
  readonly reason: string;
  /** What a machine can read of it, where there is something. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** A redemption that a coordinator signs into its own role log. */
export interface Redemption {
  /** Hex of the token entry. */
  readonly token: string;
  readonly key: Uint8Array;
  readonly name: string;
  readonly seal: string;
  readonly proof: Uint8Array;
}

/** Versions of secrets that this node makes as a store, in its role log. */
export interface GeneratedVersions {
  /**
   * Signs versions, by the path of each with its metadata, as one entry, and admits it. `keep` is called with the
   * entry's hash, their version, before anybody can see it: what it stores is there when the version is. False while
   * the node does not know that it knows its own log to the end; nothing is signed then.
   */
  sign(versions: readonly GeneratedVersion[], keep: KeepVersion): Promise<boolean>;
  /** True if this node signed a version of this hash, whatever has become of it. */
  has(version: string): boolean;
}

export interface GeneratedVersion {
  readonly path: string;
  /** What `writeVersion` gave. */
  readonly metadata: Json;
}

export type KeepVersion = (version: string) => Promise<void>;

/** Everything that a role may do. Each role takes the part that it needs. */
export interface RoleContext {
  /** Id (hex of the log) and key of the node that this agent is. */
  readonly self: { readonly id: string; readonly key: string };
  readonly mesh: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Keys;
  readonly log: Log;
  /** The node's own key. */
  readonly signer: Signer;
  /** What was sealed to this node opens with it. */
  readonly seal: SealIdentity;
  /** The role's own part of the disk. */
  readonly disk: Disk;
  /** A directory of this machine in which copies of secrets are wanted; null where none was named. */
  readonly secretCopies: FileTree | null;
  /** When this machine's disk lost records that no peer could give back; null if it never did. */
  lostAtMs(): number | null;
  readonly peers: Peers;
  view(): View;
  /** Hex digests of the authority heads and of the desired frontier that the view stands on. */
  heads(): { readonly authority: Uint8Array; readonly desired: Uint8Array };
  /** Pulls what a peer has and this replica lacks. Throws `PeerUnreachable` if that fails. */
  catchUp(peer: string): Promise<void>;
  /** Answers requests of members on a channel until the role stops. */
  handle(channel: string, handler: ChannelHandler): void;
  /** The same for everybody who knocks, member or not. */
  handleStrangers(channel: string, handler: ChannelHandler): void;
  audit(record: AuditRecord): Promise<void>;
  /** Signs and admits a redemption; returns when it is durable. Only a coordinator's log can carry it. */
  redeem(redemption: Redemption): Promise<void>;
  /** What those have who left, as far as this node knows. */
  exposures(): readonly Exposure[];
  /** Only a store's log can carry them. */
  readonly generated: GeneratedVersions;
  /** Hex of the authority entries without successor, the newest first. */
  authorityTips(): readonly string[];
  /** Whether all of these authority entries are here; what waits for others is not. */
  knowsActs(ids: readonly string[]): boolean;
  /** All authority entries, genesis first: what a new member starts with. */
  authorityEntries(): readonly Uint8Array[];
  /** Known addresses of members. */
  memberAddresses(): readonly { readonly key: string; readonly addresses: readonly string[] }[];
  /** Asks for another `reconcile`, soon. */
  requestReconcile(): void;
}

/**
 * What a label makes a machine do. `reconcile` acts on the level, not on events: idempotent, never called concurrently,
 * repeated whenever the view changes. A throw becomes the role's health and backs off; it never ends the agent.
 */
export interface Role {
  start(): Promise<void>;
  reconcile(): Promise<void>;
  /** Always resolves; the label is gone or the agent ends. */
  stop(): Promise<void>;
}

export interface RoleDefinition {
  /** The label. */
  readonly name: string;
  /** What does not work while nobody has this role; shown by `lab status`. */
  readonly missingEffect: string;
  create(context: RoleContext): Role;
  /**
   * For a machine without the label: removes what the role left on its disk, also long ago. Asked again while something
   * is kept, because it is not safe yet to let go of it.
   */
  clear?(context: RoleContext): Promise<"clear" | "kept">;
}
