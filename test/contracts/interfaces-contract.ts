import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import type { Interfaces } from "../../src/core/ports/interfaces.ts";

/** What {@link Interfaces} promises, of whichever machine. */
export function interfacesContract(name: string, create: () => Interfaces): void {
  describe(`the interfaces of ${name}`, () => {
    it("have IP addresses without zones, in networks that hold them", () => {
      for (const { interface: device, address, prefixBits } of create().addresses()) {
        expect(device).not.toBe("");
        expect(address).toBe(address.toLowerCase());
        const family = isIP(address);
        expect([4, 6]).toContain(family);
        expect(prefixBits).toBeGreaterThanOrEqual(0);
        expect(prefixBits).toBeLessThanOrEqual(family === 4 ? 32 : 128);
      }
    });

    it("are the same while nothing changes", () => {
      const interfaces = create();
      expect(interfaces.addresses()).toEqual(interfaces.addresses());
    });

    it("tell what only this machine and what only this cable knows", () => {
      for (const { address, scope } of create().addresses()) {
        const isLoopback = address === "::1" || address.startsWith("127.");
        const isLinkLocal = /^fe[89ab]/.test(address) || address.startsWith("169.254.");
        if (isLoopback) expect(scope).toBe("machine");
        else if (isLinkLocal) expect(scope).toBe("link");
        else expect(scope).not.toBe("link");
      }
    });
  });
}
