import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { toBase64Url } from "../../src/core/bytes.ts";
import { encode } from "../../src/core/encoding.ts";
import { type Entry, MAX_ENTRY_BYTES } from "../../src/crdt/entry/entry.ts";
import { createKeys } from "../../src/node/platform/keys.ts";
import { ownLogDir } from "../../src/operator/files/key-file.ts";
import { OwnLog } from "../../src/operator/files/own-log.ts";
import { expectRefusal, Lab, type Machine } from "./lab.ts";
import { SmallDisk } from "./small-disk.ts";

const isRoot = process.getuid?.() === 0;

describe("an agent's socket", () => {
  let lab: Lab;
  let nas: Machine;
  let state: string;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    await nas.found();
    state = await nas.stateHash();
  });

  /** Whatever was said to it: it answers, and nothing has changed. */
  afterEach(async () => {
    expect(nas.isAlive).toBe(true);
    expect(await nas.stateHash()).toBe(state);
  });

  afterAll(() => lab.close());

  const post = (body: string | Uint8Array) =>
    nas.ask("POST", "/v1/entries", body, { "content-type": "application/json" });
  const submit = (...entries: Uint8Array[]) => post(JSON.stringify({ entries: entries.map(toBase64Url) }));
  const code = (body: unknown) => (body as { error?: { code?: string } } | undefined)?.error?.code;

  /** A real entry, from the operator's own log. */
  function entryOf({ config }: Machine): Uint8Array {
    const dir = ownLogDir(config, "alice");
    const entries = OwnLog.list(dir).flatMap((log) => OwnLog.open(createKeys(), dir, log).authorityEntries());
    return (entries.at(-1) as Entry).bytes;
  }

  it("refuses entries that are none, one by one, with the reason", async () => {
    const real = entryOf(nas);
    const wrongs = [
      new Uint8Array(0),
      new Uint8Array(randomBytes(1)),
      new Uint8Array(randomBytes(200)),
      new Uint8Array(70 * 1024),
      real.subarray(0, real.length - 1),
      real.subarray(1),
      new Uint8Array([...real, 0]),
      encode({ v: 1 }),
    ];
    for (const wrong of wrongs) {
      const { status, body } = await submit(wrong);
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { results: [{ state: "refused", reason: expect.stringMatching(/\w+/) }] },
      });
    }
    const large = await submit(new Uint8Array(MAX_ENTRY_BYTES + 1));
    expect(large.body).toMatchObject({ results: [{ reason: expect.stringMatching(/at most 65536 bytes/) }] });
    for (let at = 0; at < real.length; at += 7) {
      const altered = Uint8Array.from(real, (byte, i) => (i === at ? byte ^ 1 : byte));
      const { body } = await submit(altered);
      expect(body, `byte ${at}`).not.toMatchObject({ results: [{ state: "admitted" }] });
    }
    expect((await submit(real)).body).toMatchObject({ results: [{ state: "known" }] });
  });

  it("refuses entries of another mesh", async () => {
    const other = lab.machine("other-1", "bob");
    await other.run(["init", "--local", "--node", "other-1", "--recovery", "later"]);
    const { body } = await submit(entryOf(other));
    expect(body).toMatchObject({ results: [{ state: "refused", reason: "an entry of another mesh" }] });
  });

  it("answers bodies that make no sense with the field that is wrong", async () => {
    const cases: readonly (readonly [body: string | Uint8Array, status: number, code: string])[] = [
      ["", 400, "Invalid"],
      ["{", 400, "Invalid"],
      [new Uint8Array(randomBytes(500)), 400, "Invalid"],
      ["null", 400, "Invalid"],
      ["[]", 400, "Invalid"],
      ['"entries"', 400, "Invalid"],
      ["{}", 400, "Invalid"],
      ['{"entries":"AQID"}', 400, "Invalid"],
      ['{"entries":[1]}', 400, "Invalid"],
      ['{"entries":["+/=="]}', 400, "Invalid"],
      ['{"entries":["A"]}', 400, "Invalid"],
      ['{"__proto__":{"entries":["AQID"]}}', 400, "Invalid"],
      [`${"[".repeat(200_000)}`, 400, "Invalid"],
      [new Uint8Array(10 * 1024 * 1024).fill(0x20), 413, "TooLarge"],
    ];
    for (const [body, status, expected] of cases) {
      const answer = await post(body);
      const shown = typeof body === "string" ? body.slice(0, 40) : `${body.length} bytes`;
      expect([answer.status, code(answer.body)], shown).toEqual([status, expected]);
    }
  });

  it("takes a list of none, which asks that what the disk refused before be written", async () => {
    expect(await post('{"entries":[]}')).toMatchObject({ status: 200, body: { results: [], durable: true } });
  });

  it("answers paths and parameters that make no sense", async () => {
    const cases: readonly (readonly [method: string, path: string, status: number, code: string])[] = [
      ["GET", "/v1/nothing", 404, "NotFound"],
      ["DELETE", "/v1/servers", 404, "NotFound"],
      ["GET", "/v1/servers/%E0%A4%A", 404, "NotFound"],
      ["GET", "//", 404, "NotFound"],
      ["GET", "/v1/servers/nas-9", 404, "NotFound"],
      ["GET", "/v1/servers?selector=a%3D", 400, "Usage"],
      ["GET", "/v1/audit?since=yesterday", 400, "Invalid"],
      ["GET", "/v1/audit?limit=-1", 400, "Invalid"],
      ["GET", "/v1/secret-values/web/tls", 404, "NotFound"],
    ];
    for (const [method, path, status, expected] of cases) {
      const answer = await nas.ask(method, path);
      expect([answer.status, code(answer.body)], `${method} ${path}`).toEqual([status, expected]);
    }
  });

  it("outlives clients that speak no HTTP, or stop in the middle", async () => {
    const openings = [
      randomBytes(4000),
      Buffer.from("GET"),
      Buffer.from(`GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`),
      Buffer.from("POST /v1/entries HTTP/1.1\r\ncontent-length: 5000\r\n\r\n{"),
      Buffer.from("POST /v1/entries HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"),
      Buffer.from("GET /v1/events HTTP/1.1\r\nhost: lab\r\n\r\n"),
    ];
    for (const opening of openings) {
      const socket = connect(nas.socket);
      socket.on("error", () => undefined);
      await new Promise<void>((resolve) => socket.write(opening, () => resolve()));
      socket.destroy();
    }
    expect(await nas.ask("GET", "/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
  });
});

describe("a command", () => {
  let lab: Lab;
  let nas: Machine;
  let state: string;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    await nas.found();
    await nas.run(["label", "server", "nas-1", "db"]);
    state = await nas.stateHash();
  });

  afterEach(async () => expect(await nas.stateHash()).toBe(state));

  afterAll(() => lab.close());

  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x, x]",
    ...["b", "c", "d", "e", "f", "g", "h", "i"].map((name, n) => {
      const before = String.fromCharCode("a".charCodeAt(0) + n);
      return `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(", ")}]`;
    }),
  ].join("\n");

  const files: readonly (readonly [what: string, text: string | Uint8Array, said: RegExp])[] = [
    ["a tab", "labels:\n\tweb:\n", /^error: \(stdin\):2:1 - .*tab/im],
    [
      "a key that stands twice",
      "labels:\n  web:\n    ports: 80\n    ports: 81\n",
      /^error: \(stdin\):4:5 labels\.web\.ports - stands here twice, first at 3:5$/m,
    ],
    [
      "a name that stands twice",
      "labels:\n  web: {}\n---\nlabels:\n  web: {}\n",
      /^error: \(stdin\):5:3 labels\.web - is declared twice, first at \(stdin\):2:3$/m,
    ],
    [
      "an unknown key",
      "labels:\n  web:\n    secert: [web/tls]\n",
      /^error: \(stdin\):3:5 labels\.web\.secert - is not known here, did you mean secrets\?$/m,
    ],
    [
      "an unknown section",
      "lables:\n  web: {}\n",
      /^error: \(stdin\):1:1 lables - is not known here, did you mean labels\?$/m,
    ],
    [
      "aliases that multiply",
      `${bomb}\n`,
      /^ {2}\(stdin\):4:36 d\.7 - aliases repeat more than 10000 values by here$/m,
    ],
    [
      "an alias of nothing",
      "labels: *nowhere\n",
      /^error: \(stdin\):1:9 labels - \*nowhere is an alias of nothing above it$/m,
    ],
    [
      "a list where a map stands",
      "labels: [web, db]\n",
      /^error: \(stdin\):1:9 labels - expected a map from names to labels$/m,
    ],
    [
      "a text where a number stands",
      "labels:\n  web: { ports: [http] }\n",
      /^error: \(stdin\):2:18 labels\.web\.ports\.0 - /m,
    ],
    ["a port that is none", "labels: { web: { ports: 70000 } }\n", /a port is between 1 and 65535/],
    [
      "a label with a value",
      "servers: { web-1: { labels: [app=web] } }\n",
      /^error: \(stdin\):1:30 servers\.web-1\.labels\.0 - "app=web" is not a label/m,
    ],
    ["a server name", "servers: { Web_1: {} }\n", /^error: \(stdin\):1:12 servers\.Web_1 - is not a server name/m],
    [
      "a path that climbs",
      "secrets: { ../tls: { type: static } }\n",
      /^error: \(stdin\):1:12 secrets\.\.\.\/tls - is not a secret's path/m,
    ],
    [
      "a key of every object",
      "labels:\n  __proto__: { ports: 80 }\n",
      /^error: \(stdin\):2:3 labels\.__proto__ - is not a name$/m,
    ],
    ["brackets without end", `labels: ${"[".repeat(50_000)}`, /^error: \(stdin\):1:\d+ - /m],
    ["a text alone", "hello\n", /^error: \(stdin\):1:1 - expected a map of labels, groups, /m],
    ["two megabytes", `# ${"x".repeat(2 * 1024 * 1024)}\n`, /^error: \(stdin\) is larger than 1 MiB$/m],
    ["bytes that are no text", Buffer.from([0x6c, 0xff, 0xfe]), /^error: \(stdin\) is not UTF-8 text$/m],
  ];

  it.each(files)("refuses a declaration with %s and applies nothing of it", async (_what, input, said) => {
    const good = "labels:\n  other:\n    ports: [22]\n";
    const path = join(lab.root, "good.yaml");
    writeFileSync(path, good);
    expectRefusal(await nas.try(["apply", "-f", path, "-f", "-"], { input }), 2, said);
  });

  it("refuses files that are not there or cannot be read", async () => {
    expectRefusal(await nas.try(["apply", "-f", "nowhere.yaml"]), 5, /nowhere\.yaml does not exist/);
    mkdirSync(join(lab.root, "empty"), { recursive: true });
    expectRefusal(await nas.try(["apply", "-f", "empty"]), 5, /there are no declarations in empty/);
    expectRefusal(await nas.try(["apply"]), 2, /apply what\?/);
  });

  const names: readonly (readonly [words: readonly string[], code: number, said: RegExp])[] = [
    [["label", "server", "Web_1", "db"], 2, /"Web_1" cannot be the name of a server/],
    [["label", "server", "nas-1", "app=web"], 2, /"app=web" is not a label[^]*hint: labels have no values/],
    [["label", "server", "nas-1", "Db"], 2, /"Db" is not a label/],
    [["label", "server", "nas-1", "web", "web-"], 2, /cannot be added and removed at once/],
    [["label", "server", "nas-2", "db"], 5, /server "nas-2" does not exist[^]*nearest: nas-1/],
    [["label", "server", "nas-1"], 2, /LABEL/],
    [["set", "server", "nas-1", "colour=blue"], 2, /"colour" is not an attribute of a server/],
    [["set", "server", "nas-1", "region=a b"], 2, /a b/],
    [["secret", "set", "../tls"], 2, /"\.\.\/tls" is not a secret's path/],
    [["secret", "set", "web//tls"], 2, /is not a secret's path/],
    [["secret", "set", "web/%2e%2e/tls"], 2, /is not a secret's path/],
    [["secret", "set", "web/tls", "--from-file", "nowhere"], 5, /nowhere does not exist/],
    [["secret", "set", "web/tls"], 2, /the value is empty/],
    [["secret", "get", "web/../../keys"], 2, /is not a secret's path/],
    [["token", "create", "--name", "-web"], 2, /"-web"|--name/],
    [["token", "create", "--labels", "a b"], 2, /"a b" is not a label/],
    [["token", "create", "--ttl", "soon"], 2, /soon/],
    [["token", "create", "--ttl", "99d"], 2, /--ttl is between/],
    [["get", "servers", "-l", "app=web"], 2, /app/],
    [["get", "servers", "-o", "xml"], 2, /xml/],
    [["get", "servers", "--timeout", "never"], 2, /never/],
    [["get", "serverz"], 2, /serverz/],
  ];

  it.each(names)("%j is refused with a hint", async (words, code, said) => {
    expectRefusal(await nas.try(words), code, said);
  });

  it("of an operator of another mesh is refused by whose mesh it is", async () => {
    const bob = lab.machine("bob-1", "bob");
    await bob.run(["init", "--local", "--node", "bob-1", "--recovery", "later"]);
    const env = { LAB_CONFIG: bob.config };
    for (const words of [
      ["label", "server", "nas-1", "mine"],
      ["token", "create", "--name", "web-1"],
      ["secret", "set", "web/tls"],
      ["apply", "-f", "-"],
    ]) {
      const heard = await nas.try(words, { env, input: "labels: { mine: {} }\n" });
      expectRefusal(heard, 4, /no operator's key in .* is for the mesh of this agent/);
    }
    const nobody = await nas.try(["label", "server", "nas-1", "mine"], { env: { LAB_CONFIG: join(lab.root, "none") } });
    expectRefusal(nobody, 4, /there is no operator's key in /);
    chmodSync(join(bob.config, "operators/alice.json"), 0o644);
    expectRefusal(
      await nas.try(["label", "server", "nas-1", "mine"], { env }),
      4,
      /can be read by others \(mode 0644\)/,
    );
  });
});

describe("a home", () => {
  let lab: Lab;
  let nas: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    await nas.run(["init", "--local", "--recovery", "later", "--node", "nas-1"]);
  });

  afterAll(() => lab.close());

  const agent = ["agent", "--listen", "127.0.0.1:0", "--no-mdns"];

  it("has one agent: a second one says who is there, and the first goes on", async () => {
    await nas.startAgent();
    expectRefusal(await nas.try(agent), 1, /another process has the store in .* open/);
    expect(await nas.run(["agent", "--detach"])).toBe("");
    expect(nas.isAlive).toBe(true);
    await nas.run(["label", "server", "nas-1", "db"]);
    expectRefusal(await nas.try(["init", "--local"]), 2, /is the home of a member of a mesh already/);
    await nas.killAgent();
  });

  it("gives its sockets back after a death", async () => {
    await nas.startAgent();
    await nas.killAgent();
    expect(existsSync(nas.socket)).toBe(true);
    expectRefusal(await nas.try(["agent", "stop"]), 7, /no agent runs on /);
    await nas.startAgent();
    expect(await nas.run(["get", "servers", "-o", "name"])).toBe("nas-1\n");
    await nas.killAgent();
  });

  it("whose socket belongs to another program says so", async () => {
    rmSync(nas.socket, { force: true });
    const other = createServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("hello\n"),
    );
    await new Promise<void>((resolve) => other.listen(nas.socket, resolve));
    expectRefusal(await nas.try(agent), 1, /another agent listens on .*agent\.sock/);
    expectRefusal(await nas.try(["get", "servers"]), 1, /the agent/);
    await new Promise((resolve) => other.close(resolve));
  });

  it("cannot listen where somebody else does", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const taken = await nas.try(["agent", "--no-mdns", "--listen", `127.0.0.1:${port}`]);
    expectRefusal(taken, 1, new RegExp(`another program listens on 127\\.0\\.0\\.1:${port}`));
    await new Promise((resolve) => other.close(resolve));
    for (const address of ["nonsense", "127.0.0.1", "127.0.0.1:99999", "example.org:1", ""])
      expectRefusal(await nas.try(["agent", "--no-mdns", "--listen", address]), 2, /--listen|listen/);
  });

  it("whose keys others can read is refused, with the command that helps", async () => {
    const path = join(nas.home, "keys/node.key");
    chmodSync(path, 0o644);
    const { stderr, ...heard } = await nas.try(agent);
    expectRefusal({ stderr, ...heard }, 2, /node\.key may be read by others/);
    expect(stderr).toContain(`hint: chmod 600 ${path}`);
    chmodSync(path, 0o600);
  });

  it.each([
    ["", /is damaged/],
    ["{", /is damaged/],
    ["null", /is damaged/],
    ["[]", /is damaged/],
    ['{"v":1}', /is damaged/],
    ['{"v":1,"mesh":"00","node":"00","name":"x","bootstrap":[]}', /is damaged/],
    ['{"v":2}', /was written by a newer release/],
  ])("whose home.json says %j is refused, for reading as for running", async (text, said) => {
    const path = join(nas.home, "home.json");
    const before = readFileSync(path);
    writeFileSync(path, text);
    expectRefusal(await nas.try(agent), 2, said);
    expectRefusal(await nas.try(["get", "servers"]), 2, said);
    writeFileSync(path, before);
    expect(await nas.run(["get", "servers", "-o", "name"])).toBe("nas-1\n");
  });

  it("without its keys says what is lost", async () => {
    const copy = lab.machine("copy-1");
    const cloned = () => {
      rmSync(copy.home, { recursive: true, force: true });
      spawnSync("cp", ["-a", nas.home, copy.home]);
    };
    const losses: readonly (readonly [path: string, code: number, said: RegExp])[] = [
      ["keys/node.key", 2, /the keys of .* are gone/],
      ["keys/seal.key", 2, /the keys in .* are damaged or incomplete/],
    ];
    for (const [path, code, said] of losses) {
      cloned();
      rmSync(join(copy.home, path), { recursive: true });
      expectRefusal(await copy.try(agent), code, said);
    }
    cloned();
    writeFileSync(join(copy.home, "keys/node.key"), "zz\n", { mode: 0o600 });
    expectRefusal(await copy.try(agent), 2, /damaged or incomplete/);
  });

  it("that is none is told from one whose agent does not run", async () => {
    const nowhere = lab.machine("nowhere");
    for (const words of [["get", "servers"], ["label", "server", "nas-1", "db"], agent, ["agent", "--detach"]])
      expectRefusal(await nowhere.try(words), 7, /there is no home (at|in) /);
    expectRefusal(await nas.try(["secret", "set", "a/b"], { input: "x" }), 7, /no agent runs on /);
    expectRefusal(await nas.try(["get", "servers", "--socket", join(lab.root, "x")]), 7, /no agent answers on /);
    expect(existsSync(nowhere.home)).toBe(false);
  });

  it("that this user may not read is refused as not authorised", (context) => {
    const program = join(import.meta.dirname, "../../bin/lab");
    // Nothing is closed to root.
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program];
    const [command, before] = isRoot ? ["setpriv", nobody] : [program, []];
    const env = { PATH: process.env["PATH"] ?? "", HOME: lab.root, NO_COLOR: "1" };
    const run = (...words: string[]) => spawnSync(command, [...before, ...words], { env, encoding: "utf8" });
    chmodSync(lab.root, 0o755);
    if (run("version").status !== 0) context.skip("root cannot run this checkout as another user here");
    chmodSync(nas.home, isRoot ? 0o700 : 0o000);
    for (const words of [["get", "servers"], agent]) {
      const { status, stdout, stderr } = run(...words, "--home", nas.home);
      expectRefusal(
        { exit: status ?? -1, stdout, bytes: Buffer.from(stdout), stderr },
        4,
        /permission denied|may not be opened by this user/,
      );
    }
    chmodSync(nas.home, 0o700);
  });
});

describe("an agent on a full disk", () => {
  let lab: Lab;

  beforeAll(() => {
    lab = Lab.open();
  });

  afterAll(() => lab.close());

  it("says so, goes on to answer, writes again when there is room, and keeps what it acknowledged", async (context) => {
    const nas = lab.machine("nas-1");
    const disk = await SmallDisk.under(lab, nas);
    if (disk === null) return context.skip("a small disk cannot be mounted here: it takes root");

    await nas.run(["init", "--local", "--node", "nas-1", "--recovery", "later"]);
    await nas.startAgent();
    const acknowledged = ["before"];
    await nas.run(["label", "server", "nas-1", "before"]);

    // Then labels until one does not fit.
    disk.fill();
    let refusal = null;
    for (let i = 0; refusal === null && i < 50; i++) {
      const heard = await nas.try(["label", "server", "nas-1", `full-${i}`]);
      if (heard.exit === 0) acknowledged.push(`full-${i}`);
      else refusal = heard;
    }
    if (refusal === null) throw new Error("the disk was never full");
    expectRefusal({ ...refusal, stdout: "" }, 1, /the disk is full/);
    expect(refusal.stderr).toContain("hint: free some space");
    expect(nas.isAlive).toBe(true);
    expect(await nas.run(["get", "servers", "-o", "name"])).toBe("nas-1\n");
    // A mesh that cannot be begun leaves no key behind that would be in the way later.
    const second = ["init", "--local", "--recovery", "later", "--home", join(nas.home, "second")];
    const other = { env: { LAB_CONFIG: join(lab.root, "other") } };
    expectRefusal(await nas.try(second, other), 1, /no space left|disk is full/);

    disk.free();
    await nas.run(second, other);
    await nas.run(["label", "server", "nas-1", "after"]);
    acknowledged.push("after");
    await nas.killAgent();
    await nas.startAgent();
    const [server] = await nas.servers();
    expect(server?.labels).toEqual(expect.arrayContaining(acknowledged));
  });
});
