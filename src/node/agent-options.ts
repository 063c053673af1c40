import type { Complaint } from "../core/alarms/findings.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Disk } from "../core/ports/disk.ts";
import type { FileTree } from "../core/ports/file-tree.ts";
import type { Interfaces } from "../core/ports/interfaces.ts";
import type { Keys, SealIdentity, Signer } from "../core/ports/keys.ts";
import type { Link } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import type { Notifier } from "../core/ports/notifier.ts";
import type { Random } from "../core/ports/random.ts";
import type { RoleDefinition } from "../core/ports/role.ts";
import type { Secret } from "../core/secret.ts";
import type { EntryReader } from "../crdt/entry-reader.ts";
import type { Retention } from "../crdt/retention.ts";
import type { KnownAddress } from "./directory.ts";

/** Everything that an agent can do to the world. `platform/` builds the real one, the simulator another. */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly link: Link;
  readonly interfaces: Interfaces;
  readonly keys: Keys;
  readonly log: Log;
  readonly notifier: Notifier;
  /** Where a secret store keeps copies besides. */
  readonly secretCopies?: FileTree;
}

/** Who this agent is: made at `init` or `join`, never changed. */
export interface Identity {
  readonly mesh: Uint8Array;
  /** Hex of the node's log. */
  readonly node: string;
  readonly signer: Signer;
  readonly seal: SealIdentity;
  /** Seals the local cache of secrets. */
  readonly machineKey: Secret;
  /** Those before it, newest first: what was cached then is opened with them. */
  readonly formerKeys?: readonly Secret[];
}

export interface AgentOptions {
  readonly platform: Platform;
  readonly identity: Identity;
  readonly roles: readonly RoleDefinition[];
  /** Members that an invitation named, until they say themselves where they listen. */
  readonly bootstrap: readonly KnownAddress[];
  readonly release: string;
  readonly os: string;
  readonly arch: string;
  /** Default: each entry is read when it comes. */
  readonly reader?: EntryReader;
  /** How long audit records stay; default `AUDIT_RETENTION`. */
  readonly retention?: Retention;
  /** Ledgers of so many links are summed up, so that the next start need not read them. */
  readonly summedFrom?: number;
  /** Connections begin with a key that tokens have to carry. */
  readonly hasPreSharedKey?: boolean;
  /** What is to be said about the disk and is no complaint; null when there is nothing. */
  readonly diskWarning?: () => string | null;
  /** What is wrong with this machine. */
  readonly complaints?: () => readonly Complaint[];
}
