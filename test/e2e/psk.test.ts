import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { preSharedKey } from "@libp2p/pnet";
import { multiaddr } from "@multiformats/multiaddr";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ascii, concat, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { encode, type Plain } from "../../src/core/encoding.ts";
import { decodeEnrolAnswer, encodeEnrolRequest, joinMessage, readToken, writeToken } from "../../src/core/enrolment.ts";
import { Secret } from "../../src/core/secret.ts";
import { startGuest } from "../unit/mesh/wire-guests.ts";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";
import { keys, speaker, type Target, targetOf } from "./mole.ts";

/** What noise, yamux and lab say of themselves in clear when nothing hides it. */
const MULTISTREAM = "\x13/multistream/1.0.0\n";

describe("a mesh with a pre-shared key", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;
  let target: Target;

  beforeAll(async () => {
    lab = Lab.open();
    [nas, web] = [lab.machine("nas-1"), lab.machine("web-1")];
    await nas.run(["init", "--local", "--node", "nas-1", "--recovery", "later", "--psk"]);
    await nas.startAgent();
    await web.join(await nas.token("--name", "web-1"));
    target = await targetOf(nas);
  });

  afterAll(() => lab.close());

  const keyOf = ({ home }: Machine) => join(home, "keys/mesh.psk");

  it("is joined with the key that its tokens carry, and is whole", async () => {
    await until("both are online", async () =>
      (await Promise.all([nas, web].map((machine) => machine.status()))).every(({ online }) => online === 2),
    );
    expect(readFileSync(keyOf(web), "ascii")).toBe(readFileSync(keyOf(nas), "ascii"));
    expect(statSync(keyOf(web)).mode & 0o777).toBe(0o600);
    expect(await web.run(["ping", "nas-1"])).toContain("5 of 5 answered");
    await web.killAgent();
    await web.startAgent();
    await until("it is again", async () => (await nas.status()).online === 2 && (await web.status()).online === 2);
  });

  it("says nothing to a stranger that could be read, and shakes no hand", async () => {
    const [host, port] = target.address.split(":");
    const heard: Buffer[] = [];
    const socket = connect({ host, port: Number(port) });
    socket.on("data", (data) => heard.push(data));
    socket.on("error", () => undefined);
    socket.write(MULTISTREAM.repeat(4));
    await Promise.race([new Promise((resolve) => socket.once("close", resolve)), sleep(3_000)]);
    socket.destroy();
    expect(Buffer.concat(heard).includes("multistream")).toBe(false);

    const address = multiaddr(`/ip4/${host}/tcp/${port}`);
    const { node } = await startGuest();
    await expect(node.dial(address, { signal: AbortSignal.timeout(8_000) })).rejects.toThrow();
    await node.stop();
    const another = Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${"ab".repeat(32)}`);
    const wrong = await startGuest(undefined, preSharedKey({ psk: another }));
    await expect(wrong.node.dial(address, { signal: AbortSignal.timeout(8_000) })).rejects.toThrow();
    await wrong.node.stop();

    const right = await startGuest(undefined, preSharedKey({ psk: readFileSync(keyOf(nas)) }));
    expect((await right.node.dial(address)).status).toBe("open");
    await right.node.stop();
  }, 40_000);

  it("lets nobody with another key, or none, so much as ask to be enrolled, whatever token they have", async () => {
    const token = readToken(keys, await nas.token("--name", "late-1"));
    const knock = async (psk: Uint8Array | null) => {
      const seed = new Uint8Array(randomBytes(32));
      const signer = keys.signer(new Secret(Uint8Array.from(seed)));
      const { recipient } = await keys.createSealIdentity();
      const proof = signer.sign(joinMessage(token.mesh, signer.publicKey, recipient));
      const request = { tokenId: token.id, secret: token.secret, seal: recipient, proof, name: null, after: 0 };
      const link = await speaker(seed, token.mesh, () => new Uint8Array(0), psk);
      try {
        const issuer = toHex(token.issuer);
        await link.dial(issuer, token.addresses, 8_000);
        return decodeEnrolAnswer(await link.request(issuer, "enrol", encodeEnrolRequest(request), 8_000)).state;
      } catch {
        return "not heard";
      } finally {
        await link.stop();
      }
    };
    expect(await knock(null)).toBe("not heard");
    expect(await knock(new Uint8Array(randomBytes(32)))).toBe("not heard");
    // Who is refused is in the audit; these were not even that.
    const said = async () => (await nas.run(["get", "audit", "-o", "json"])).match(/"token.redeem"/g)?.length ?? 0;
    const before = await said();
    expect(await nas.run(["get", "audit", "-o", "json"])).not.toContain('"denied"');
    expect(await knock(token.psk ?? null)).toBe("enrolled");
    expect(await said()).toBe(before + 1);
  }, 60_000);

  it("tells two strangers who say the same nothing that they could hold against each other", async () => {
    const [host, port] = target.address.split(":");
    const listen = async () => {
      const heard: Buffer[] = [];
      const socket = connect({ host, port: Number(port) });
      socket.on("data", (data) => heard.push(data));
      socket.on("error", () => undefined);
      socket.write(Buffer.alloc(64, 7));
      await until("it says something", () => Buffer.concat(heard).length >= 24);
      await Promise.race([new Promise((resolve) => socket.once("close", resolve)), sleep(1_000)]);
      socket.destroy();
      return Buffer.concat(heard);
    };
    const [one, other] = [await listen(), await listen()];
    const alike = [...one].filter((byte, i) => byte === other[i]).length;
    // Of random bytes one in 256 is alike by chance.
    expect(alike).toBeLessThan(one.length / 4);
  });

  it("takes another key when every home has it, and who was left out is let in by the file", async () => {
    const fresh = execFileSync(
      "/bin/sh",
      [
        "-c",
        String.raw`printf '/key/swarm/psk/1.0.0/\n/base16/\n%s\n' "$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')"`,
      ],
      { encoding: "ascii" },
    );
    for (const machine of [nas, web]) await machine.run(["agent", "stop"]);
    writeFileSync(keyOf(nas), fresh);
    await nas.startAgent();
    await web.startAgent();
    await expect(
      until("web-1 gets in with the old key", async () => (await nas.status()).online === 2, { withinMs: 4_000 }),
    ).rejects.toThrow();
    await web.run(["agent", "stop"]);
    cpSync(keyOf(nas), keyOf(web));
    await web.startAgent();
    await until("both are online", async () => (await nas.status()).online === 2);
    target = await targetOf(nas);
    const carried = readToken(keys, await nas.token("--name", "later-1")).psk;
    expect(fresh).toContain(toHex(carried ?? new Uint8Array(0)));
  }, 60_000);

  it("makes no token without the key over a socket that does not give it", async () => {
    const made = await nas.try(["token", "create", "--name", "pi-0", "--socket", nas.socket]);
    expectRefusal(made, 2, /a token that is made here would not carry it/);
    const { items } = await nas.json<{ items: readonly { name: string }[] }>("get", "tokens");
    expect(items.map(({ name }) => name)).not.toContain("pi-0");
  });

  it("cannot be joined with a token that has lost the key, and says what to do about a key of a newer kind", async () => {
    const text = await nas.token("--name", "pi-1");
    const { psk, ...bare } = readToken(keys, text);
    expect(psk).toHaveLength(32);
    const pi = lab.machine("pi-1", "nobody");
    expectRefusal(await pi.try(["join", writeToken(keys, bare)]), 1, /does not answer/);
    const body = encode({ v: 1, ...bare, psk: { v: 2, key: psk as Uint8Array } } as unknown as Plain);
    const check = keys.hash(concat(ascii("lab/1/token-check\0"), body)).subarray(0, 4);
    const newer = `lab1.${toBase64Url(concat(check, body))}`;
    expectRefusal(await pi.try(["join", newer]), 4, /the token is of a newer release/);
    expect(await pi.run(["join", text])).toContain("this device is pi-1");
  });

  it("is not entered by an agent whose key is damaged, lost or may be read by others, and says which file", async () => {
    const odd = lab.machine("odd-1", "nobody");
    await odd.run(["join", await nas.token("--name", "odd-1")]);
    const good = readFileSync(keyOf(odd), "ascii");
    writeFileSync(keyOf(odd), good.slice(0, -9));
    expectRefusal(await odd.try(["agent", ...odd.agentFlags]), 2, /mesh[.]psk is no pre-shared key/);
    cpSync(keyOf(nas), keyOf(odd));
    await odd.startAgent();
    await until("it is heard", async () =>
      (await nas.servers()).some((s) => s.name === "odd-1" && s["online"] === "yes"),
    );
  });

  it("is restored with the key that it had by whoever has the recovery code, and with another one by who has not", async () => {
    const place = `dir:${join(lab.root, "usb")}`;
    const paper = join(lab.root, "paper.txt");
    await nas.run(["operator", "recovery", "set", paper]);
    await nas.run(["backup", "create", place]);
    const kept = readdirSync(join(lab.root, "usb"), { recursive: true, encoding: "utf8" })
      .map((name) => join(lab.root, "usb", name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, "latin1"))
      .join("");
    const [, key = "missing"] = /([0-9a-f]{64})/.exec(readFileSync(keyOf(nas), "ascii")) ?? [];
    expect(kept.includes(key) || kept.includes(Buffer.from(key, "hex").toString("latin1"))).toBe(false);

    const [again, open] = [lab.machine("nas-2"), lab.machine("nas-3")];
    const words = (name: string) => ["backup", "restore", place, "--node", name, "--all-gone", "--yes"];
    expect(await again.run([...words("nas-2"), "--code", paper])).toContain(
      "the pre-shared key is the one that the mesh had",
    );
    expect(readFileSync(keyOf(again), "ascii")).toBe(readFileSync(keyOf(nas), "ascii"));
    const { exit, stderr } = await open.try(words("nas-3"));
    expect([exit, stderr]).toEqual([0, expect.stringContaining("the pre-shared key is a new one")]);
    expect(readFileSync(keyOf(open), "ascii")).not.toBe(readFileSync(keyOf(nas), "ascii"));
    expect(statSync(keyOf(open)).mode & 0o777).toBe(0o600);
  });
});
