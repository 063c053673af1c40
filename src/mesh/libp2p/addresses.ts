import { isIPv4, isIPv6 } from "node:net";
import type { Multiaddr } from "@multiformats/multiaddr";
import { multiaddr } from "@multiformats/multiaddr";
import type { InterfaceAddress } from "../../core/ports/interfaces.ts";

/** A name that DNS could know (RFC 1123 §2.1); underscores do not occur in names of hosts. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** `host:port` where the host is an IP address, IPv6 in brackets, or a name. Null if it is not one. */
export function toMultiaddr(address: string): Multiaddr | null {
  const parts = splitAddress(address);
  if (parts === null) return null;
  const { host, port } = parts;
  if (isIPv6(host)) return multiaddr(`/ip6/${host}/tcp/${port}`);
  return multiaddr(`/${isIPv4(host) ? "ip4" : "dns"}/${host}/tcp/${port}`);
}

/** The inverse of {@link toMultiaddr}; null for an address that is not TCP over IP. */
export function fromMultiaddr(address: Multiaddr): string | null {
  const [host, transport] = address.getComponents();
  if (transport?.name !== "tcp" || host?.value === undefined) return null;
  return joinAddress(host.value, Number(transport.value));
}

/** What people write for an address, `host:port` or libp2p's `/dns4/host/tcp/port`, as `host:port`. Null if neither. */
export function readAddress(text: string): string | null {
  const [, host, port] = /^[/](?:ip4|ip6|dns|dns4|dns6)[/]([^/]+)[/]tcp[/](\d{1,5})$/.exec(text) ?? [];
  const address = host === undefined ? text : joinAddress(host, Number(port));
  const parts = splitAddress(address);
  return parts === null ? null : joinAddress(parts.host, parts.port);
}

/** Null for what is not `host:port`. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | null {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address) ?? [];
  const [host, port] = [bracketed ?? plain ?? "", Number(digits)];
  if (digits === undefined || port > 65_535) return null;
  if (bracketed !== undefined ? !isIPv6(host) : !isIPv4(host) && !isHostName(host)) return null;
  return { host, port };
}

export function joinAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Digits and dots that are no IPv4 address are a mistake and no name. */
function isHostName(host: string): boolean {
  return HOST_NAME.test(host) && !/^[0-9.]+$/.test(host);
}

const GUEST_INTERFACE =
  /^(docker\d|docker_gwbridge|br-[0-9a-f]{12}$|veth|cni\d|cni-|flannel|cali|cilium|lxc|lxdbr|incusbr|podman\d|virbr|vnet\d|kube-|nodelocaldns|weave|nerdctl)/;

/** A bridge that a container runtime or hypervisor makes for guests of this machine, or a guest's end of a cable. */
export function isGuestInterface(name: string): boolean {
  return GUEST_INTERFACE.test(name);
}

/**
 * Those of a node's own addresses that another machine could dial. An address of a bridge for guests means another
 * machine to everybody else, and so does loopback; they are told only where the node listens on nothing else, or was
 * told to listen on exactly them.
 */
export function announced(
  own: readonly Multiaddr[],
  listen: readonly Multiaddr[],
  interfaces: readonly InterfaceAddress[],
): string[] {
  const known = new Map(interfaces.map((each) => [each.address, each]));
  const asked = new Set(listen.map(hostOf).filter((host) => !isWildcard(host)));
  const usable = own.filter((address) => known.get(hostOf(address))?.scope !== "link" || asked.has(hostOf(address)));
  const remote = usable.filter((address) => {
    const at = known.get(hostOf(address));
    if (isLoopback(hostOf(address))) return false;
    return asked.has(hostOf(address)) || at === undefined || !isGuestInterface(at.interface);
  });
  const told = (remote.length > 0 ? remote : usable).map(fromMultiaddr).filter((address) => address !== null);
  // An IPv6 link-local address means nothing without the name of an interface on the machine that dials.
  return [...new Set(told)].filter((address) => !/^\[fe[89ab]/.test(address));
}

function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? "";
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

export function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1" || host === "localhost";
}

/**
 * What stands for one machine or site in limits: an IPv4 address, or the first 64 bits of an IPv6 address, since
 * whoever has one of those has 2^64.
 */
export function peerAddress(address: Multiaddr): string {
  const host = hostOf(address);
  return isIPv6(host) ? bitsOf(host).slice(0, 64) : host;
}

/** Whether an address is of the network that an interface is on. */
export function isOnNetwork(host: string, { address, prefixBits }: InterfaceAddress): boolean {
  if (isIPv6(host) !== isIPv6(address) || isIPv4(host) !== isIPv4(address)) return false;
  return bitsOf(host).slice(0, prefixBits) === bitsOf(address).slice(0, prefixBits);
}

/** The bits of an IP address, one character each; of anything else nothing. */
function bitsOf(host: string): string {
  if (isIPv4(host))
    return host
      .split(".")
      .map((byte) => bits(Number(byte), 8))
      .join("");
  if (!isIPv6(host)) return "";
  const [front = [], back = []] = host.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => "0");
  return [...front, ...zeros, ...back].map((group) => bits(Number.parseInt(group, 16), 16)).join("");
}

function bits(value: number, length: number): string {
  return value.toString(2).padStart(length, "0");
}
