import { decode, encode, MalformedError } from "../../core/encoding.ts";
import { readFields, readList } from "../../core/fields.ts";
import type { Timer } from "../../core/ports/clock.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import type { SecretBackend } from "../../core/ports/secret-backend.ts";
import { SECRET_STORE, storeRecipients } from "../../core/policy/entitlement.ts";
import type { PassOutcome } from "../../core/repeated-pass.ts";
import { GENERATORS } from "../../core/rotation/generator.ts";
import { nextDueMs, ownRotations, type Rotation, type RotationGround } from "../../core/rotation/plan.ts";
import type { Secret } from "../../core/secret.ts";
import { decodeEnvelope, readSecretPath, readVersionId } from "../../core/secrets/envelope.ts";
import { prepareSecret, type PreparedSecret } from "../../core/secrets/prepare.ts";
import { versionsOf } from "../../core/secrets/version.ts";

/** Of versions whose values are being put down, by version: until the version is signed, nobody knows of it. */
const BEGUN = "begun/";
/** From then on the store looks anyway. */
const MOST_SLEEP_MS = 60_000;
/** One entry carries so many versions: well below what an entry may have. */
const MOST_AT_ONCE = 64;

interface Made {
  readonly rotation: Rotation;
  readonly value: Secret;
  readonly prepared: PreparedSecret;
}

/**
 * Makes the values that generators make, when they are due and it is this store's turn. The value is on this store's
 * disk before anybody can know of its version; one that was begun and never signed is as if it had never been.
 */
export class Rotations {
  readonly #context: RoleContext;
  readonly #dataset: SecretBackend;
  readonly #wake: () => void;
  #timer: Timer | null = null;

  constructor(context: RoleContext, dataset: SecretBackend, wake: () => void) {
    this.#context = context;
    this.#wake = wake;
    this.#dataset = dataset;
  }

  /** Lets go of what a crash left half done. */
  async load(): Promise<void> {
    const { disk, generated } = this.#context;
    for (const { key, value } of await disk.scan(BEGUN)) {
      const begun = readBegun(key.slice(BEGUN.length), value);
      if (begun !== null && !generated.has(begun.version)) {
        for (const path of begun.paths) await this.#dataset.drop({ path, version: begun.version });
      }
      await disk.remove([key], true);
    }
  }

  /** Makes what is due here. `unsettled` if something is left to this store that it could not make. */
  async run(): Promise<PassOutcome> {
    for (;;) {
      const due = ownRotations(this.#ground()).slice(0, MOST_AT_ONCE);
      if (due.length === 0) {
        this.#sleep();
        return "settled";
      }
      const made: Made[] = [];
      try {
        for (const rotation of due) {
          const one = await this.#make(rotation);
          if (one !== null) made.push(one);
        }
        if (made.length === 0 || !(await this.#sign(made))) return "unsettled";
      } finally {
        for (const { value } of made) value.wipe();
      }
      if (made.length < due.length) return "unsettled";
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Asks for another run when something will be due, if that is before everybody looks again anyway. */
  #sleep(): void {
    this.#timer?.cancel();
    const ground = this.#ground();
    const dueMs = nextDueMs(ground);
    const waitMs = dueMs === null ? MOST_SLEEP_MS : dueMs - ground.nowMs;
    this.#timer = waitMs < MOST_SLEEP_MS ? this.#context.clock.after(waitMs, this.#wake) : null;
  }

  get #ownName(): string {
    const { id } = this.#context.self;
    return this.#context.view().nodes.get(id)?.name ?? id.slice(0, 12);
  }

  #ground(): RotationGround {
    const { clock, keys, peers, self } = this.#context;
    const view = this.#context.view();
    return {
      view,
      nowMs: clock.now(),
      self: self.id,
      hash: (bytes) => keys.hash(bytes),
      stores: view.holders(SECRET_STORE).map(({ id, key }) => ({
        id,
        state: id === self.id || peers.opinion(key).online === "yes" ? "reachable" : "unreachable",
      })),
      generators: new Set(GENERATORS.keys()),
      exposures: this.#context.exposures(),
    };
  }

  /** Null if the generator could not: the others' values do not wait for it. */
  async #make(rotation: Rotation): Promise<Made | null> {
    const { clock, keys, log, mesh, random } = this.#context;
    const heads = this.#context.heads().authority;
    const { declaration, generator, replaces, reason } = rotation;
    const { path, overlapSeconds } = declaration;
    try {
      const value = await GENERATORS.get(generator)?.generate({ declaration, random });
      if (value === undefined) return null;
      const nowMs = clock.now();
      // What somebody has who must not have it is not valid for another moment.
      const overlapMs = reason === "exposed" ? 0 : (overlapSeconds ?? 0) * 1000;
      const before =
        replaces === null || overlapMs === 0
          ? {}
          : { before: { version: replaces.version, untilMs: nowMs + overlapMs } };
      const tips = this.#context.authorityTips();
      const prepared = prepareSecret({ keys, random, mesh, path, value, heads, tips, nowMs, ...before });
      return { rotation, value, prepared };
    } catch (error) {
      log.write("warn", "secret-store.not-generated", { path, generator, error });
      return null;
    }
  }

  /** False if this node cannot sign yet. */
  async #sign(made: readonly Made[]): Promise<boolean> {
    const { disk, generated, log } = this.#context;
    const recipients = storeRecipients(this.#context.view());
    const versions = made.map(({ rotation, prepared }) => {
      return { path: rotation.declaration.path, metadata: prepared.metadata };
    });
    let begun = "";
    const isSigned = await generated.sign(versions, async (version) => {
      begun = BEGUN + version;
      await disk.append([{ key: begun, value: encode({ v: 1, paths: versions.map(({ path }) => path) }) }], true);
      for (const { rotation, prepared } of made) {
        const envelope = decodeEnvelope(await prepared.finish(version, recipients));
        const older = versionsOf(this.#context.view(), rotation.declaration.path).map((known) => known.version);
        await this.#dataset.put(envelope, [version, ...older]);
      }
    });
    if (!isSigned) return false;
    await disk.remove([begun], false);
    for (const { rotation } of made) {
      const { declaration, reason } = rotation;
      log.write("info", "secret-store.rotated", { path: declaration.path, reason });
      const [actor, action] = [`node:${this.#ownName}`, "secret.rotate"];
      await this.#context.audit({ actor, action, object: declaration.path, decision: "allowed", reason });
    }
    return true;
  }
}

function readBegun(version: string, value: Uint8Array): { version: string; paths: string[] } | null {
  try {
    const { paths } = readFields(decode(value));
    return { version: readVersionId(version), paths: readList(paths, MOST_AT_ONCE).map(readSecretPath) };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}
