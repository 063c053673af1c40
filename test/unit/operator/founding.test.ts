import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../sim/random.ts";
import { ascii, concat } from "../../../src/core/bytes.ts";
import { decodeBody, type GenesisBody } from "../../../src/crdt/authority/bodies.ts";
import { AuthorityGraph } from "../../../src/crdt/authority/graph.ts";
import { resolve } from "../../../src/crdt/authority/resolve.ts";
import { draftGenesis } from "../../../src/crdt/compose.ts";
import { Founding, type FoundingKey } from "../../../src/operator/founding.ts";
import { readOrder, signOrder, writeOrder } from "../../../src/operator/order.ts";
import { type OperatorSigner, seedSigner } from "../../../src/operator/signer.ts";
import { keys, seed } from "./household.ts";

/** A key in a FIDO2 token, as OpenSSH's PROTOCOL.u2f has it: it signs that it was touched, too. */
function tokenSigner(byte: number): OperatorSigner {
  const signer = keys.signer(seed(byte));
  const application = "ssh:";
  return {
    publicKey: signer.publicKey,
    application,
    seal: null,
    sign: async (message) => {
      const [flags, counter] = [1, 7];
      const touched = Uint8Array.of(flags, 0, 0, 0, counter);
      const bytes = signer.sign(concat(keys.hash(ascii(application)), touched, keys.hash(message)));
      return { bytes, token: { flags, counter } };
    },
  };
}

const people = { alice: seedSigner(keys, seed(1)), bob: seedSigner(keys, seed(2)), carol: tokenSigner(3) };
const names = Object.keys(people) as (keyof typeof people)[];

const founders: readonly FoundingKey[] = names.map((name) => {
  const { publicKey, application } = people[name];
  return { name, key: publicKey, ...(application === null ? {} : { application }) };
});

const found = (k = 2, whom = founders) =>
  Founding.begin(keys, seededRandom("founding"), {
    meshName: "attic",
    founders: whom,
    k,
    nowMs: 1_800_000_000_000,
  });
/** As one of them gets it: from the file. */
const received = (founding: Founding) =>
  Founding.read(keys, readOrder(keys, "draft", writeOrder(founding.draft)), "draft");

describe("equals who found a mesh", () => {
  it("sign one file that says everything, with keys in files and in FIDO2 tokens, and are its root together", async () => {
    const one = found();
    expect(received(one).describe().join("\n")).toMatch(
      /^found mesh attic: any 2 of 3 founders together are its root\n {2}alice {2}SHA256:\S{43}\n {2}bob {4}SHA256:\S{43}\n {2}carol {2}SHA256:\S{43}\n.*\n {2}([0-9a-f]{4} ){7}[0-9a-f]{4}$/,
    );
    for (const [i, name] of names.entries()) {
      expect(one.missing()).toEqual(names.slice(i));
      expect(new AuthorityGraph(keys, one.mesh).add(one.genesis())).toMatchObject({ state: "refused" });
      one.join(`draft.${name}.sig`, await received(one).sign(people[name]));
    }
    const graph = new AuthorityGraph(keys, one.mesh);
    expect(graph.add(one.genesis())).toMatchObject({ state: "admitted" });
    const logs = [...resolve(graph, keys).operators.values()].map(
      ({ name, rank, need }) => `${name} ${rank} ${need.admin}`,
    );
    expect(logs.sort()).toEqual([...names.map((name) => `${name} 1 1`), ...names.map(() => "root 0 2")]);
  });

  it.each([
    [1, "1 of 3 is no majority"],
    [4, "4 of 3 can never sign"],
  ])("are not %s", (k, why) => {
    expect(() => found(k)).toThrow(why);
  });

  it("are several, of different names and keys", () => {
    const [alice, bob] = founders as [FoundingKey, FoundingKey];
    expect(() => found(1, [alice])).toThrow("one founder needs no others");
    expect(() => found(2, [alice, { ...bob, key: alice.key }])).toThrow("two founders have the same key");
    expect(() => found(2, [alice, { ...bob, name: "alice" }])).toThrow("two founders have the same name");
    expect(() => found(2, [alice, { ...bob, key: new Uint8Array(32) }])).toThrow("the key of bob is not a safe");
  });

  it("are shown no draft in which somebody else is root, or half of them could be", () => {
    const honest = decodeBody("genesis", found().draft.payload) as GenesisBody;
    const mallory = seedSigner(keys, seed(9)).publicKey;
    const odd: Partial<GenesisBody>[] = [
      { root: { keys: [mallory], k: 1 } },
      { root: { keys: [...honest.root.keys, mallory], k: 3 } },
      { root: { ...honest.root, k: 1 } },
      { recovery: `age1${"q".repeat(58)}` },
    ];
    for (const change of odd) {
      const body = { ...honest, ...change };
      const forged = draftGenesis(keys, body, body.root.keys[0] as Uint8Array);
      expect(() => Founding.read(keys, forged, "draft"), JSON.stringify(change)).toThrow("founds no mesh");
    }
  });

  it("hear that two drafts differ, and a signature under one is none under the other", async () => {
    const [one, other] = [found(2), found(3)];
    expect(one.describe().at(-1)).not.toBe(other.describe().at(-1));
    const bobs = await other.sign(people.bob);
    expect(() => one.join("bob.sig", bobs)).toThrow("bob signed something else");
    const strangers = await signOrder(keys, seedSigner(keys, seed(9)), one.draft);
    expect(() => one.join("x.sig", strangers)).toThrow("is no founder");
    expect(one.missing()).toEqual(names);
  });
});
