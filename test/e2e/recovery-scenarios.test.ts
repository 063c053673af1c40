import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

const PATH = "mail/session-key";

/** The coordinator and the store are two machines; a store makes the value anew every few seconds. */
describe("machines go on with their secrets when", () => {
  let lab: Lab;
  let coordinator: Machine;
  let store: Machine;
  let mail: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    coordinator = lab.machine("nas-1");
    store = lab.machine("store-1", "member");
    mail = lab.machine("mail-1", "member");
    await coordinator.found();
    await store.join(await coordinator.token("--name", "store-1", "--labels", "secret-store"));
    await mail.join(await coordinator.token("--name", "mail-1", "--labels", "mailserver"));
    const input = `
labels: { mailserver: { secrets: [${PATH}, mail/relay] } }
secrets: { ${PATH}: { type: dynamic, generator: random, length: 24, rotate_every: 4s } }
`;
    await coordinator.run(["apply", "-f", "-"], { input });
    await coordinator.run(["secret", "set", "mail/relay"], { input: "by hand" });
    await until("the store has what is there", async () => {
      const { item } = await coordinator.json<{ item: { replicas: readonly { name: string; state: string }[] } }>(
        "secret",
        "status",
        "--store",
      );
      return item.replicas.length === 2 && item.replicas.every(({ state }) => state === "synced");
    });
    await coordinator.run(["label", "server", "nas-1", "secret-store-"]);
    await until("mail-1 has both", async () => (await value(mail)) !== null && (await relay(mail)) === "by hand");
  }, 60_000);

  afterAll(() => lab.close());

  async function value(of: Machine, path = PATH): Promise<string | null> {
    const { exit, stdout } = await of.try(["secret", "get", path]);
    return exit === 0 ? stdout : null;
  }

  const relay = (of: Machine) => value(of, "mail/relay");

  /** Whom a machine sees and where, why it has no value, and what its agent said; the agent ends with it. */
  async function accountOf(machine: Machine): Promise<string> {
    const { stderr } = await machine.try(["secret", "get", "mail/relay"]);
    const peers = await machine.run(["get", "peers"]);
    const addresses = (await machine.servers()).map((server) => `${server.name} ${String(server["addresses"])}`);
    await machine.killAgent();
    return [`== ${machine.name}`, stderr, peers, ...addresses, (await machine.agentEnds).stderr].join("\n");
  }

  async function changes(of: Machine): Promise<void> {
    const before = await value(of);
    await until("a new value is there", async () => ![before, null].includes(await value(of)));
  }

  it("1: the coordinator is down: they fetch and refresh from the store", async () => {
    await changes(mail);
    await coordinator.killAgent();
    await changes(mail);
    await changes(mail);
    expect(await value(mail)).toMatch(/^[A-Za-z0-9]{24}$/);
    await coordinator.startAgent();
  });

  it("2: the store is down: they go on from their copies, machines join, and nothing is made anew", async () => {
    await store.killAgent();
    const before = await value(mail);
    expect(before).not.toBeNull();
    const fresh = lab.machine("mail-2", "member");
    await fresh.join(await coordinator.token("--name", "mail-2", "--labels", "mailserver"));
    expect([await value(mail), await relay(mail)]).toEqual([before, "by hand"]);
    // 5: it has its identity, knows what it is entitled to, and nobody who could give it anything.
    await until("mail-2 has heard what its label opens", async () =>
      (await fresh.try(["secret", "get", "mail/relay"])).stderr.includes("store-1"),
    );
    expectRefusal(await fresh.try(["secret", "get", "mail/relay"]), 1, /store-1/);
    await until("the coordinator shows that the store is missed", async () => {
      const { item } = await coordinator.json<{ item: { missingRoles: readonly { role: string }[] } }>("status");
      return item.missingRoles.some(({ role }) => role === "secret-store");
    });
    expect(await value(mail)).toBe(before);
    // The only one that will be there to vouch for it.
    await until("mail-1 knows that mail-2 is a member", async () =>
      (await mail.servers()).some(({ name }) => name === "mail-2"),
    );
    await fresh.killAgent();
  });

  it("3 and 4: both are down, and they start anew: what they had is there at once", async () => {
    const before = await value(mail);
    await coordinator.killAgent();
    expect([await value(mail), await relay(mail)]).toEqual([before, "by hand"]);
    await mail.killAgent();
    await mail.startAgent();
    expect([await value(mail), await relay(mail)]).toEqual([before, "by hand"]);
  });

  it("5: one was built anew and has nothing: it gets what its labels open as soon as a store is back", async () => {
    const fresh = lab.machine("mail-2", "member");
    await fresh.startAgent();
    expectRefusal(await fresh.try(["secret", "get", "mail/relay"]), 1, /no store gave it/);
    await store.startAgent();
    await until("mail-2 has what it is entitled to", async () => (await relay(fresh)) === "by hand").catch(
      async (late) => {
        throw new Error([late, ...(await Promise.all([fresh, store, mail].map(accountOf)))].join("\n"));
      },
    );
    await changes(mail);
    await until("both have the same", async () => (await value(fresh)) === (await value(mail)));
  });
});
