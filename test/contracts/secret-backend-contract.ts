import { describe, expect, test } from "vitest";
import { SimClock } from "../../sim/clock.ts";
import { CollectingLog } from "../../sim/log.ts";
import { seededRandom } from "../../sim/random.ts";
import { ascii, toHex } from "../../src/core/bytes.ts";
import { DiskFullError } from "../../src/core/ports/disk.ts";
import type { SealIdentity } from "../../src/core/ports/keys.ts";
import type { SecretBackend } from "../../src/core/ports/secret-backend.ts";
import { Secret } from "../../src/core/secret.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, sealEnvelope } from "../../src/core/secrets/envelope.ts";
import { MAX_VALUE_BYTES, STORE_CLASS } from "../../src/core/secrets/version.ts";
import { createKeys } from "../../src/node/platform/keys.ts";

const NAMES = ["nas-1", "nas-2", "paper", "web-1", "mail-1"] as const;
type Name = (typeof NAMES)[number];

/** A store (nas-1), another one, the recovery code and two machines; what they do with a backend is up to a test. */
export class BackendWorld {
  readonly keys = createKeys();
  readonly random = seededRandom("backend");
  readonly clock = new SimClock();
  readonly log = new CollectingLog();
  readonly mesh = this.keys.hash(ascii("backend"));
  readonly self = { id: toHex(this.keys.hash(ascii("nas-1"))), key: "" };
  readonly by: Readonly<Record<Name, SealIdentity>>;
  /** Whom the mesh has as its stores now. */
  stores: readonly Name[] = ["nas-1", "paper"];
  /** Who may read what. */
  readonly entitled = new Map<string, readonly Name[]>([["web/tls", ["web-1"]]]);
  #made = 0;

  private constructor(by: Readonly<Record<Name, SealIdentity>>) {
    this.by = by;
  }

  static async create(): Promise<BackendWorld> {
    const keys = createKeys();
    const made = await Promise.all(NAMES.map(async (name) => [name, await keys.createSealIdentity()]));
    return new BackendWorld(Object.fromEntries(made) as Record<Name, SealIdentity>);
  }

  get seal(): SealIdentity {
    return this.by["nas-1"];
  }

  recipients(names: readonly Name[]): string[] {
    return names.map((name) => this.by[name].recipient).sort();
  }

  /** A version as its writer hands it to stores. */
  envelope(path: string, value: Uint8Array | string): Promise<Envelope> {
    const version = toHex(this.keys.hash(ascii(`version ${++this.#made}`)));
    const bytes = typeof value === "string" ? ascii(value) : new Uint8Array(value);
    const committed = { nonce: this.random.bytes(32), value: new Secret(bytes) };
    const subject = { path, version, class: STORE_CLASS };
    return sealEnvelope(this, this.mesh, subject, committed, this.recipients(this.stores));
  }
}

export interface BackendUnderTest {
  readonly backend: SecretBackend;
  /** Whose keys open a path there by the policy as it is now. */
  readers(path: string): readonly Name[];
  /** The same place as the next agent finds it, not loaded yet. */
  readonly reopen: () => Promise<SecretBackend>;
  /** All that somebody has who has the disk. */
  contents(): Promise<readonly Uint8Array[]>;
  /** From now on there is no space for anything, or there is again. */
  full(state: "full" | "space"): void;
  /** The agent is killed in its n-th step from now on: nothing that it does then has an effect. Returns how many it made. */
  dieAt(n: number): () => number;
  /** Alters everything that lies there. */
  damage(): Promise<void>;
}

async function valueOf(backend: SecretBackend, held: Envelope, key: SealIdentity): Promise<string | null> {
  const value = await backend.get(held, key);
  return value === null ? null : Buffer.from(value.reveal()).toString("latin1");
}

/** What every place does in which a store keeps values. */
export function secretBackendContract(name: string, setup: (world: BackendWorld) => Promise<BackendUnderTest>): void {
  const open = async () => {
    const world = await BackendWorld.create();
    const subject = await setup(world);
    expect(await subject.backend.load()).toBe(0);
    const { backend } = subject;
    const reopened = async (damaged = 0) => {
      const next = await subject.reopen();
      expect(await next.load()).toBe(damaged);
      return next;
    };
    /** Who can open it, with nothing but a key. */
    const openers = async (held: Envelope, of = backend) => {
      const able = await Promise.all(NAMES.map(async (who) => (await of.get(held, world.by[who])) !== null));
      return NAMES.filter((_, i) => able[i]);
    };
    return { world, subject, backend, reopened, openers };
  };

  describe(`the contract of a backend of secrets: ${name}`, () => {
    test("has nothing at first, and misses nothing", async () => {
      const { backend, world } = await open();
      const absent = await world.envelope("web/tls", "x");
      expect(backend.list()).toEqual([]);
      expect(backend.sealedOtherwise()).toEqual([]);
      expect(backend.has(absent)).toBe(false);
      expect(await backend.get(absent, world.seal)).toBeNull();
      await backend.drop(absent);
      await backend.reseal(absent);
      expect(backend.list()).toEqual([]);
    });

    test("gives back any bytes from none to one MiB, also to the next agent", async () => {
      const { backend, reopened, world } = await open();
      const sizes = [0, 1, 1000, 65_536, MAX_VALUE_BYTES];
      const values = sizes.map((size) => world.random.bytes(size));
      const kept: Envelope[] = [];
      for (const [i, value] of values.entries()) {
        const envelope = await world.envelope(`sizes/${i}`, value);
        await backend.put(envelope, [envelope.version]);
        kept.push(envelope);
      }
      for (const one of [backend, await reopened()]) {
        expect(one.list()).toEqual(kept.map(({ path, version }) => ({ path, version })));
        expect(one.list("sizes/3")).toEqual([{ path: "sizes/3", version: kept[3]?.version }]);
        for (const [i, envelope] of kept.entries()) {
          const value = await one.get(envelope, world.seal);
          expect(Buffer.compare(value?.reveal() ?? Buffer.from("none"), values[i] as Uint8Array)).toBe(0);
        }
      }
    });

    test("opens with the keys of those whom its policy names, and with nobody else's, as if there were nothing", async () => {
      const { backend, openers, subject, world } = await open();
      for (const path of ["web/tls", "mail/dkim"]) {
        const envelope = await world.envelope(path, `canary of ${path}`);
        await backend.put(envelope, [envelope.version]);
        expect((await openers(envelope)).sort()).toEqual([...subject.readers(path)].sort());
        expect(subject.readers(path)).not.toContain("mail-1");
        expect(await valueOf(backend, envelope, world.by["mail-1"])).toBeNull();
        expect(await valueOf(backend, { ...envelope, version: "f".repeat(64) }, world.seal)).toBeNull();
      }
      const contents = await subject.contents();
      expect(contents.length).toBeGreaterThan(1);
      expect(contents.filter((bytes) => Buffer.from(bytes).includes("canary"))).toEqual([]);
    });

    test("is sealed anew to whom the policy names after it has changed, and to nobody else", async () => {
      const { backend, openers, reopened, subject, world } = await open();
      const [tls, dkim] = [await world.envelope("web/tls", "tls"), await world.envelope("mail/dkim", "dkim")];
      for (const envelope of [tls, dkim]) await backend.put(envelope, [envelope.version]);
      expect(backend.sealedOtherwise()).toEqual([]);
      const before = await openers(tls);
      world.stores = ["nas-1", "nas-2"];
      world.entitled.set("web/tls", ["mail-1"]);
      const stale = backend.sealedOtherwise();
      expect(stale.map(({ path }) => path).sort()).toEqual(["mail/dkim", "web/tls"]);
      expect(await openers(tls)).toEqual(before);
      for (const held of stale) await backend.reseal(held);
      expect(backend.sealedOtherwise()).toEqual([]);
      for (const one of [backend, await reopened()]) {
        expect((await openers(tls, one)).sort()).toEqual([...subject.readers("web/tls")].sort());
        expect(await openers(tls, one)).not.toContain("paper");
        expect(await valueOf(one, tls, world.by["nas-2"])).toBe("tls");
        expect(await valueOf(one, dkim, world.by["nas-2"])).toBe("dkim");
      }
    });

    test("keeps the version that is wanted most, whichever comes last", async () => {
      const { backend, reopened, world } = await open();
      const versions = await Promise.all(Array.from({ length: 8 }, (_, i) => world.envelope("web/tls", `${i}`)));
      const order = versions.map(({ version }) => version).reverse();
      const current = versions.at(-1) as Envelope;
      for (const envelope of [current, ...versions]) await backend.put(envelope, order);
      for (const one of [backend, await reopened()]) {
        expect(await valueOf(one, current, world.seal)).toBe("7");
        expect(one.list("web/tls").length).toBeLessThanOrEqual(5);
        expect(await valueOf(one, versions[0] as Envelope, world.seal)).toBeNull();
      }
    });

    test("lets go of what is dropped and of nothing else, and of everything when it forgets", async () => {
      const { backend, reopened, subject, world } = await open();
      const [tls, dkim] = [await world.envelope("web/tls", "tls"), await world.envelope("mail/dkim", "dkim")];
      for (const envelope of [tls, dkim]) await backend.put(envelope, [envelope.version]);
      await backend.drop({ path: "web/tls", version: dkim.version });
      expect(backend.has(tls)).toBe(true);
      await backend.drop(tls);
      expect([backend.has(tls), await backend.get(tls, world.seal)]).toEqual([false, null]);
      expect((await reopened()).list()).toEqual([{ path: "mail/dkim", version: dkim.version }]);
      await backend.forget();
      await expect(backend.put(tls, [tls.version])).rejects.toThrow("has ended");
      expect(backend.list()).toEqual([]);
      expect(await subject.contents()).toEqual([]);
    });

    test("never gives anything for what is no path of a secret, and loses nothing by it", async () => {
      const { backend, world } = await open();
      const envelope = await world.envelope("web/tls", "tls");
      await backend.put(envelope, [envelope.version]);
      const { version } = envelope;
      const tricks = [
        "",
        ".",
        "..",
        "../web/tls",
        "web/../web/tls",
        "/etc/passwd",
        "web//tls",
        "web/tls.age",
        "WEB/TLS",
      ];
      for (const path of [...tricks, "web/tls/", "web/tls\0", ".lab/store", "__proto__", "web\\tls", "a".repeat(201)]) {
        expect(backend.has({ path, version }), path).toBe(false);
        expect(await backend.get({ path, version }, world.seal), path).toBeNull();
        await backend.reseal({ path, version });
        await backend.drop({ path, version });
        // What is put has been through this.
        expect(() => decodeEnvelope(encodeEnvelope({ ...envelope, path })), path).toThrow();
      }
      expect(await valueOf(backend, envelope, world.seal)).toBe("tls");
    });

    test("has the old value or the new one, whole, when the agent is killed at any step", async () => {
      const seen = { old: 0, new: 0 };
      for (let n = 1; ; n++) {
        const { backend, subject, world } = await open();
        const [old, next] = [await world.envelope("web/tls", "old"), await world.envelope("web/tls", "new")];
        await backend.put(old, [old.version]);
        const steps = subject.dieAt(n);
        const acknowledged = await backend.put(next, [next.version, old.version]).then(
          () => true,
          () => false,
        );
        const made = steps();
        const after = await subject.reopen();
        expect(await after.load()).toBe(0);
        const is = await valueOf(after, next, world.seal);
        expect(is === "new" || (is === null && (await valueOf(after, old, world.seal)) === "old"), `${n}`).toBe(true);
        if (acknowledged) expect(is).toBe("new");
        seen[is === "new" ? "new" : "old"]++;
        // Nothing is in the way of whoever goes on.
        await after.put(next, [next.version, old.version]);
        expect(await valueOf(after, next, world.seal)).toBe("new");
        if (made < n) break;
      }
      expect(seen.old).toBeGreaterThan(0);
      expect(seen.new).toBeGreaterThan(0);
    });

    test("has nothing or the first value, and takes neither for damage, when the agent is killed at any step", async () => {
      for (let n = 1; ; n++) {
        const { backend, subject, world } = await open();
        const first = await world.envelope("web/tls", "first");
        const steps = subject.dieAt(n);
        await backend.put(first, [first.version]).catch(() => undefined);
        const made = steps();
        const after = await subject.reopen();
        expect(await after.load(), `${n}`).toBe(0);
        expect([null, "first"]).toContain(await valueOf(after, first, world.seal));
        await after.put(first, [first.version]);
        expect(await valueOf(after, first, world.seal)).toBe("first");
        if (made < n) break;
      }
    });

    test("says so when there is no space, and has what it had", async () => {
      const { backend, reopened, subject, world } = await open();
      const [old, next] = [await world.envelope("web/tls", "old"), await world.envelope("web/tls", "new")];
      await backend.put(old, [old.version]);
      subject.full("full");
      await expect(backend.put(next, [next.version, old.version])).rejects.toThrow(DiskFullError);
      expect([backend.has(next), await valueOf(backend, old, world.seal)]).toEqual([false, "old"]);
      expect(await valueOf(await reopened(), old, world.seal)).toBe("old");
      subject.full("space");
      await backend.put(next, [next.version, old.version]);
      expect(await valueOf(await reopened(), next, world.seal)).toBe("new");
    });

    test("gives no altered value, takes it for lost, and has it again when it is brought", async () => {
      const { backend, subject, world } = await open();
      const envelope = await world.envelope("web/tls", "tls");
      await backend.put(envelope, [envelope.version]);
      await subject.damage();
      expect(await valueOf(backend, envelope, world.seal).catch(() => null)).toBeNull();
      const next = await subject.reopen();
      expect(await next.load()).toBe(1);
      expect(next.has(envelope)).toBe(false);
      await next.put(envelope, [envelope.version]);
      expect(await valueOf(next, envelope, world.seal)).toBe("tls");
    });
  });
}
