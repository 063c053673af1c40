import { toHex } from "../../core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../../core/encoding.ts";
import { isLabelName, isServerName } from "../../core/names.ts";
import { utf8Encode } from "../../core/utf8.ts";

/** Rights of an operator. */
export const RIGHTS = ["admin", "ops", "destroy"] as const;
export type Right = (typeof RIGHTS)[number];

/** How many distinct keys must stand behind an act of this log before it counts. */
export interface Need {
  readonly admin: number;
  readonly destroy: number;
}

export interface GenesisBody {
  readonly type: "genesis";
  readonly name: string;
  readonly root: { readonly keys: readonly Uint8Array[]; readonly k: number };
  readonly founders: readonly Founder[];
  /** The age recipient of the recovery code, to which every secret is wrapped as well; null until there is a code. */
  readonly recovery: string | null;
  readonly nonce: Uint8Array;
  readonly at: number;
}

/** What people are told of a key; no power depends on it. */
export interface KeyNote {
  /** The device that it lies on. */
  readonly device?: string;
  /** Of a key in a FIDO2 token: what the token mixes into its signatures, such as `ssh:`. */
  readonly application?: string;
}

export interface Founder extends KeyNote {
  readonly key: Uint8Array;
  readonly name: string;
  readonly rights: readonly Right[];
  readonly need: Need;
}

export interface GrantBody extends KeyNote {
  readonly type: "grant";
  readonly key: Uint8Array;
  readonly name: string;
  readonly rank: number;
  readonly rights: readonly Right[];
  readonly need: Need;
  readonly at: number;
}

/** Frontiers that one cut can name. */
export const MAX_KEEPS = 256;

/** What of one log stays when its key is cut: authority tips and the ledger entry to keep last; null keeps nothing. */
export interface Keep {
  readonly log: Uint8Array;
  readonly a: readonly Uint8Array[] | null;
  readonly l: { readonly seq: number; readonly hash: Uint8Array } | null;
}

export interface CutBody {
  readonly type: "cut";
  readonly key: Uint8Array;
  readonly keeps: readonly Keep[];
  readonly reason: string;
  readonly at: number;
}

export interface ApproveBody {
  readonly type: "approve";
  readonly entry: Uint8Array;
}

/** A node key's own word that it wants to be a member, with the key that secrets are sealed to. */
export interface Joiner {
  readonly key: Uint8Array;
  /** `age1…` */
  readonly seal: string;
  /** Signature of the node key over {@link joinMessage}. */
  readonly proof: Uint8Array;
}

export interface EnrolBody extends Joiner {
  readonly type: "enrol";
  readonly name: string;
  readonly at: number;
}

export interface TokenBody {
  readonly type: "token";
  readonly id: Uint8Array;
  readonly secretHash: Uint8Array;
  /** Null leaves the name to the joiner. */
  readonly name: string | null;
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly roles: readonly string[];
  /** The coordinator's role log, the only one that can redeem this token. */
  readonly issuer: Uint8Array;
  readonly nbf: number;
  readonly exp: number;
  readonly at: number;
}

export interface RedeemBody extends Joiner {
  readonly type: "redeem";
  readonly token: Uint8Array;
  readonly name: string;
  readonly at: number;
}

export interface RoleBody {
  readonly type: "role";
  readonly node: Uint8Array;
  readonly label: string;
  readonly at: number;
}

export interface UnroleBody {
  readonly type: "unrole";
  readonly node: Uint8Array;
  readonly label: string;
  readonly keeps: readonly Keep[];
  /** In the operator's words; absent where none was given. */
  readonly reason?: string;
  readonly at: number;
}

/** One ledger, up to and with the link that is named. */
export interface Pin {
  readonly log: Uint8Array;
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** Says which history of ledgers counts, and what it came to (`trust.md` §8). */
export interface CheckpointBody {
  readonly type: "checkpoint";
  /** At most one for a log. */
  readonly pins: readonly Pin[];
  /** {@link checkpointState} of the pinned ledgers. */
  readonly state: Uint8Array;
  readonly at: number;
}

/** A type that this release does not know: kept and forwarded, without effect. */
export interface UnknownBody {
  readonly type: "unknown";
}

export type AuthorityBody =
  | GenesisBody
  | GrantBody
  | CutBody
  | ApproveBody
  | EnrolBody
  | TokenBody
  | RedeemBody
  | RoleBody
  | UnroleBody
  | CheckpointBody
  | UnknownBody;

export type KnownBody = Exclude<AuthorityBody, UnknownBody>;

/** The only scope that this release understands. Any other is refused, never ignored: it would widen a right. */
const SCOPE_ALL = "*";

export function encodeBody(body: KnownBody): Uint8Array {
  const { type, ...fields } = body;
  switch (type) {
    case "genesis": {
      const genesis = fields as Omit<GenesisBody, "type">;
      const founders = genesis.founders.map((founder) => ({ ...founder, scope: SCOPE_ALL }));
      return encode({ ...genesis, founders } as unknown as Plain);
    }
    case "grant":
      return encode({ ...fields, scope: SCOPE_ALL } as unknown as Plain);
    default:
      return encode(fields as unknown as Plain);
  }
}

/** Throws {@link MalformedError}; members that this release does not know stay in the bytes and are not read. */
export function decodeBody(type: string, payload: Uint8Array): AuthorityBody {
  const fields = new Fields(decode(payload));
  switch (type) {
    case "genesis": {
      const root = fields.map("root");
      return {
        type,
        name: fields.text("name", 63),
        root: { keys: root.list("keys", 16, (value) => exact(value, 32)), k: root.count("k") },
        founders: fields.list("founders", 16, (value) => {
          const founder = new Fields(value);
          requireAllScope(founder);
          return {
            key: founder.bytes("key", 32),
            name: founder.text("name", 63),
            ...rightsOf(founder),
            ...keyNoteOf(founder),
          };
        }),
        recovery: fields.isNull("recovery") ? null : ageRecipient(fields, "recovery"),
        nonce: fields.bytes("nonce", 32),
        at: fields.count("at"),
      };
    }
    case "grant":
      requireAllScope(fields);
      return {
        type,
        key: fields.bytes("key", 32),
        name: fields.text("name", 63),
        rank: fields.count("rank"),
        ...rightsOf(fields),
        ...keyNoteOf(fields),
        at: fields.count("at"),
      };
    case "cut":
      return {
        type,
        key: fields.bytes("key", 32),
        keeps: keepsOf(fields),
        reason: fields.text("reason", 500),
        at: fields.count("at"),
      };
    case "approve":
      return { type, entry: fields.bytes("entry", 32) };
    case "enrol":
      return { type, name: fields.serverName("name"), ...joinerOf(fields), at: fields.count("at") };
    case "token":
      return {
        type,
        id: fields.bytes("id", 16),
        secretHash: fields.bytes("secretHash", 32),
        name: fields.isNull("name") ? null : fields.serverName("name"),
        labels: fields.list("labels", 64, labelName),
        attributes: fields.texts("attributes", 8, 63),
        roles: fields.list("roles", 8, labelName),
        issuer: fields.bytes("issuer", 32),
        nbf: fields.count("nbf"),
        exp: fields.count("exp"),
        at: fields.count("at"),
      };
    case "redeem":
      return {
        type,
        token: fields.bytes("token", 32),
        name: fields.serverName("name"),
        ...joinerOf(fields),
        at: fields.count("at"),
      };
    case "role":
      return { type, node: fields.bytes("node", 32), label: fields.read("label", labelName), at: fields.count("at") };
    case "unrole":
      return {
        type,
        node: fields.bytes("node", 32),
        label: fields.read("label", labelName),
        keeps: keepsOf(fields),
        ...(fields.has("reason") ? { reason: fields.text("reason", 500) } : {}),
        at: fields.count("at"),
      };
    case "checkpoint":
      return { type, pins: pinsOf(fields), state: fields.bytes("state", 32), at: fields.count("at") };
    default:
      return { type: "unknown" };
  }
}

function requireAllScope(fields: Fields): void {
  const scope = fields.text("scope", 1000);
  if (scope !== SCOPE_ALL) throw new MalformedError(`scope "${scope}" is not understood by this release`);
}

function rightsOf(fields: Fields): { rights: readonly Right[]; need: Need } {
  const names = fields.list("rights", 16, (value) => value);
  // A right of a later release gives nothing here; refusing it would lose everything that builds on the grant.
  const rights = RIGHTS.filter((right) => names.includes(right));
  const need = fields.map("need");
  return { rights, need: { admin: atLeastOne(need.count("admin")), destroy: atLeastOne(need.count("destroy")) } };
}

function keyNoteOf(fields: Fields): KeyNote {
  return {
    ...(fields.has("device") ? { device: fields.text("device", 63) } : {}),
    ...(fields.has("application") ? { application: fields.text("application", 63) } : {}),
  };
}

function atLeastOne(count: number): number {
  if (count < 1) throw new MalformedError("a threshold is at least 1");
  return count;
}

function keepsOf(fields: Fields): Keep[] {
  return fields.list("keeps", MAX_KEEPS, (value) => {
    const keep = new Fields(value);
    const l = keep.isNull("l") ? null : keep.map("l");
    return {
      log: keep.bytes("log", 32),
      a: keep.isNull("a") ? null : keep.list("a", 64, (tip) => exact(tip, 32)),
      l: l === null ? null : { seq: l.count("seq"), hash: l.bytes("hash", 32) },
    };
  });
}

function pinsOf(fields: Fields): Pin[] {
  const pins = fields.list("pins", 256, (value) => {
    const pin = new Fields(value);
    return { log: pin.bytes("log", 32), seq: pin.count("seq"), hash: pin.bytes("hash", 32) };
  });
  if (new Set(pins.map(({ log }) => toHex(log))).size < pins.length) throw new MalformedError("a log is pinned twice");
  return pins;
}

function joinerOf(fields: Fields): Joiner {
  return { key: fields.bytes("key", 32), seal: ageRecipient(fields, "seal"), proof: fields.bytes("proof", 64) };
}

function ageRecipient(fields: Fields, name: string): string {
  const recipient = fields.text(name, 100);
  if (!/^age1[0-9a-z]{50,90}$/.test(recipient)) throw new MalformedError(`${name} is no age recipient`);
  return recipient;
}

function labelName(value: Plain): string {
  if (typeof value !== "string" || !isLabelName(value)) throw new MalformedError("not a label");
  return value;
}

function shortText(value: Plain, maxBytes: number): string {
  if (typeof value !== "string" || utf8Encode(value).length > maxBytes) throw new MalformedError("not a short text");
  return value;
}

function exact(value: Plain, length: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw new MalformedError(`not ${length} bytes`);
  return value;
}

/** Reads members of a decoded map, naming the one that is wrong. */
class Fields {
  readonly #members: Readonly<Record<string, Plain | undefined>>;

  constructor(value: Plain) {
    if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
      throw new MalformedError("not a map");
    }
    this.#members = value as Readonly<Record<string, Plain | undefined>>;
  }

  read<T>(name: string, parse: (value: Plain) => T): T {
    const value = this.#members[name];
    if (value === undefined) throw new MalformedError(`${name} is missing`);
    try {
      return parse(value);
    } catch (cause) {
      throw new MalformedError(`${name}: ${cause instanceof Error ? cause.message : "wrong"}`, { cause });
    }
  }

  isNull(name: string): boolean {
    return this.#members[name] === null;
  }

  bytes(name: string, length: number): Uint8Array {
    return this.read(name, (value) => exact(value, length));
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined;
  }

  text(name: string, maxBytes: number): string {
    return this.read(name, (value) => shortText(value, maxBytes));
  }

  count(name: string): number {
    return this.read(name, (value) => {
      if (!Number.isSafeInteger(value) || (value as number) < 0) throw new MalformedError("not a count");
      return value as number;
    });
  }

  serverName(name: string): string {
    return this.read(name, (value) => {
      if (typeof value !== "string" || !isServerName(value)) throw new MalformedError("not a server name");
      return value;
    });
  }

  map(name: string): Fields {
    return this.read(name, (value) => new Fields(value));
  }

  list<T>(name: string, maxLength: number, parse: (value: Plain) => T): T[] {
    return this.read(name, (value) => {
      if (!Array.isArray(value) || value.length > maxLength) throw new MalformedError("not a short list");
      return (value as Plain[]).map(parse);
    });
  }

  /** A map from labels to short texts. */
  texts(name: string, maxMembers: number, maxBytes: number): Record<string, string> {
    const members = Object.entries(this.map(name).#members);
    if (members.length > maxMembers) throw new MalformedError(`${name}: too many members`);
    return Object.fromEntries(members.map(([key, value]) => [labelName(key), shortText(value as Plain, maxBytes)]));
  }
}
