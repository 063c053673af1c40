import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Lab, Machine } from "./lab.ts";

/** A disk of its own for the home of a machine, in a mount namespace that everything of the machine enters. */
export class SmallDisk {
  /** The home as this process sees it. */
  readonly home: string;

  private constructor(home: string) {
    this.home = home;
  }

  /** Before anything of the machine is made. Null where nothing can be mounted: it takes root. */
  static async under(lab: Lab, machine: Machine): Promise<SmallDisk | null> {
    mkdirSync(machine.home);
    const probe = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", machine.home]);
    if (probe.status !== 0) return null;
    // A process that holds the namespace; everything else enters it.
    const script = 'mount -t tmpfs -o size=24m,mode=700 none "$1" && echo ready && exec sleep 600';
    const holder = lab.spawn("unshare", ["--mount", "sh", "-c", script, "sh", machine.home]);
    await new Promise((resolve) => holder.stdout?.once("data", resolve));
    machine.within = ["nsenter", "--mount", "--target", String(holder.pid)];
    const there = join(`/proc/${holder.pid}/root`, machine.home);
    machine.socket = join(there, "run/agent.sock");
    return new SmallDisk(there);
  }

  /** All of it but so much, and a little. */
  fill(leftBytes = 0): void {
    spawnSync("sh", ["-c", 'dd if=/dev/zero of="$1" bs=64k count=1000', "sh", this.#ballast]);
    truncateSync(this.#ballast, statSync(this.#ballast).size - leftBytes);
  }

  free(): void {
    rmSync(this.#ballast);
  }

  get #ballast(): string {
    return join(this.home, "ballast");
  }
}
