import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toBase64Url, toHex } from "../../src/core/bytes.ts";
import { decodeEnrolAnswer, encodeEnrolRequest, joinMessage, readToken } from "../../src/core/enrolment.ts";
import { Secret } from "../../src/core/secret.ts";
import type { KnownBody } from "../../src/crdt/authority/bodies.ts";
import { Lab, type Machine, until } from "./lab.ts";
import { keys, signAs, speaker } from "./mole.ts";

/** With what each brings along, more than one answer holds, and than a stranger may say in all. */
const MACHINES = 1_000;
const LABELS = 4;
const ONE_ANSWER_BYTES = 1 * 1024 * 1024;

/** Somebody who was enrolled by hand, and whose machine nobody has started. */
function enrolment(mesh: Uint8Array, name: string): KnownBody {
  const signer = keys.signer(new Secret(new Uint8Array(randomBytes(32))));
  const seal = `age1${randomBytes(29).toString("hex")}`;
  const proof = signer.sign(joinMessage(mesh, signer.publicKey, seal));
  return { type: "enrol", name, key: signer.publicKey, seal, proof, at: Date.now() };
}

describe("a mesh of 1,000 machines with a long history", () => {
  let lab: Lab;
  let nas: Machine;
  let mesh: Uint8Array;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    await nas.found();
    await signAs(nas, async (session) => {
      ({ mesh } = session);
      const batch = 250;
      for (let first = 0; first < MACHINES; first += batch) {
        const acts = Array.from({ length: batch }, (_, i) => enrolment(mesh, `old-${first + i}`));
        const { acts: enrolled } = await session.sign({ acts });
        for (let label = 0; label < LABELS; label += 4) {
          await session.sign({
            acts: enrolled.flatMap(({ entry }): KnownBody[] =>
              Array.from({ length: 4 }, (_, i) => {
                return { type: "role", node: entry.hash, label: `role-${label + i}`, at: Date.now() };
              }),
            ),
          });
        }
      }
    });
  }, 120_000);

  afterAll(() => lab.close());

  it("is joined by one more, which has everything then", async () => {
    const web = lab.machine("web-1");
    await web.join(await nas.token("--name", "web-1"));
    await until("both see the same", async () => (await web.stateHash()) === (await nas.stateHash()));
    expect((await web.status()).members).toBe(MACHINES + 2);
  }, 60_000);

  it("gives its entries in portions to whoever asks for them, each of which one frame holds", async () => {
    const token = readToken(keys, await nas.token("--name", "pi-1"));
    const seed = new Uint8Array(randomBytes(32));
    const link = await speaker(Uint8Array.from(seed), mesh, () => new Uint8Array(0));
    try {
      const signer = keys.signer(new Secret(seed));
      const { recipient } = await keys.createSealIdentity();
      const issuer = toHex(token.issuer);
      await link.dial(issuer, token.addresses, 10_000);
      const proof = signer.sign(joinMessage(mesh, signer.publicKey, recipient));
      const request = { tokenId: token.id, secret: token.secret, seal: recipient, proof, name: null };
      const entries = new Set<string>();
      let [bytes, answers] = [0, 0];
      for (let more = true; more; answers++) {
        const asked = encodeEnrolRequest({ ...request, after: entries.size });
        const answer = decodeEnrolAnswer(await link.request(issuer, "enrol", asked, 20_000));
        if (answer.state === "refused") throw new Error(answer.reason);
        expect(answer.members.length).toBeLessThanOrEqual(128);
        for (const entry of answer.entries) {
          entries.add(toBase64Url(entry));
          bytes += entry.length;
        }
        ({ more } = answer);
      }
      expect(bytes).toBeGreaterThan(ONE_ANSWER_BYTES);
      expect(answers).toBeGreaterThan(1);
      const { body } = await nas.ask("GET", "/metrics");
      const kept = Number(/^lab_replica_entries\{plane="authority"\} (\d+)$/m.exec(body as string)?.[1]);
      expect(entries.size).toBe(kept);
    } finally {
      await link.stop();
    }
  }, 60_000);
});
