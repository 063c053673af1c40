import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { joinMessage, readToken, tokenSecretHash } from "../../../src/core/enrolment.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { composeAuthority } from "../../../src/crdt/compose.ts";
import type { Session } from "../../../src/operator/session.ts";
import { planServer, emptyPlan } from "../../../src/operator/server-change.ts";
import { chooseIssuer, createToken } from "../../../src/operator/token.ts";
import { describeMigration, planMigration } from "../../../src/operator/migration.ts";
import { readPending, writePending } from "../../../src/operator/pending.ts";
import { seededRandom } from "../../../sim/random.ts";
import { Household, keys, LAPTOP_SEAL, LAPTOP_SEED, seed, START_MS } from "./household.ts";
import { hexBytes } from "./replica-peer.ts";

let house: Household;
let session: Session;
beforeEach(async () => {
  house = await Household.create();
  session = await house.session({ servers: ["laptop"] });
});
afterEach(() => {
  session.close();
  house.remove();
});

const WISHES = { name: "web-1", labels: ["web", "secret-store", "web"], attributes: { region: "eu" }, ttlMs: 600_000 };

function make(wishes = WISHES) {
  const issuer = chooseIssuer(session.context);
  return createToken({ keys, random: seededRandom("token") }, session.mesh, issuer, wishes, START_MS);
}

/** What the laptop signs when web-1 comes with the token. */
async function redeem(token: string, by = seed(20)): Promise<void> {
  const read = readToken(keys, token);
  const entry = house.laptop.replica.view().tokens.find(({ id }) => id === toHex(read.id));
  const [coordinator] = session.context.coordinators;
  const signer = keys.signer(by);
  const body = {
    type: "redeem" as const,
    token: hexBytes(entry?.entry ?? ""),
    name: read.name ?? "web-1",
    key: signer.publicKey,
    seal: LAPTOP_SEAL,
    proof: signer.sign(joinMessage(session.mesh, signer.publicKey, LAPTOP_SEAL)),
    at: START_MS,
  };
  const parents = house.laptop.replica.graph.tips.map((tip) => tip.entry.hash);
  const position = { mesh: session.mesh, log: hexBytes(coordinator?.roleLog ?? ""), parents };
  await house.laptop.admit(composeAuthority(keys, position, body, keys.signer(LAPTOP_SEED)).bytes);
}

describe("a join token", () => {
  test("says for itself where to go and who to be, and keeps its secret out of the entry", async () => {
    const { body, text, id, expiresMs } = make();
    const token = readToken(keys, text);
    expect(token).toMatchObject({
      mesh: session.mesh,
      name: "web-1",
      addresses: ["127.0.0.1:7444"],
      expiresMs,
    });
    expect(toHex(token.id)).toBe(id);
    expect(tokenSecretHash(keys, token.secret)).toEqual(body.secretHash);
    expect(body).toMatchObject({ labels: ["web"], roles: ["secret-store"], attributes: { region: "eu" } });
    await session.sign({ acts: [body] });
    expect(house.said).toEqual(["signing as alice: token for web-1 with web, secret-store, region=eu, 10 min"]);
    expect(house.laptop.replica.view().tokens).toMatchObject([{ id, name: "web-1", redeemedBy: [] }]);
  });

  test("makes a member with what it brings", async () => {
    const token = make();
    await session.sign({ acts: [token.body] });
    await redeem(token.text);
    const view = house.laptop.replica.view();
    const node = view.nodeByName("web-1");
    expect(node?.state).toBe("active");
    expect(view.labelsOf(node?.id ?? "")).toEqual(["secret-store", "web"]);
  });

  test("is issued by the machine that is asked, else by one that is online, else by any", () => {
    const { context } = session;
    const [laptop] = context.coordinators;
    const other = (name: string, online: "yes" | "no") => ({ ...laptop!, name, id: "00", online });
    const issuerOf = (...coordinators: (typeof laptop)[]) =>
      chooseIssuer({ ...context, coordinators: coordinators.map((one) => one!) }).name;
    expect(issuerOf(other("nas-1", "yes"), laptop)).toBe("laptop");
    expect(issuerOf(other("nas-1", "no"), other("nas-2", "yes"))).toBe("nas-2");
    expect(issuerOf(other("nas-1", "no"))).toBe("nas-1");
    expect(() => issuerOf()).toThrow("no machine is coordinator");
    expect(() => issuerOf({ ...laptop!, addresses: [] })).toThrow("nobody knows where it listens");
  });

  test("keeps the member that came by it when the coordinator loses its role", async () => {
    const token = make();
    await session.sign({ acts: [token.body] });
    await redeem(token.text);
    const context = await session.refresh({ servers: ["laptop"] });
    const plan = emptyPlan();
    planServer(plan, "laptop", context.servers["laptop"]!, { remove: ["coordinator"] }, START_MS);
    await session.sign(plan);
    const view = house.laptop.replica.view();
    expect(view.holders("coordinator")).toEqual([]);
    expect(view.nodeByName("web-1")?.state).toBe("active");
  });
});

describe("a pending declaration", () => {
  test("reads as it was written, and nothing from what is none", () => {
    const pending = { labels: ["web"], attributes: { region: "eu", size: "small" } };
    expect(readPending(writePending(pending))).toEqual(pending);
    for (const nothing of [undefined, null, 7, [], { labels: 7, region: {} }]) {
      expect(readPending(nothing)).toEqual({ labels: [], attributes: {} });
    }
  });
});

describe("moving the coordinator", () => {
  test("grants before it takes, and says so", () => {
    const plan = planMigration(session.context, "nas-1", "no");
    expect(describeMigration(plan, "no")).toEqual([
      "~ move coordinator from laptop to nas-1",
      "+ label coordinator on nas-1",
      "+ new tokens are made and redeemed by nas-1",
      "- label coordinator on laptop, and the tokens of it that nobody has used",
    ]);
    expect(planMigration(session.context, "laptop", "no")).toMatchObject({ step: "has", from: [] });
  });

  test("away from one that does not answer needs a reason", () => {
    const coordinators = session.context.coordinators.map((one) => ({ ...one, online: "no" as const }));
    const context = { ...session.context, coordinators };
    expect(() => planMigration(context, "nas-1", "no")).toThrow("laptop does not answer");
    const force = { reason: "it drowned" };
    expect(describeMigration(planMigration(context, "nas-1", force), force)).toContain("! forced: it drowned");
  });
});
