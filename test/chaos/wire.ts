import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Cable, type CableEnds, IPV4, type Network } from "../../bench/namespaces.ts";

/** How frames can be delayed on this machine: by the kernel, by a process of ours, or not at all. */
export type Delayer = "netem" | "relay" | "none";

export function findDelayer(network: Network): Delayer {
  const { within } = network.plug();
  if (attempt([...within, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]).status === 0) {
    return "netem";
  }
  return existsSync("/dev/net/tun") ? "relay" : "none";
}

/**
 * Opens the two TAP devices of a relay by the ioctl `TUNSETIFF` with `IFF_TAP | IFF_NO_PI`, and becomes the relay, which
 * inherits them. Node cannot ask for it; perl can.
 */
const DOOR = `$^F = 9;
for my $name ("eth0", "wire") {
  open(my $tap, "+<", "/dev/net/tun") or die $!;
  ioctl($tap, 0x400454ca, pack("a16 s x22", $name, 0x1002)) or die $!;
  push @taps, $tap;
}
exec @ARGV, map { fileno $_ } @taps`;
const RELAY = join(import.meta.dirname, "relay.ts");
const DOOR_OPENS_MS = 10_000;
const LOOK_MS = 20;

/** A cable, and what can be done to whatever passes it. */
export class Wire {
  readonly cable: Cable;
  readonly #delayer: "netem" | "none" | ChildProcess;

  private constructor(cable: Cable, delayer: "netem" | "none" | ChildProcess) {
    this.cable = cable;
    this.#delayer = delayer;
  }

  static plain(cable: Cable): Wire {
    return new Wire(cable, "none");
  }

  /** One whose frames can be delayed. */
  static delayed(network: Network, seed: string, how: Exclude<Delayer, "none">): Wire {
    if (how === "netem") return new Wire(network.plug(IPV4), "netem");
    const relays: ChildProcess[] = [];
    const cable = network.plugBy((ends) => void relays.push(layRelay(ends, seed)), IPV4);
    return new Wire(cable, relays[0] as ChildProcess);
  }

  /** Of a thousand packets that come or go, so many are lost. */
  lose(permille: number): void {
    const rules = ["add table inet chaos", "flush table inet chaos"];
    if (permille > 0) {
      for (const hook of ["input", "output"]) {
        rules.push(`add chain inet chaos ${hook} { type filter hook ${hook} priority 0; }`);
        const way = hook === "input" ? "iifname" : "oifname";
        rules.push(`add rule inet chaos ${hook} ${way} eth0 numgen random mod 1000 < ${permille} drop`);
      }
    }
    this.#run("nft", rules.join("; "));
  }

  /** What goes out is held to so many kilobits a second; null: as fast as it goes. */
  limit(kbit: number | null): void {
    if (kbit === null) attempt([...this.cable.within, "tc", "qdisc", "del", "dev", "eth0", "root"]);
    else {
      const bucket = ["tbf", "rate", `${kbit}kbit`, "burst", "16kb", "latency", "400ms"];
      this.#run("tc", "qdisc", "replace", "dev", "eth0", "root", ...bucket);
    }
  }

  /** Both ways, each frame by a time between these: later ones overtake earlier ones. Only on a wire that can. */
  delay(delayMs: number, jitterMs: number): void {
    if (this.#delayer === "none") throw new Error("nothing on this wire delays frames");
    if (this.#delayer !== "netem") {
      this.#delayer.stdin?.write(`${JSON.stringify({ delayMs, jitterMs })}\n`);
      return;
    }
    const half = jitterMs / 2;
    if (delayMs + jitterMs === 0) attempt([...this.cable.within, "tc", "qdisc", "del", "dev", "eth0", "root"]);
    else
      this.#run(
        "tc",
        "qdisc",
        "replace",
        "dev",
        "eth0",
        "root",
        "netem",
        "delay",
        `${2 * delayMs + half}ms`,
        `${half}ms`,
      );
  }

  end(): void {
    if (typeof this.#delayer !== "string") this.#delayer.kill("SIGKILL");
  }

  #run(...words: string[]): void {
    run([...this.cable.within, ...words]);
  }
}

function layRelay({ namespace, port, switch: far }: CableEnds, seed: string): ChildProcess {
  const words = ["netns", "exec", namespace, "perl", "-e", DOOR, process.execPath, RELAY, seed];
  const relay = spawn("ip", words, { stdio: ["pipe", "ignore", "inherit"] });
  // The device stays open in the relay wherever it is moved.
  const move = ["ip", "-n", namespace, "link", "set", "wire", "netns", far, "name", port];
  for (let waitedMs = 0; attempt(move).status !== 0; waitedMs += LOOK_MS) {
    if (waitedMs > DOOR_OPENS_MS) throw new Error("the relay did not open its devices");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
  return relay;
}

function attempt([command = "", ...words]: readonly string[]): {
  readonly status: number | null;
  readonly stderr: string;
} {
  return spawnSync(command, words, { encoding: "utf8" });
}

function run(argv: readonly string[]): void {
  const { status, stderr } = attempt(argv);
  if (status !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
}
