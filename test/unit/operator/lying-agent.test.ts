import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fromBase64Url, toBase64Url } from "../../../src/core/bytes.ts";
import { serverLabelPath } from "../../../src/core/paths.ts";
import { enrolBody, roleBody } from "../../../src/operator/authority.ts";
import { ownLogDir } from "../../../src/operator/files/key-file.ts";
import type { OperatorContext } from "../../../src/operator/requests.ts";
import type { Session } from "../../../src/operator/session.ts";
import { Household, keys, LAPTOP_SEAL, seed, START_MS } from "./household.ts";
import { hexBytes } from "./replica-peer.ts";

let house: Household;
beforeEach(async () => {
  house = await Household.create();
  await inSession(async (session) => {
    const enrol = (name: string, byte: number) =>
      enrolBody(session.mesh, { name, signer: keys.signer(seed(byte)), seal: LAPTOP_SEAL }, START_MS);
    await session.sign({ acts: [enrol("web-1", 20), enrol("db-1", 21)] });
  });
});
afterEach(() => house.remove());

const SUBJECTS = { servers: ["web-1", "db-1", "gone-1"], paths: ["server/{web-1}/label/prod"] };

async function inSession(run: (session: Session) => Promise<unknown>, peer = house.laptop): Promise<void> {
  const session = await house.session(SUBJECTS, peer);
  try {
    await run(session);
  } finally {
    session.close();
  }
}

/** An agent that answers like an honest one but for what `lie` changes. */
async function expectCaught(lie: (context: OperatorContext) => Partial<OperatorContext>, about: RegExp): Promise<void> {
  const submissions = house.laptop.submissions;
  house.laptop.answer = (context) => ({ ...context, ...lie(context) }) as OperatorContext;
  await expect(house.session(SUBJECTS)).rejects.toMatchObject({ code: "PeerContradicted", message: about });
  house.laptop.answer = (context) => context;
  expect(house.laptop.submissions).toBe(submissions);
}

describe("an agent that lies to the operator in front of it", () => {
  test("is caught when it gives one machine's name to another", async () => {
    const swap = ({ servers }: OperatorContext) => ({ servers: { ...servers, "web-1": servers["db-1"] ?? null } });
    await expectCaught(swap, /laptop says something else .* about which machine web-1 is/);
    const key = ({ servers }: OperatorContext) => {
      const [web, db] = [servers["web-1"], servers["db-1"]];
      return { servers: { ...servers, "web-1": web && db ? { ...web, key: db.key } : null } };
    };
    await expectCaught(key, /which machine web-1 is/);
    const state = ({ servers }: OperatorContext) => {
      const web = servers["web-1"];
      return { servers: { ...servers, "web-1": web ? { ...web, state: "cut" as const } : null } };
    };
    await expectCaught(state, /which machine web-1 is/);
  });

  test("is caught when it hides a machine, or invents one", async () => {
    await expectCaught(
      ({ servers }) => ({ servers: { ...servers, "web-1": null } }),
      /whether there is a server web-1/,
    );
    const invent = ({ servers }: OperatorContext) => {
      const web = servers["web-1"];
      return { servers: { ...servers, "gone-1": web ? { ...web, id: "ab".repeat(32) } : null } };
    };
    await expectCaught(invent, /which machine gone-1 is/);
  });

  test("is caught when it wants secrets sealed to somebody else", async () => {
    const other = `age1${"q".repeat(58)}`;
    await expectCaught(
      ({ stores }) => ({ stores: stores.map((store) => ({ ...store, seal: other })) }),
      /the secret store laptop/,
    );
    const web = { name: "web-1", key: "", seal: LAPTOP_SEAL };
    await expectCaught(({ stores }) => ({ stores: [...stores, web] }), /the secret store web-1/);
    await expectCaught(() => ({ recovery: other }), /sealed to for recovery/);
  });

  test("is caught when it calls another machine coordinator", async () => {
    await expectCaught(
      ({ coordinators, servers }) => ({
        coordinators: coordinators.map((one) => ({ ...one, key: servers["web-1"]?.key ?? "" })),
      }),
      /the coordinator laptop/,
    );
    await expectCaught(
      ({ coordinators }) => ({ coordinators: coordinators.map((one) => ({ ...one, roleLog: "cd".repeat(32) })) }),
      /the coordinator laptop/,
    );
  });

  test("is caught with an entry that nobody signed, or that builds on nothing", async () => {
    rmSync(join(ownLogDir(house.dir, "alice"), "known.entries"), { force: true });
    const spoil = (text = ""): string => {
      const bytes = fromBase64Url(text) as Uint8Array;
      return toBase64Url(bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)));
    };
    const last = ({ authority }: OperatorContext) => ({
      authority: [...authority.slice(0, -1), spoil(authority.at(-1))],
    });
    await expectCaught(last, /laptop gave an entry that does not hold: the signature is wrong/);
    rmSync(join(ownLogDir(house.dir, "alice"), "known.entries"), { force: true });
    const gap = ({ authority }: OperatorContext) => ({ authority: authority.filter((_, i) => i !== 1) });
    await expectCaught(gap, /builds on an entry that did not come/);
  });

  test("cannot make a member of its own: rights follow from what was checked here", async () => {
    house.laptop.answer = (context) => ({ ...context, logs: context.logs.map((log) => ({ ...log, rank: 0 })) });
    await inSession(async (session) => expect(session.context.logs.map(({ rank }) => rank)).toEqual([0, 1]));
  });
});

describe("what an operator's command line has checked", () => {
  const path = () => join(ownLogDir(house.dir, "alice"), "known.entries");

  test("is asked for once, and again where the file was cut short or altered", async () => {
    const sizes: number[] = [];
    house.laptop.answer = (context) => {
      sizes.push(context.authority.length);
      return context;
    };
    await inSession(async () => undefined);
    expect(sizes).toEqual([0]);
    const whole = readFileSync(path());
    truncateSync(path(), whole.length - 5);
    await inSession(async () => undefined);
    expect(sizes).toEqual([0, 1]);
    expect(readFileSync(path())).toEqual(whole);
    writeFileSync(
      path(),
      whole.map((byte, i) => (i === 300 ? byte ^ 1 : byte)),
    );
    await inSession(async () => undefined);
    expect(sizes).toEqual([0, 1, house.laptop.replica.graph.entries.length]);
    await inSession(async () => undefined);
    expect(sizes.at(-1)).toBe(0);
  });

  test("goes to a peer that lacks it, whoever signed it, before anything is written there", async () => {
    const late = await house.peer("nas-1");
    await inSession(async (session) => {
      const node = hexBytes(session.context.servers["web-1"]?.id ?? "");
      await session.sign({ acts: [roleBody(node, "pxe", START_MS)] });
    });
    rmSync(join(house.dir, "operators", "alice"), { recursive: true });
    await inSession(async () => undefined);
    await inSession(async (session) => {
      const id = session.context.servers["web-1"]?.id ?? "";
      await session.sign({ writes: [{ path: serverLabelPath(id, "prod"), value: true }] });
    }, late);
    const labels = (peer: typeof late) => {
      const view = peer.replica.view();
      return view.labelsOf(view.nodeByName("web-1")?.id ?? "");
    };
    expect(labels(late)).toEqual(["prod", "pxe"]);
    expect(late.replica.graph.entries.length).toBe(house.laptop.replica.graph.entries.length);
  });
});
