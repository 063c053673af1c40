import { equalBytes, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import { type Signature, sshSignature } from "../core/signature.ts";
import { decodeSshSignature, readSshArmour } from "../core/ssh/sshsig.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import { sshFingerprint } from "../core/ssh/public-key.ts";
import { decodeBody, type Founder, type GenesisBody } from "../crdt/authority/bodies.ts";
import { genesisKeys } from "../crdt/authority/graph.ts";
import { draftGenesis } from "../crdt/compose.ts";
import { replaceSignatures } from "../crdt/entry/entry.ts";
import { isSignatureOf } from "../crdt/entry/signatures.ts";
import { EVERYTHING } from "./authority.ts";
import { type Draft, signOrder } from "./order.ts";
import type { OperatorSigner } from "./signer.ts";

/*
 * Equals found a mesh: k of their own keys together are its root, and nobody's recovery code is. All of them sign one
 * genesis entry; its hash is the mesh's id before anybody has signed it, and tells a true draft from a false one.
 */

const MOST_FOUNDERS = 16;

/** A key that shall found, and what is shown of it. */
export type FoundingKey = Pick<Founder, "key" | "name" | "device" | "application">;

export interface FoundingWish {
  readonly meshName: string;
  readonly founders: readonly FoundingKey[];
  /** So many of them together are root. */
  readonly k: number;
  readonly nowMs: number;
}

/** A draft, and the signatures that it has by now. */
export class Founding {
  readonly draft: Draft;
  readonly #keys: Keys;
  readonly #body: GenesisBody;
  /** By the hex of the founder's key. */
  readonly #signatures = new Map<string, Signature>();

  private constructor(keys: Keys, draft: Draft, body: GenesisBody) {
    this.#keys = keys;
    this.draft = draft;
    this.#body = body;
  }

  /** Throws `Invalid` for founders who could not rule together. */
  static begin(keys: Keys, random: Random, wish: FoundingWish): Founding {
    const founders = wish.founders.map((founder) => ({ ...founder, ...EVERYTHING }));
    const body: GenesisBody = {
      type: "genesis",
      name: wish.meshName,
      root: { keys: founders.map(({ key }) => key), k: wish.k },
      founders,
      recovery: null,
      nonce: random.bytes(32),
      at: wish.nowMs,
    };
    const problem = problemOf(keys, body);
    if (problem !== null) throw new LabError("Invalid", problem, { hint: "lab help init" });
    return new Founding(keys, draftGenesis(keys, body, genesisKeys(body)[0] as Uint8Array), body);
  }

  /**
   * Of a draft that somebody wrote. Throws `Invalid` for one in which somebody is root who is no founder, or a part of
   * the founders could be root against the others.
   */
  static read(keys: Keys, draft: Draft, file: string): Founding {
    const body = decodeBody(draft.header.type, draft.payload);
    if (body.type !== "genesis") {
      throw new LabError("Invalid", `${file} is an order for a mesh that there is`, { hint: `lab submit ${file}` });
    }
    const problem = problemOf(keys, body);
    if (problem === null) return new Founding(keys, draft, body);
    throw new LabError("Invalid", `${file} founds no mesh of equals: ${problem}`, { hint: "do not sign it" });
  }

  /** Id of the mesh that will be. */
  get mesh(): Uint8Array {
    return this.draft.hash;
  }

  get meshName(): string {
    return this.#body.name;
  }

  get names(): readonly string[] {
    return this.#body.founders.map(({ name }) => name);
  }

  /** What a founder is called; null for a key that is none's. */
  nameOf(publicKey: Uint8Array): string | null {
    return this.#body.founders.find(({ key }) => equalBytes(key, publicKey))?.name ?? null;
  }

  /** The whole of it in lines, with what founders read to each other. */
  describe(): string[] {
    const { name, root, founders } = this.#body;
    const width = Math.max(...this.names.map(({ length }) => length));
    const told = founders.map(({ key, name: who, application = null, rights, need }) => {
      const limits = need.admin > 1 || rights.length < EVERYTHING.rights.length ? ` (${rights.join()})` : "";
      return `  ${who.padEnd(width)}  ${sshFingerprint(this.#keys, { key, application })}${limits}`;
    });
    return [
      `found mesh ${name}: any ${root.k} of ${founders.length} founders together are its root`,
      ...told,
      "what all founders must have, read to each other by voice:",
      `  ${digestOf(this.draft)}`,
    ];
  }

  /** Names of founders who have not signed. */
  missing(): string[] {
    return this.#body.founders.filter(({ key }) => !this.#signatures.has(toHex(key))).map(({ name }) => name);
  }

  /** The signature file of the founder whose key this is. */
  async sign(signer: OperatorSigner): Promise<string> {
    const armour = await signOrder(this.#keys, signer, this.draft);
    this.join("the own signature", armour);
    return armour;
  }

  /** Takes a founder's signature file. Throws `InvalidFile`, and `NotAuthorised` for one that does not fit. */
  join(file: string, armour: string): void {
    try {
      const bytes = readSshArmour(armour);
      const { publicKey } = decodeSshSignature(bytes);
      const signature = sshSignature(bytes);
      const name = this.nameOf(publicKey);
      if (name !== null && isSignatureOf(this.#keys, publicKey, this.draft, signature)) {
        this.#signatures.set(toHex(publicKey), signature);
        return;
      }
      const fingerprint = sshFingerprint(this.#keys, { key: publicKey, application: null });
      const why = name === null ? `${fingerprint} is no founder` : `${name} signed something else`;
      throw new LabError("NotAuthorised", `${file} does not sign this draft: ${why}`, {
        hint: "everybody signs the same file, as it is",
      });
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      const hint = "lab sign FILE makes one, and so does ssh-keygen -Y sign -n lab@authority -f KEY FILE";
      throw new LabError("InvalidFile", `${file}: ${cause.message}`, { hint }, { cause });
    }
  }

  /** The genesis entry; it counts once nobody's signature is missing. */
  genesis(): Draft {
    const all = genesisKeys(this.#body).flatMap((key) => this.#signatures.get(toHex(key)) ?? []);
    return replaceSignatures(this.draft, all);
  }
}

function problemOf(keys: Pick<Keys, "isSafeKey">, { root, founders, recovery }: GenesisBody): string | null {
  const [all, roots] = [founders.map(({ key }) => toHex(key)), root.keys.map(toHex)];
  if (all.length < 2) return "one founder needs no others: lab init --local";
  if (all.length > MOST_FOUNDERS) return `there are at most ${MOST_FOUNDERS} founders`;
  if (new Set(all).size < all.length) return "two founders have the same key";
  if (new Set(founders.map(({ name }) => name)).size < all.length) return "two founders have the same name";
  const unsafe = founders.find(({ key }) => !keys.isSafeKey(key));
  if (unsafe !== undefined) return `the key of ${unsafe.name} is not a safe Ed25519 key`;
  if (roots.join() !== all.join() || recovery !== null) return "root is somebody else than the founders";
  if (root.k > all.length) return `${root.k} of ${all.length} can never sign`;
  if (2 * root.k > all.length) return null;
  return `${root.k} of ${all.length} is no majority: two parts of the founders could each be root against the other`;
}

/** Half of the mesh's id: as long as it takes so that nobody finds two drafts with the same. */
function digestOf({ id }: Draft): string {
  return (id.slice(0, 32).match(/.{4}/g) ?? []).join(" ");
}

/** How many signatures root takes, as somebody wished. Throws `Usage`. */
export function readQuorum(text: string | undefined): number {
  if (text !== undefined && /^[1-9]\d?$/.test(text)) return Number(text);
  throw new LabError(
    "Usage",
    text === undefined ? "how many founders together are root?" : `--root cannot be "${text}"`,
    {
      field: "root",
      hint: "--root 2 of three: more than half, and so few that the others can remove one",
    },
  );
}
