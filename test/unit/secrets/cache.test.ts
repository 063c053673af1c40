import { describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import { LabError } from "../../../src/core/errors.ts";
import { decodeGetAnswer, encodeGetAnswer, encodeServed, GET_CHANNEL } from "../../../src/core/secrets/messages.ts";
import { Secret } from "../../../src/core/secret.ts";
import { exampleHomelab, type ExampleName, type Homelab, type Machine } from "./homelab.ts";

async function errorOf(promise: Promise<unknown>): Promise<LabError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  return error as LabError;
}

function switchOff(homelab: Homelab, ...names: ExampleName[]): void {
  for (const name of names) homelab.machines.get(name)!.power = "off";
}

/** With a value that web-1 has fetched. */
async function homelabWithTls() {
  const homelab = await exampleHomelab();
  await homelab.set("web/tls", "hunter2", homelab.by["web-1"]);
  await homelab.pass(5000);
  return homelab;
}

const requests = (homelab: Homelab, from: Machine): number =>
  homelab.wire.filter((exchange) => exchange.from === from.name && exchange.channel === GET_CHANNEL).length;

describe("the cache of a machine", () => {
  test("has every entitled value before anybody asks, and asks no store again", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    const asked = requests(homelab, web1);
    expect(web1.cache.list()).toMatchObject([{ path: "web/tls", state: "fresh" }]);
    expect(await web1.read("web/tls")).toBe("hunter2");
    await homelab.pass(600_000);
    expect(requests(homelab, web1)).toBe(asked);
  });

  test("serves after a cold start with everything else dead", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    switchOff(homelab, "nas-1", "nas-2", "web-2", "mail-1", "pi-1");
    await web1.restart();
    expect(await web1.read("web/tls")).toBe("hunter2");
  });

  test("serves on the store itself, whose label entitles it to no more than others", async () => {
    const homelab = await homelabWithTls();
    const { "nas-1": nas1 } = homelab.by;
    await homelab.set("dns/zone-key", "zone", nas1);
    switchOff(homelab, "nas-2");
    await homelab.pass(5000);
    expect(await nas1.read("dns/zone-key")).toBe("zone");
    expect((await errorOf(nas1.read("web/tls"))).code).toBe("NotAuthorised");
  });

  test("follows a new version within seconds", async () => {
    const homelab = await homelabWithTls();
    await homelab.set("web/tls", "hunter3", homelab.by["pi-1"]);
    await homelab.pass(2000);
    switchOff(homelab, "nas-1", "nas-2");
    expect(await homelab.by["web-1"].read("web/tls")).toBe("hunter3");
  });

  test("gives the older value and says so while no store answers", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1, "nas-1": nas1 } = homelab.by;
    nas1.side = 1;
    homelab.by["nas-2"].side = 1;
    await homelab.sign("web/tls", "hunter3");
    await homelab.pass(10_000);
    expect(await web1.read("web/tls")).toBe("stale: hunter2");
    expect(web1.cache.list()).toMatchObject([{ path: "web/tls", state: "stale" }]);
    await web1.restart();
    expect(await web1.read("web/tls")).toBe("stale: hunter2");
  });

  test("fetches a value anew when its time has come, without anybody asking, and gives the old one meanwhile", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    homelab.write("secret/web/tls", { type: "static", ttlSeconds: 3600 });
    await homelab.pass(1000);
    const asked = requests(homelab, web1);
    await homelab.pass(3_500_000);
    expect(requests(homelab, web1)).toBe(asked);
    await homelab.pass(200_000);
    expect(requests(homelab, web1)).toBe(asked + 1);
    expect(web1.cache.list()).toMatchObject([{ path: "web/tls", state: "fresh" }]);
    switchOff(homelab, "nas-1", "nas-2");
    await homelab.pass(4_000_000);
    expect(web1.cache.list()).toMatchObject([{ path: "web/tls", state: "stale" }]);
    expect(await web1.read("web/tls")).toBe("stale: hunter2");
  });

  test("gives no value any more that is older than its declaration allows, and is glad of a store again", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    homelab.write("secret/web/tls", { type: "static", maxStaleSeconds: 7200 });
    await homelab.pass(1000);
    switchOff(homelab, "nas-1", "nas-2");
    await homelab.pass(7_000_000);
    expect(await web1.read("web/tls")).toBe("stale: hunter2");
    let told = 0;
    web1.cache.onChange(() => told++);
    await homelab.pass(300_000);
    expect(told).toBe(1);
    expect(web1.cache.list()).toMatchObject([{ path: "web/tls", state: "expired" }]);
    expect(web1.cache.held("web/tls")).toBeNull();
    expect((await errorOf(web1.read("web/tls"))).code).toBe("SecretUnavailable");
    homelab.by["nas-1"].power = "on";
    await homelab.pass(120_000);
    expect(await web1.read("web/tls")).toBe("hunter2");
    expect(web1.cache.list()).toMatchObject([{ state: "fresh" }]);
  });

  test("asks every store before it gives up", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1 } = homelab.by;
    switchOff(homelab, "nas-1");
    await homelab.set("web/tls", "hunter2", web1);
    expect(await web1.read("web/tls")).toBe("hunter2");
    homelab.by["nas-1"].power = "on";
    switchOff(homelab, "nas-2");
    await homelab.set("web/session-key", "s3cret", web1);
    expect(await web1.read("web/session-key")).toBe("s3cret");
  });

  test("says which stores it cannot reach and since when, if it has nothing", async () => {
    const homelab = await exampleHomelab();
    switchOff(homelab, "nas-1", "nas-2");
    await homelab.sign("web/tls", "hunter2");
    const error = await errorOf(homelab.by["web-1"].read("web/tls"));
    expect(error.code).toBe("SecretUnavailable");
    expect(error.facts.notes).toEqual(["nas-1: last heard 5 min ago", "nas-2: last heard 5 min ago"]);
  });

  test("says that there is no store at all", async () => {
    const homelab = await exampleHomelab();
    await homelab.sign("web/tls", "hunter2");
    homelab.role("nas-1");
    homelab.role("nas-2");
    const error = await errorOf(homelab.by["web-1"].read("web/tls"));
    expect(error.facts.notes).toEqual(["no machine has the label secret-store"]);
  });

  test("tells what does not exist and what is forbidden alike, without asking anybody", async () => {
    const homelab = await homelabWithTls();
    const { "pi-1": pi1 } = homelab.by;
    const asked = requests(homelab, pi1);
    const paths = ["web/tls", "never/set", "../web/tls", ""];
    const errors = await Promise.all(paths.map((path) => errorOf(pi1.read(path))));
    const told = errors.map(({ code, message, facts }, at) => [code, message.replace(`"${paths[at]}"`, "it"), facts]);
    expect(new Set(told.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(errors[0]?.message).toBe('secret "web/tls" does not exist or this machine is not entitled to it');
    expect(requests(homelab, pi1)).toBe(asked);
  });

  test("takes no value from its disk that was sealed on another machine or put in the place of another", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1, "web-2": web2 } = homelab.by;
    await homelab.set("web/session-key", "s3cret", web1);
    await homelab.pass(5000);
    const [key, tls] = await web1.cacheDisk.scan("value/");
    await web2.cacheDisk.append([{ key: "value/web/tls", value: tls!.value }], true);
    await web1.cacheDisk.append([{ key: "value/web/session-key", value: tls!.value }], true);
    switchOff(homelab, "nas-1", "nas-2", "web-2");
    await web1.restart();
    await web2.restart();
    expect(key?.key).toBe("value/web/session-key");
    expect((await errorOf(web1.read("web/session-key"))).code).toBe("SecretUnavailable");
    expect((await errorOf(web2.read("web/tls"))).code).toBe("SecretUnavailable");
    expect(await web1.read("web/tls")).toBe("hunter2");
  });

  test("fetches anew what its disk has damaged", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    for (let flips = 0; flips < 20; flips++) {
      web1.cacheDisk.flipBit("value/web/tls");
      await web1.restart();
      expect(await web1.read("web/tls")).toBe("hunter2");
      await homelab.pass(2000);
    }
  });

  test("goes on in memory while its disk is full", async () => {
    const homelab = await exampleHomelab();
    const { "web-1": web1 } = homelab.by;
    web1.cacheDisk.full = true;
    await homelab.set("web/tls", "hunter2", web1);
    expect(await web1.read("web/tls")).toBe("hunter2");
    switchOff(homelab, "nas-1", "nas-2");
    expect(await web1.read("web/tls")).toBe("hunter2");
  });
});

describe("a hostile store", () => {
  async function homelabOfLiar(lie: (homelab: Homelab, answer: Uint8Array) => Promise<Uint8Array>) {
    const homelab = await exampleHomelab();
    const { "nas-1": nas1, "nas-2": nas2 } = homelab.by;
    nas1.lie = async (channel, answer) => (channel === GET_CHANNEL ? lie(homelab, answer) : answer);
    nas2.power = "off";
    return homelab;
  }

  const refusals = (machine: Machine): unknown[] =>
    machine.log.records.filter(({ event }) => event === "secret-cache.refused").map(({ facts }) => facts.reason);

  test("cannot invent a value: the reader holds it against what the writer signed", async () => {
    const homelab = await homelabOfLiar(async ({ keys, machines, state, random }) => {
      const version = state.desired.get("version/web/tls")!.entry;
      const content = { nonce: random.bytes(32), value: new Secret(ascii("mallory's")) };
      const invented = { path: "web/tls", version, content };
      const sealed = await keys.seal([machines.get("web-1")!.seal.recipient], encodeServed(invented));
      return encodeGetAnswer({ state: "value", sealed, vouched: "fresh" });
    });
    const { "web-1": web1, "nas-2": nas2 } = homelab.by;
    await homelab.set("web/tls", "hunter2", web1);
    expect((await errorOf(web1.read("web/tls"))).code).toBe("SecretUnavailable");
    expect(refusals(web1)).toContain("it is not the value that its writer signed");
    nas2.power = "on";
    await homelab.pass(70_000);
    expect(await web1.read("web/tls")).toBe("hunter2");
  });

  test("cannot give an older version, nor one secret in the place of another", async () => {
    const kept: Uint8Array[] = [];
    const homelab = await homelabOfLiar(async (_, answer) => {
      if (decodeGetAnswer(answer).state === "value") kept.push(answer);
      return kept[0] ?? answer;
    });
    const { "web-1": web1, "mail-1": mail1 } = homelab.by;
    await homelab.set("web/tls", "old", web1);
    await homelab.pass(3000);
    expect(await web1.read("web/tls")).toBe("old");
    await homelab.set("web/tls", "new", web1);
    expect(await web1.read("web/tls")).toBe("stale: old");
    expect(refusals(web1)).toContain("it is not the current version");
    await homelab.set("web/session-key", "s3cret", web1);
    expect((await errorOf(web1.read("web/session-key"))).code).toBe("SecretUnavailable");
    expect(refusals(web1)).toContain("it is another secret");
    await homelab.set("mail/dkim", "dkim", web1);
    expect((await errorOf(mail1.read("mail/dkim"))).code).toBe("SecretUnavailable");
    expect(refusals(mail1)).toContain("it is not sealed to this machine");
  });

  test("harms nobody with answers that are none", async () => {
    const answers = [
      new Uint8Array(0),
      ascii("junk"),
      encode({ v: 2, state: "none" }),
      encode({ v: 1, state: "maybe" }),
    ];
    let turn = 0;
    const homelab = await homelabOfLiar(async () => answers[turn++ % answers.length]!);
    await homelab.set("web/tls", "hunter2", homelab.by["web-1"]);
    for (let read = 0; read < 4; read++) {
      expect((await errorOf(homelab.by["web-1"].read("web/tls"))).code).toBe("SecretUnavailable");
    }
  });

  test("that is ahead teaches the reader before the reader judges", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    web1.hears = "nothing";
    await web1.restart();
    const { envelope } = await homelab.sign("web/tls", "hunter3");
    await homelab.by["pi-1"].peers.request(homelab.by["nas-1"].key, "secret/put", envelope, 1000);
    expect(await web1.read("web/tls")).toBe("hunter2");
    web1.cacheDisk.flipBit("value/web/tls");
    await web1.cacheDisk.remove(["value/web/tls"], true);
    homelab.by["nas-2"].power = "off";
    await web1.restart();
    expect(await web1.read("web/tls")).toBe("hunter3");
  });
});

describe("a machine that loses an entitlement", () => {
  const isEmpty = async (machine: Machine) => (await machine.cacheDisk.scan("")).length === 0;
  const withdrawals: [string, (homelab: Homelab & { by: Record<ExampleName, Machine> }) => void][] = [
    ["its label is taken", (homelab) => homelab.unlabel("web-1", "web")],
    ["its label declares the secret no more", (homelab) => homelab.declare("web", "web/session-key")],
    ["the label is removed", (homelab) => homelab.remove("label/web")],
    ["the secret is removed", (homelab) => homelab.remove("version/web/tls")],
    ["it is cut", (homelab) => homelab.putNode(homelab.by["web-1"], { state: "cut" })],
  ];

  test.each(withdrawals)("has nothing left when %s", async (_how, withdraw) => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    expect(await isEmpty(web1)).toBe(false);
    withdraw(homelab);
    expect((await errorOf(web1.read("web/tls"))).code).toBe("NotAuthorised");
    await homelab.pass(1000);
    expect(await isEmpty(web1)).toBe(true);
    expect(web1.cache.list()).toEqual([]);
  });

  const voids: [string, string][] = [
    ["the label on the machine", "server/ID/label/web"],
    ["the label's declaration", "label/web"],
    ["the version", "version/web/tls"],
  ];

  test.each(voids)("keeps the sealed value, and gives it to nobody, when %s became void", async (_what, path) => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    homelab.voidWrite(path.replace("ID", web1.id));
    await homelab.pass(1000);
    expect((await errorOf(web1.read("web/tls"))).code).toBe("NotAuthorised");
    expect(web1.cache.list()).toMatchObject([{ path: "web/tls", state: "withheld" }]);
  });

  test.each(voids.slice(0, 2))(
    "gives it again, with every store dead, once an operator adopted %s",
    async (_what, path) => {
      const homelab = await homelabWithTls();
      const { "web-1": web1 } = homelab.by;
      const place = path.replace("ID", web1.id);
      const before = homelab.state.desired.get(place)!;
      homelab.voidWrite(place);
      await homelab.pass(1000);
      switchOff(homelab, "nas-1", "nas-2");
      // The same value, signed by another hand.
      homelab.write(place, before.value);
      await web1.restart();
      expect(await web1.read("web/tls")).toBe("hunter2");
    },
  );

  const scanOf = (...paths: string[]) => ({
    references: paths.map((path) => ({ path, text: "lab::secret(…)", file: "init.pp", line: 1 })),
    tree: "00",
  });

  /** The same, but that the code of a class of the label names the secret and the label does not. */
  async function homelabWithClass() {
    const homelab = await homelabWithTls();
    homelab.write("scan/nginx", scanOf("web/tls", "web/session-key"));
    homelab.write("label/web", { puppetClasses: ["nginx"], secrets: ["web/session-key"] });
    const { "web-1": web1 } = homelab.by;
    await homelab.set("web/tls", "hunter4", homelab.by["nas-1"]);
    await homelab.pass(1000);
    expect(await web1.read("web/tls")).toBe("hunter4");
    return homelab;
  }

  test.each<[string, (homelab: Homelab) => void]>([
    ["a later scan does not find the secret", (homelab) => homelab.write("scan/nginx", scanOf("web/session-key"))],
    ["the scan is removed", (homelab) => homelab.remove("scan/nginx")],
    ["its label has the class no more", (homelab) => homelab.declare("web", "web/session-key")],
    ["the label with the class is taken", (homelab) => homelab.unlabel("web-1", "web")],
  ])("by a class has nothing left when %s", async (_how, withdraw) => {
    const homelab = await homelabWithClass();
    const { "web-1": web1 } = homelab.by;
    withdraw(homelab);
    expect((await errorOf(web1.read("web/tls"))).code).toBe("NotAuthorised");
    await homelab.pass(1000);
    expect(web1.cache.list().map(({ path }) => path)).not.toContain("web/tls");
  });

  test("by a class keeps the sealed value, and gives it to nobody, when the scan became void", async () => {
    const homelab = await homelabWithClass();
    const { "web-1": web1 } = homelab.by;
    homelab.voidWrite("scan/nginx");
    await homelab.pass(1000);
    expect((await errorOf(web1.read("web/tls"))).code).toBe("NotAuthorised");
    expect(web1.cache.list()).toContainEqual(expect.objectContaining({ path: "web/tls", state: "withheld" }));
  });

  test("keeps what another label grants", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    homelab.declare("edge", "web/tls");
    homelab.label("web-1", "edge");
    homelab.unlabel("web-1", "web");
    await homelab.pass(1000);
    expect(await web1.read("web/tls")).toBe("hunter2");
  });

  test("keeps what it holds while its name is contested, and gets nothing new", async () => {
    const homelab = await homelabWithTls();
    const { "web-1": web1 } = homelab.by;
    homelab.putNode(web1, { naming: "contested" });
    await homelab.set("web/session-key", "s3cret", web1);
    await homelab.pass(5000);
    expect(await web1.read("web/tls")).toBe("hunter2");
    expect((await errorOf(web1.read("web/session-key"))).code).toBe("SecretUnavailable");
  });
});
