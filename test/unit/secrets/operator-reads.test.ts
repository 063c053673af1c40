import { beforeEach, describe, expect, test } from "vitest";
import { concat, toHex } from "../../../src/core/bytes.ts";
import { decode, encode } from "../../../src/core/encoding.ts";
import { secretOperatorsPath } from "../../../src/core/paths.ts";
import type { SealIdentity, Signer } from "../../../src/core/ports/keys.ts";
import { decodeGetAnswer, decodeServed } from "../../../src/core/secrets/messages.ts";
import {
  CHALLENGE_CHANNEL,
  decodeChallengeAnswer,
  encodeCarriedRead,
  encodeOperatorRead,
  openReadAnswer,
  type OperatorRead,
  READ_CHANNEL,
  readToSign,
} from "../../../src/core/secrets/operator-read.ts";
import { SCHEME_ED25519, type Signature } from "../../../src/core/signature.ts";
import { currentVersion } from "../../../src/core/secrets/version.ts";
import { type OperatorSigner, signWith } from "../../../src/operator/signer.ts";
import { exampleHomelab, type Machine } from "./homelab.ts";

const PATHS = ["db/password", "web/tls", "mail/dkim", "never/set"];
/** What a store's refusal is, whatever its reason. */
const NONE = toHex(encode({ v: 1, state: "none" }));

let homelab: Awaited<ReturnType<typeof exampleHomelab>>;
let people: Record<"alice" | "bob" | "carol", Signer>;
let nas1: Machine;
let nas2: Machine;
let pi1: Machine;

beforeEach(async () => {
  homelab = await exampleHomelab();
  ({ "nas-1": nas1, "nas-2": nas2, "pi-1": pi1 } = homelab.by);
  people = {
    alice: homelab.operator("alice", "admin", "ops"),
    bob: homelab.operator("bob", "ops"),
    carol: homelab.operator("carol", "ops"),
  };
  for (const path of ["db/password", "web/tls", "mail/dkim"]) {
    await homelab.set(path, `value of ${path}`, homelab.by["web-1"]);
  }
  allow("db/password", people.bob);
  await homelab.pass(1000);
  for (const { audits } of homelab.machines.values()) audits.length = 0;
});

/** alice lets these keys read it, or whoever else signs that. */
function allow(path: string, ...readers: readonly Signer[]): void {
  allowAs("alice", path, ...readers);
}

function allowAs(log: string, path: string, ...readers: readonly Signer[]): void {
  const keys = readers.map(({ publicKey }) => toHex(publicKey));
  homelab.writeAs(log, `readers of ${path} by ${log} at ${homelab.state.revision}`, {
    [secretOperatorsPath(path)]: { keys },
  });
}

interface Ask {
  readonly by?: Signer;
  readonly through?: Machine;
  readonly store?: Machine;
  readonly path?: string;
  /** What is signed in place of what an honest operator would say. */
  readonly said?: Partial<OperatorRead>;
  readonly sign?: (read: Uint8Array) => Promise<Signature>;
  /** What is sent in place of what was signed. */
  readonly sent?: Partial<OperatorRead>;
}

interface Answered {
  /** As the store encoded it. */
  readonly answer: string;
  readonly value: string | null;
  /** The request as it went over the wire. */
  readonly body: Uint8Array;
  readonly identity: SealIdentity;
}

const requested = (from: Machine, to: Machine, channel: string, body: Uint8Array) =>
  homelab.within(from.peers.request(to.key, channel, body, 1000));

async function challengeFor(through: Machine, store: Machine): Promise<Uint8Array> {
  return decodeChallengeAnswer(await requested(through, store, CHALLENGE_CHANNEL, new Uint8Array(0)));
}

async function ask(asked: Ask = {}): Promise<Answered> {
  const { by = people.bob, through = pi1, store = nas1, path = "db/password" } = asked;
  const identity = await homelab.keys.createSealIdentity();
  const read: OperatorRead = {
    ...{ mesh: homelab.mesh, operator: toHex(by.publicKey), store: store.key, path, recipient: identity.recipient },
    challenge: await challengeFor(through, store),
    ...asked.said,
  };
  const signed = encodeOperatorRead(read);
  const plain = async (bytes: Uint8Array) => ({ scheme: SCHEME_ED25519, bytes: by.sign(readToSign(bytes).message) });
  const signature = await (asked.sign ?? plain)(signed);
  const bytes = encodeOperatorRead({ ...read, ...asked.sent });
  const body = encodeCarriedRead({ bytes, signature, ...homelab.headsOf(through.state) });
  return { ...(await carry(body, bytes, identity, through, store)), body, identity };
}

async function carry(body: Uint8Array, read: Uint8Array, identity: SealIdentity, through: Machine, store: Machine) {
  const signed = await requested(through, store, READ_CHANNEL, body);
  const bytes = openReadAnswer(homelab.keys, store.signer.publicKey, read, signed)!;
  const answer = decodeGetAnswer(bytes);
  if (answer.state !== "value") return { answer: toHex(bytes), value: null };
  const { content } = decodeServed((await homelab.keys.open(identity, answer.sealed))!);
  return { answer: toHex(bytes), value: "value" in content ? String.fromCharCode(...content.value.reveal()) : null };
}

/** What a store wrote down, without its times. */
const audited = ({ audits }: Machine) =>
  audits.map(({ actor, object, decision, reason }) => [actor, object, decision, reason].join(" "));

describe("an operator who may read a value", () => {
  test("gets it by a machine that may not, and nobody else can open what that one carries", async () => {
    const { value } = await ask();
    expect(value).toBe("value of db/password");
    const carried = homelab.wire.filter(({ channel }) => channel === READ_CHANNEL).at(-1)!;
    const { answer } = decode(carried.answer!) as { answer: Uint8Array };
    const { sealed } = decodeGetAnswer(answer) as { sealed: Uint8Array };
    for (const { seal } of homelab.machines.values()) expect(await homelab.keys.open(seal, sealed)).toBeNull();
  });

  test("is on record by name and key, with the machine that carried it, before the value is out", async () => {
    await ask();
    await ask();
    const { version } = currentVersion(nas1.view(), "db/password")!;
    expect(nas1.audits).toEqual([
      {
        ...{ actor: "operator:bob", action: "secret.read", object: "db/password", decision: "allowed", reason: "" },
        facts: {
          ...{ operator: toHex(people.bob.publicKey), through: pi1.id, version },
          ...{ times: 1, sinceMs: expect.any(Number) },
        },
      },
    ]);
  });

  test("reads exactly what is declared, whoever carries it, from every store", async () => {
    allow("mail/dkim", people.carol, people.bob);
    for (const store of [nas1, nas2]) {
      const table: Record<string, string[]> = {};
      for (const [name, by] of Object.entries(people)) {
        const answers = await Promise.all(PATHS.map((path) => ask({ by, store, path, through: homelab.by["web-2"] })));
        table[name] = answers.flatMap(({ value }) => value ?? []);
      }
      expect(table).toEqual({
        alice: [],
        bob: ["value of db/password", "value of mail/dkim"],
        carol: ["value of mail/dkim"],
      });
    }
  });

  test("signs it with a token as well: whoever finds the key only signs needs no other", async () => {
    const token: OperatorSigner = {
      publicKey: people.bob.publicKey,
      application: "ssh:",
      seal: null,
      sign: async (message) => {
        const hash = (bytes: Uint8Array) => homelab.keys.hash(bytes);
        const touched = concat(hash(new TextEncoder().encode("ssh:")), Uint8Array.of(1, 0, 0, 0, 7), hash(message));
        return { bytes: people.bob.sign(touched), token: { flags: 1, counter: 7 } };
      },
    };
    const { value } = await ask({ sign: (read) => signWith(homelab.keys, token, readToSign(read)) });
    expect(value).toBe("value of db/password");
  });
});

describe("nobody else gets anything, and all of it is one answer:", () => {
  const expectRefused = async (asked: Ask, reason: string, actor = "node:pi-1", path = "db/password") => {
    const { answer, value } = await ask(asked);
    expect({ answer, value }).toEqual({ answer: NONE, value: null });
    expect(audited(asked.store ?? nas1).at(-1)).toBe(`${actor} ${path} denied ${reason}`);
  };

  test("an operator without the declaration, for what is there and what is not", async () => {
    for (const path of ["web/tls", "never/set"]) await expectRefused({ path }, "not entitled", "operator:bob", path);
    for (const path of ["", "db", "DB/PASSWORD", "../db/password", "db/password/", "x".repeat(900)]) {
      expect((await ask({ path, through: homelab.by["mail-1"] })).answer).toBe(NONE);
    }
    allow("never/set", people.bob);
    await expectRefused({ path: "never/set" }, "never set", "operator:bob", "never/set");
  });

  test("one whom an operator allowed who may not administer, be it himself", async () => {
    allowAs("bob", "web/tls", people.bob);
    await expectRefused({ path: "web/tls" }, "not entitled", "operator:bob", "web/tls");
    // It takes away what an administrator gave, and gives nothing.
    allowAs("carol", "db/password", people.bob, people.carol);
    await expectRefused({}, "not entitled", "operator:bob");
  });

  test("one who was cut, from the moment on in which the store or whoever carries it knows", async () => {
    nas1.hears = "nothing";
    homelab.cutOperator("bob");
    expect(nas1.state.operators.every(({ state }) => state === "live")).toBe(true);
    await expectRefused({}, "a request of somebody who is no operator");
  });

  test("a request that is used again: by the same machine, by another one, at another store", async () => {
    const { body, identity, value } = await ask();
    expect(value).not.toBeNull();
    const { read } = decode(body) as { read: Uint8Array };
    for (const [through, store] of [
      [pi1, nas1],
      [homelab.by["mail-1"], nas1],
      [pi1, nas2],
    ] as const) {
      expect(await carry(body, read, identity, through, store)).toEqual({ answer: NONE, value: null });
      expect(audited(store).at(-1)).toMatch(/denied an operator's request that was used, or is not of now$/);
    }
  });

  test("a challenge that another machine was given, that is invented, or that is old", async () => {
    const reason = "an operator's request that was used, or is not of now";
    await expectRefused({ said: { challenge: await challengeFor(homelab.by["mail-1"], nas1) } }, reason);
    await expectRefused({ said: { challenge: new Uint8Array(32) } }, reason);
    await expectRefused({ said: { challenge: await challengeFor(pi1, nas2) } }, reason);
    const challenge = await challengeFor(pi1, nas1);
    await homelab.pass(2 * 60_000);
    await expectRefused({ said: { challenge } }, reason);
  });

  test("a request to another store or mesh, with a challenge of this one", async () => {
    await expectRefused({ said: { store: nas2.key } }, "an operator's request to another store");
    await expectRefused({ said: { mesh: new Uint8Array(32) } }, "an operator's request to another store");
  });

  test("what an operator did not sign: another path or recipient, another's name, a machine's key", async () => {
    const reason = "a request that its operator did not sign";
    const thief = await homelab.keys.createSealIdentity();
    await expectRefused({ path: "web/tls", sent: { path: "db/password" } }, reason);
    await expectRefused({ sent: { recipient: thief.recipient } }, reason);
    await expectRefused({ by: people.carol, said: { operator: toHex(people.bob.publicKey) } }, reason);
    await expectRefused({ by: pi1.signer, said: { operator: toHex(people.bob.publicKey) } }, reason);
    await expectRefused({ by: pi1.signer }, "a request of somebody who is no operator");
    await expectRefused({ sign: async () => ({ scheme: 9, bytes: new Uint8Array(64) }) }, reason);
  });

  test("a strict secret, from a store for which nobody vouches", async () => {
    homelab.strict("db/password");
    await homelab.pass(1000);
    expect((await ask()).value).toBe("value of db/password");
    nas1.side = 1;
    pi1.side = 1;
    await homelab.pass(6 * 60_000);
    expect((await ask()).answer).toBe(toHex(encode({ v: 1, state: "unvouched" })));
  });
});

test("a machine that invents an answer, or gives that to another request, is found out", async () => {
  const first = await ask();
  const { answer: signed } = homelab.wire.at(-1)!;
  const { read } = decode(first.body) as { read: Uint8Array };
  expect(openReadAnswer(homelab.keys, nas1.signer.publicKey, read, signed!)).not.toBeNull();
  expect(openReadAnswer(homelab.keys, nas2.signer.publicKey, read, signed!)).toBeNull();
  expect(openReadAnswer(homelab.keys, nas1.signer.publicKey, concat(read, Uint8Array.of(0)), signed!)).toBeNull();
});

test("a member that asks for challenges without end costs a store a few, and nobody else his", async () => {
  const bobs = await challengeFor(pi1, nas1);
  for (let i = 0; i < 100; i++) await challengeFor(homelab.by["mail-1"], nas1);
  expect((await ask({ said: { challenge: bobs } })).value).toBe("value of db/password");
});
