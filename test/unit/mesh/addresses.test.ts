import { describe, expect, it } from "vitest";
import type { InterfaceAddress } from "../../../src/core/ports/interfaces.ts";
import {
  announced,
  fromMultiaddr,
  isOnNetwork,
  peerAddress,
  readAddress,
  toMultiaddr,
} from "../../../src/mesh/libp2p/addresses.ts";
import { dialOrder } from "../../../src/mesh/libp2p/dial-order.ts";

const at = (name: string, address: string, prefixBits = 24): InterfaceAddress => {
  const isLoopback = address.startsWith("127.") || address === "::1";
  const isLinkLocal = address.startsWith("fe80:") || address.startsWith("169.254.");
  return { interface: name, address, prefixBits, scope: isLoopback ? "machine" : isLinkLocal ? "link" : "network" };
};

describe("an address", () => {
  it.each([
    ["192.0.2.7:4001", "/ip4/192.0.2.7/tcp/4001"],
    ["[2001:db8::7]:4001", "/ip6/2001:db8::7/tcp/4001"],
    ["nas.example:4001", "/dns/nas.example/tcp/4001"],
  ])("%s is %s for libp2p", (address, expected) => {
    expect(toMultiaddr(address)?.toString()).toBe(expected);
    expect(fromMultiaddr(toMultiaddr(address)!)).toBe(address);
  });

  it.each([
    ["192.0.2.7:4001", "192.0.2.7:4001"],
    ["[2001:db8::7]:4001", "[2001:db8::7]:4001"],
    ["/dns4/lab.example.com/tcp/7444", "lab.example.com:7444"],
    ["/dns6/nas/tcp/1", "nas:1"],
    ["/ip4/192.0.2.7/tcp/4001", "192.0.2.7:4001"],
    ["/ip6/2001:db8::7/tcp/4001", "[2001:db8::7]:4001"],
  ])("may be written %s", (text, address) => {
    expect(readAddress(text)).toBe(address);
  });

  it.each([
    "",
    "nas",
    "nas:",
    "nas:65536",
    "nas:1:2",
    "2001:db8::7:4001",
    "[nas]:1",
    "a/b:1",
    "[::1]",
    "192.0.2.300:1",
    "1.2.3:1",
    "-nas:1",
    "na s:1",
    "nas..example:1",
    "/dns4/nas/udp/1",
    "/ip4/nas/tcp",
    "/dns4/nas/tcp/99999",
    `${"a".repeat(64)}:1`,
  ])("%j is none", (address) => {
    expect(toMultiaddr(address)).toBeNull();
    expect(readAddress(address)).toBeNull();
  });

  it.each([
    ["192.0.2.7:1", "192.0.2.77:1", false],
    ["[2001:db8:0:1::7]:1", "[2001:db8:0:1:ffff::1]:1", true],
    ["[2001:db8:0:1::7]:1", "[2001:db8:0:2::7]:1", false],
    ["[2001:db8::7]:1", "[2001:db8:0:0:7:7:7:7]:1", true],
  ])("%s and %s are one machine for limits: %s", (a, b, isOne) => {
    expect(peerAddress(toMultiaddr(a)!) === peerAddress(toMultiaddr(b)!)).toBe(isOne);
  });

  it.each([
    ["192.168.7.9", at("eth0", "192.168.7.1", 24), true],
    ["192.168.8.9", at("eth0", "192.168.7.1", 24), false],
    ["192.168.8.9", at("eth0", "192.168.7.1", 16), true],
    ["fd00:1::9", at("eth0", "fd00:1::1", 64), true],
    ["fd00:2::9", at("eth0", "fd00:1::1", 64), false],
    ["192.168.7.9", at("eth0", "fd00:1::1", 0), false],
    ["nas.example", at("eth0", "192.168.7.1", 0), false],
  ])("%s is on the network of %o: %s", (host, network, isOn) => {
    expect(isOnNetwork(host, network)).toBe(isOn);
  });
});

describe("a node announces", () => {
  const interfaces = [
    at("lo", "127.0.0.1", 8),
    at("lo", "::1", 128),
    at("eth0", "192.168.7.2"),
    at("eth0", "fd00:1::2", 64),
    at("eth0", "fe80::2", 64),
    at("vmbr0", "10.9.0.1"),
    at("tailscale0", "100.64.0.2", 32),
    at("docker0", "172.17.0.1", 16),
    at("br-0123456789ab", "172.18.0.1", 16),
    at("virbr0", "192.168.122.1"),
    at("veth12ab", "169.254.9.9", 16),
    at("cni0", "10.42.0.1"),
  ];
  const own = (port = 7444) =>
    interfaces.map(
      ({ address }) => toMultiaddr(address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`)!,
    );
  const told = (listen: readonly string[], from = own(), all = interfaces) =>
    announced(
      from,
      listen.map((address) => toMultiaddr(address)!),
      all,
    );

  it("where other machines find it: not loopback, not what only its own guests see, nothing of a single cable", () => {
    const expected = ["192.168.7.2:7444", "[fd00:1::2]:7444", "10.9.0.1:7444", "100.64.0.2:7444"];
    expect(told(["0.0.0.0:7444", "[::]:7444"])).toEqual(expected);
  });

  it("an address for guests when it was told to listen on that one", () => {
    const address = toMultiaddr("172.17.0.1:7444")!;
    expect(told(["172.17.0.1:7444"], [address])).toEqual(["172.17.0.1:7444"]);
  });

  it("loopback when it listens on nothing else, and when the machine has nothing else", () => {
    const loopback = toMultiaddr("127.0.0.1:7444")!;
    expect(told(["127.0.0.1:7444"], [loopback])).toEqual(["127.0.0.1:7444"]);
    expect(told(["0.0.0.0:7444"], [loopback], interfaces.slice(0, 1))).toEqual(["127.0.0.1:7444"]);
    expect(told(["127.0.0.1:1", "192.168.7.2:1"], own(1).slice(0, 3))).toEqual(["192.168.7.2:1"]);
  });
});

describe("addresses of a peer are tried", () => {
  const interfaces = [at("lo", "127.0.0.1", 8), at("eth0", "192.168.7.2")];
  const addresses = ["203.0.113.7:1", "10.1.1.1:1", "192.168.7.9:1", "nas.example:1", "127.0.0.1:1"];
  const order = (over: Partial<Parameters<typeof dialOrder>[0]> = {}) =>
    dialOrder({ addresses: [...addresses], lastGood: undefined, failures: 0, interfaces, isLocal: false, ...over });

  it("on the own network first, and on this machine only by whoever is there only", () => {
    expect(order()).toEqual(["192.168.7.9:1", "203.0.113.7:1", "10.1.1.1:1", "nas.example:1"]);
    expect(order({ isLocal: true })).toContain("127.0.0.1:1");
    expect(order({ addresses: ["nonsense", "127.0.0.1:1"] })).toEqual([]);
  });

  it("where it was found the last time before everything else", () => {
    expect(order({ lastGood: "10.1.1.1:1" })[0]).toBe("10.1.1.1:1");
  });

  it("further on in the list after each failure, so that every one has its turn", () => {
    const firsts = [0, 1, 2, 3].flatMap((failures) => order({ failures }).slice(0, 2));
    expect(new Set(firsts).size).toBe(4);
    expect(order({ failures: 2 })).toEqual(order());
  });
});
