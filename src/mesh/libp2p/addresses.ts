import { isIPv4, isIPv6 } from "node:net";
import type { Multiaddr } from "@multiformats/multiaddr";
import { multiaddr } from "@multiformats/multiaddr";

/** `host:port`, IPv6 in brackets, as libp2p writes it; null if it is not one. */
export function toMultiaddr(address: string): Multiaddr | null {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return null;
  if (bracketed !== undefined) return isIPv6(bracketed) ? multiaddr(`/ip6/${bracketed}/tcp/${port}`) : null;
  if (plain === undefined) return null;
  return multiaddr(isIPv4(plain) ? `/ip4/${plain}/tcp/${port}` : `/dns/${plain}/tcp/${port}`);
}

/** The inverse of {@link toMultiaddr}; null for an address that is not TCP over IP. */
export function fromMultiaddr(address: Multiaddr): string | null {
  const [host, transport] = address.getComponents();
  if (transport?.name !== "tcp" || host?.value === undefined) return null;
  return host.name === "ip6" ? `[${host.value}]:${transport.value}` : `${host.value}:${transport.value}`;
}

/**
 * Those of the addresses that another machine could dial. Loopback only when there is nothing else; never IPv6
 * link-local, which means nothing without the name of an interface on the machine that dials.
 */
export function dialable(addresses: readonly Multiaddr[]): string[] {
  const known = [...new Set(addresses.map(fromMultiaddr).filter((address) => address !== null))].filter(
    (address) => !/^\[fe[89ab]/.test(address),
  );
  const remote = known.filter((address) => !isLoopback(address));
  return remote.length > 0 ? remote : known;
}

/**
 * What stands for one machine or site in limits: an IPv4 address, or the first 64 bits of an IPv6 address, since
 * whoever has one of those has 2^64.
 */
export function peerAddress(address: Multiaddr): string {
  const host = address.getComponents()[0]?.value ?? "";
  if (!isIPv6(host)) return host;
  const [front = [], back = []] = host.split("::").map((half) => half.split(":").map((group) => group || "0"));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => "0");
  return [...front, ...zeros, ...back].slice(0, 4).join(":");
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address.startsWith("[::1]");
}
