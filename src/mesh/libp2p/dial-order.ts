import type { InterfaceAddress } from "../../core/ports/interfaces.ts";
import { isLoopback, isOnNetwork, splitAddress } from "./addresses.ts";

export interface DialOrderInput {
  /** The most promising one first, as far as the caller knows. */
  readonly addresses: readonly string[];
  /** Where a connection to that peer stood the last time. */
  readonly lastGood: string | undefined;
  /** Dials of that peer that have failed since. */
  readonly failures: number;
  readonly interfaces: readonly InterfaceAddress[];
  /** This node listens on loopback alone, or not at all: then loopback may be where the peer is. */
  readonly isLocal: boolean;
}

/**
 * In which order the addresses of a peer are tried. An address that swallows packets takes seconds, and one attempt has
 * time for two or three of those: each attempt begins further on in the list, so that no address keeps another one from
 * being tried.
 */
export function dialOrder({ addresses, lastGood, failures, interfaces, isLocal }: DialOrderInput): string[] {
  const usable = addresses.filter((address) => {
    const host = splitAddress(address)?.host;
    return host !== undefined && (isLocal || !isLoopback(host));
  });
  const near = (address: string): boolean => {
    const host = splitAddress(address)?.host ?? "";
    return interfaces.some((each) => each.scope !== "machine" && isOnNetwork(host, each));
  };
  const rank = (address: string): number => (address === lastGood ? 0 : near(address) ? 1 : 2);
  const sorted = usable.sort((a, b) => rank(a) - rank(b));
  const first = sorted.length === 0 ? 0 : (2 * failures) % sorted.length;
  return [...sorted.slice(first), ...sorted.slice(0, first)];
}
