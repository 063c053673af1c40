import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Link } from "../../../src/core/ports/link.ts";
import { chooseListen, readAnnounce, rememberPort } from "../../../src/node/platform/listening.ts";
import { freePort } from "../../../src/node/platform/machine.ts";

describe("an agent listens", () => {
  let home: string;
  let servers: Server[];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "lab-listening-"));
    mkdirSync(join(home, "run"));
    servers = [];
  });

  afterEach(async () => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    rmSync(home, { recursive: true });
  });

  const interfaces = (...addresses: string[]) => ({
    addresses: () =>
      addresses.map((address) => ({ interface: "eth0", address, prefixBits: 24, scope: "network" as const })),
  });
  const occupy = (port: number) =>
    new Promise<void>((resolve) => {
      const server = createServer();
      servers.push(server);
      server.listen(port, resolve);
    });
  const ranAt = (port: number) => rememberPort(home, { addresses: () => [`192.0.2.7:${port}`] } as unknown as Link);

  it("everywhere, over IPv6 where there is any, at one port for both", async () => {
    const [v4, ...none] = await chooseListen(home, [], interfaces("192.0.2.7"));
    expect(none).toEqual([]);
    expect(v4).toMatch(/^0[.]0[.]0[.]0:\d+$/);
    const port = v4?.split(":").at(-1);
    const both = await chooseListen(home, [], interfaces("192.0.2.7", "2001:db8::7"));
    expect(both).toEqual([`0.0.0.0:${port}`, `[::]:${port}`]);
  });

  it("at the port of last time where any will do", async () => {
    const last = await freePort();
    await ranAt(last);
    expect(await chooseListen(home, ["127.0.0.1:0"], interfaces())).toEqual([`127.0.0.1:${last}`]);
    await occupy(last);
    expect(await chooseListen(home, ["127.0.0.1:0"], interfaces())).toEqual(["127.0.0.1:0"]);
  });

  it("where it was told to, by name as well, or says why not", async () => {
    const port = await freePort();
    expect(await chooseListen(home, [`/ip4/127.0.0.1/tcp/${port}`], interfaces())).toEqual([`127.0.0.1:${port}`]);
    expect(await chooseListen(home, [`localhost:${port}`], interfaces())).toContain(`127.0.0.1:${port}`);
    await occupy(port);
    await expect(chooseListen(home, [`127.0.0.1:${port}`], interfaces())).rejects.toMatchObject({
      code: "SocketInUse",
    });
    await expect(chooseListen(home, ["7444"], interfaces())).rejects.toMatchObject({ code: "Usage" });
    await expect(chooseListen(home, ["no-such-host.invalid:7444"], interfaces())).rejects.toMatchObject({
      code: "Usage",
      message: '--listen: nobody knows "no-such-host.invalid"',
    });
  });

  it("and announces names and addresses as others dial them", () => {
    expect(readAnnounce(["/dns4/lab.example.com/tcp/7444", "[2001:db8::7]:1"])).toEqual([
      "lab.example.com:7444",
      "[2001:db8::7]:1",
    ]);
    for (const odd of ["lab.example.com", "lab.example.com:0", "http://lab.example.com:7444"]) {
      expect(() => readAnnounce([odd])).toThrow(`--announce cannot be "${odd}"`);
    }
  });
});
