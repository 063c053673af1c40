import { spawnSync } from "node:child_process";

/*
 * Machines with networks of their own: each is a network namespace with one cable to a common bridge, which is in a
 * namespace as well, so that nothing of it is seen or touched outside.
 */

/** Why there are none here, or null. */
export function whyNoNamespaces(): string | null {
  const name = `lab-probe-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", name]);
  if (made.error !== undefined) return "ip (iproute2) is not installed";
  if (made.status !== 0) return "needs root to make network namespaces";
  spawnSync("ip", ["netns", "del", name]);
  return null;
}

export interface Subnet {
  /** Of the machine with that number, from 1 on, with the length of the prefix. */
  address(machine: number): string;
}

export const IPV4: Subnet = { address: (machine) => `10.77.0.${machine}/24` };
export const IPV6: Subnet = { address: (machine) => `fd00:77::${machine}/64` };

let count = 0;

/** One switch of two halves that do not know each other, and machines that hang on it. */
export class Network {
  readonly #switch: string;
  readonly #machines: string[] = [];
  readonly #prefix: string;

  constructor() {
    this.#prefix = `lab${process.pid}n${count++}`;
    this.#switch = `${this.#prefix}-switch`;
    ip("netns", "add", this.#switch);
    for (const bridge of ["bridge0", "bridge1"]) {
      this.#inSwitch("link", "add", "name", bridge, "type", "bridge");
      this.#inSwitch("link", "set", bridge, "up");
    }
  }

  /** A machine with these subnets' addresses; its number is how many there are now. No route leads elsewhere. */
  plug(...subnets: readonly Subnet[]): Cable {
    return this.plugBy(
      ({ namespace, port }) => {
        // At once where they belong: a name outside could be taken.
        ip("link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", port, "netns", this.#switch);
      },
      ...subnets,
    );
  }

  /** The same, where `lay` has put `eth0` into the namespace and the port, which carries its frames, into the switch. */
  plugBy(lay: (ends: CableEnds) => void, ...subnets: readonly Subnet[]): Cable {
    const number = this.#machines.length + 1;
    const port = `port${number}`;
    const namespace = this.#namespace();
    lay({ namespace, port, switch: this.#switch });
    this.#inSwitch("link", "set", port, "master", "bridge0");
    this.#inSwitch("link", "set", port, "up");
    const inMachine = bringUp(
      namespace,
      subnets.map((subnet) => subnet.address(number)),
    );
    return {
      number,
      within: ["ip", "netns", "exec", namespace],
      move: (side) => this.#inSwitch("link", "set", port, "master", `bridge${side}`),
      pull: () => this.#inSwitch("link", "set", port, "nomaster"),
      insert: () => this.#inSwitch("link", "set", port, "master", "bridge0"),
      renumber: (from, to) => {
        inMachine("addr", "del", from, "dev", "eth0");
        inMachine("addr", "add", to, "dev", "eth0");
      },
    };
  }

  /**
   * A machine on the far side of a router that is plugged in: the router gives its own address to whatever comes from
   * there, so that nobody on the near side can begin to talk to it. `number` is its own, below 254.
   */
  plugBehind(router: Cable, number: number): Cable {
    const namespace = this.#namespace();
    const routing = router.within.at(-1) as string;
    const port = `lan${number}`;
    const inRouter = (...words: string[]) => ip("-n", routing, ...words);
    if (spawnSync("ip", ["-n", routing, "link", "show", "lan0"]).status !== 0) {
      inRouter("link", "add", "name", "lan0", "type", "bridge");
      inRouter("addr", "add", "192.168.77.254/24", "dev", "lan0");
      inRouter("link", "set", "lan0", "up");
      run("ip", ["netns", "exec", routing, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
      const masquerade = [
        "add table ip nat",
        "add chain ip nat post { type nat hook postrouting priority 100; }",
        "add rule ip nat post oifname eth0 masquerade",
      ];
      run("ip", ["netns", "exec", routing, "nft", masquerade.join("; ")]);
    }
    ip("link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", port, "netns", routing);
    inRouter("link", "set", port, "master", "lan0");
    inRouter("link", "set", port, "up");
    const inMachine = bringUp(namespace, [`192.168.77.${number}/24`]);
    inMachine("route", "add", "default", "via", "192.168.77.254");
    return {
      number,
      within: ["ip", "netns", "exec", namespace],
      move: (side) => router.move(side),
      pull: () => inRouter("link", "set", port, "nomaster"),
      insert: () => inRouter("link", "set", port, "master", "lan0"),
      renumber: () => {
        throw new Error("what is behind a router keeps its address");
      },
    };
  }

  #namespace(): string {
    const namespace = `${this.#prefix}-m${this.#machines.length + 1}`;
    ip("netns", "add", namespace);
    this.#machines.push(namespace);
    return namespace;
  }

  end(): void {
    for (const namespace of [...this.#machines, this.#switch]) spawnSync("ip", ["netns", "del", namespace]);
  }

  #inSwitch(...words: string[]): void {
    ip("-n", this.#switch, ...words);
  }
}

/** How one machine hangs on the network. */
export interface Cable {
  readonly number: number;
  /** What stands before a command that is to run on that machine. */
  readonly within: readonly string[];
  /** Plugs it into the other half of a switch that is cut in two, or back: everything hangs on half 0 at first. */
  move(side: 0 | 1): void;
  /** Nothing passes any more, and neither end is told. */
  pull(): void;
  insert(): void;
  renumber(from: string, to: string): void;
}

export interface CableEnds {
  /** Of the machine. */
  readonly namespace: string;
  /** What its end in the switch has to be called. */
  readonly port: string;
  /** The switch's namespace. */
  readonly switch: string;
}

function bringUp(namespace: string, addresses: readonly string[]): (...words: string[]) => void {
  const inMachine = (...words: string[]) => ip("-n", namespace, ...words);
  inMachine("link", "set", "lo", "up");
  // Without waiting for the detection of duplicates, which takes a second or two.
  spawnSync("ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0"]);
  spawnSync("ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"]);
  for (const address of addresses) inMachine("addr", "add", address, "dev", "eth0");
  inMachine("link", "set", "eth0", "up");
  return inMachine;
}

function ip(...words: string[]): void {
  run("ip", words);
}

function run(command: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")}: ${stderr}`);
}
