import { beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../../sim/random.ts";
import { ascii, fromBase64Url, toBase64Url, toHex } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import { secretVersionPath } from "../../../src/core/paths.ts";
import type { SealIdentity, Signer } from "../../../src/core/ports/keys.ts";
import { Secret } from "../../../src/core/secret.ts";
import { decodeEnvelope, openEnvelope } from "../../../src/core/secrets/envelope.ts";
import { encodeGetAnswer, encodeServed } from "../../../src/core/secrets/messages.ts";
import { signReadAnswer } from "../../../src/core/secrets/operator-read.ts";
import { prepareSecret } from "../../../src/core/secrets/prepare.ts";
import type { Committed } from "../../../src/core/secrets/version.ts";
import { SCHEME_ED25519 } from "../../../src/core/signature.ts";
import { decode } from "../../../src/core/encoding.ts";
import { CLASS_DESIRED } from "../../../src/crdt/entry/entry.ts";
import { type ReadCourier, readSecret } from "../../../src/operator/secret-read.ts";
import type { Session } from "../../../src/operator/session.ts";
import { AT, type Author, bytesFor, found, keys, type NodeAuthor, Peer } from "../crdt/fixture.ts";

const PATH = "db/password";
const founding = found();
const alice = founding.founders.alice as Author;

/** What a store, or whoever answers in its place, makes of an honest answer. */
interface Lies {
  readonly signer?: Signer;
  readonly version?: string;
  readonly value?: string;
  readonly recipient?: string;
  readonly says?: "none" | "missing" | "nothing";
}

describe("an operator who reads a value through an agent that she need not trust", () => {
  let peer: Peer;
  let nas: NodeAuthor;
  let seal: SealIdentity;
  let version: string;
  let committed: Committed;

  beforeEach(async () => {
    peer = await Peer.of(founding);
    nas = await peer.enrol(alice, "nas-1");
    seal = await keys.createSealIdentity();
    const secret = { path: PATH, value: new Secret(ascii("correct horse")), heads: bytesFor("heads"), tips: [] };
    const prepared = prepareSecret({ keys, random: seededRandom("read"), mesh: peer.mesh, ...secret, nowMs: AT });
    version = (await peer.write(alice, { [secretVersionPath(PATH)]: prepared.metadata })).id;
    const envelope = decodeEnvelope(await prepared.finish(version, [seal.recipient]));
    committed = (await openEnvelope(keys, seal, peer.mesh, envelope))!;
  });

  async function read(lies: Lies = {}, current = version): Promise<string> {
    const courier: ReadCourier = { call: (_method, path, parts = {}) => answer(path, parts.body, lies, current) };
    const session = {
      context: { stores: [{ name: "nas-1", key: toHex(nas.signer.publicKey), seal: seal.recipient }], current: {} },
      known: { authority: peer.replica.authority },
      mesh: peer.mesh,
      publicKey: alice.signer.publicKey,
      operator: "alice",
      signRequest: async ({ message }: { message: Uint8Array }) => {
        return { scheme: SCHEME_ED25519, bytes: alice.signer.sign(message) };
      },
    } as unknown as Session;
    return String.fromCharCode(...(await readSecret(session, keys, courier, PATH)).reveal());
  }

  async function answer(path: string, body: unknown, lies: Lies, current: string): Promise<unknown> {
    switch (path) {
      case "/v1/secret-versions":
        return { items: [{ path: PATH, version: current, log: toHex(alice.log), state: "current" }] };
      case "/v1/audit-entries": {
        const links = peer.replica.chain(toHex(alice.log), CLASS_DESIRED)?.main ?? [];
        return { entries: links.map(({ entry }) => toBase64Url(entry.bytes)), more: false };
      }
      case "/v1/secret-challenges":
        return { challenge: toBase64Url(bytesFor("challenge")) };
      default: {
        if (lies.says === "nothing") throw new LabError("PeerUnreachable", "no connection");
        const request = fromBase64Url((body as { read: string }).read)!;
        const { recipient } = decode(request) as { recipient: string };
        const value = lies.value === undefined ? committed.value : new Secret(ascii(lies.value));
        const content = { nonce: committed.nonce, value };
        const served = encodeServed({ path: PATH, version: lies.version ?? version, content });
        const sealed = await keys.seal([lies.recipient ?? recipient], served);
        const said =
          lies.says === undefined ? ({ state: "value", sealed, vouched: "fresh" } as const) : { state: lies.says };
        return { answer: toBase64Url(signReadAnswer(keys, lies.signer ?? nas.signer, request, encodeGetAnswer(said))) };
      }
    }
  }

  test("gets what the writer of the current version signed", async () => {
    expect(await read()).toBe("correct horse");
  });

  test("takes no other value, no other version, and none that is sealed to somebody else", async () => {
    const lies: readonly Lies[] = [{ value: "battery" }, { version: "ab".repeat(32) }, { recipient: seal.recipient }];
    for (const lie of lies) await expect(read(lie)).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("takes no answer that the store did not sign", async () => {
    await expect(read({ signer: alice.signer })).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("takes no version for current that nobody wrote, whatever agent and store agree on", async () => {
    const invented = "ab".repeat(32);
    await expect(read({ version: invented }, invented)).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("is told that she may not, that it is not there yet, and that nobody answers, each as it is", async () => {
    await expect(read({ says: "none" })).rejects.toMatchObject({ code: "NotAuthorised" });
    await expect(read({ says: "missing" })).rejects.toMatchObject({ code: "SecretUnavailable" });
    await expect(read({ says: "nothing" })).rejects.toMatchObject({ code: "SecretUnavailable" });
  });
});
