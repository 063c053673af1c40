import { networkInterfaces } from "node:os";
import type { InterfaceAddress, Interfaces } from "../../core/ports/interfaces.ts";

/** {@link Interfaces} of this machine: those that are up. */
export function systemInterfaces(): Interfaces {
  return {
    addresses: () =>
      Object.entries(networkInterfaces()).flatMap(([name, all]) =>
        (all ?? []).map(({ address, cidr, internal }) => ({
          interface: name,
          address: address.toLowerCase(),
          prefixBits: Number(cidr?.split("/")[1] ?? 0),
          scope: scopeOf(address.toLowerCase(), internal),
        })),
      ),
  };
}

function scopeOf(address: string, internal: boolean): InterfaceAddress["scope"] {
  if (internal) return "machine";
  // RFC 4291 §2.5.6, RFC 3927.
  return /^(fe[89ab][0-9a-f]:|169[.]254[.])/.test(address) ? "link" : "network";
}
