/** One address that this machine has at this moment. */
export interface InterfaceAddress {
  /** As the system names it: `eth0`. */
  readonly interface: string;
  /** IPv4, or IPv6 without a zone. */
  readonly address: string;
  /** How many leading bits all addresses of that network share. */
  readonly prefixBits: number;
  /**
   * From where it means anything:
   * - `machine`: loopback
   * - `link`: the cable or radio that the interface hangs on
   * - `network`: everywhere that packets are routed from
   */
  readonly scope: "machine" | "link" | "network";
}

/** Where this machine is on its networks. Changes without notice; whoever must know looks again. */
export interface Interfaces {
  /** In no particular order that would mean anything, but the same one while nothing changes. */
  addresses(): readonly InterfaceAddress[];
}
