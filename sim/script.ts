import { toHex } from "../src/core/bytes.ts";
import { DiskFullError } from "../src/core/ports/disk.ts";
import { labelPath, serverLabelPath } from "../src/core/paths.ts";
import { envelopeKey } from "../src/core/secrets/stored-envelope.ts";
import { ENTRIES } from "../src/node/agent.ts";
import { Hands } from "./hands.ts";
import type { Machine } from "./machine.ts";
import { startAll } from "./told.ts";
import { World } from "./world.ts";

/*
 * Scenarios as text. A line that begins with `> ` is a command; what stands below it, two spaces in, is what it printed.
 * Other lines are for people. The same script prints the same for ever, or something has changed.
 */

const COMMAND = "> ";
const INDENT = "  ";
const YEAR_MS = 365 * 86_400_000;

/** The script with what its commands print now. Throws for a command that it does not understand. */
export async function playScript(script: string): Promise<string> {
  const lines: string[] = [];
  const stage = new Stage();
  for (const line of script.split("\n")) {
    if (line.startsWith(INDENT)) continue;
    lines.push(line);
    if (!line.startsWith(COMMAND)) continue;
    const printed = await stage.play(line.slice(COMMAND.length).trim());
    lines.push(...printed.map((text) => `${INDENT}${text}`));
  }
  return lines.join("\n");
}

class Stage {
  #world: World | null = null;
  #hands: Hands | null = null;
  /** Disks as they were when their machines had joined and not started yet. */
  readonly #fresh = new Map<string, ReadonlyMap<string, Uint8Array>>();

  get world(): World {
    if (this.#world === null) throw new Error("the first command is: world MACHINES");
    return this.#world;
  }

  get hands(): Hands {
    this.#hands ??= new Hands(this.world, "script");
    return this.#hands;
  }

  async play(command: string): Promise<string[]> {
    const [verb = "", ...words] = command.split(/\s+/);
    switch (verb) {
      case "world":
        return this.#begin(Number(words[0]));
      case "wait":
        await this.world.clock.runUntil(this.world.clock.monotonic() + Number(words[0]) * 1000);
        return [];
      case "alice":
      case "bob":
        return this.#write(verb, words);
      case "cut":
      case "one-way":
        return this.#cut(verb, words);
      case "heal":
        this.world.network.heal();
        return [];
      case "labels":
        return this.#grouped((machine) => this.#labelsOf(words[0] ?? "", machine));
      case "declare":
        return this.#declare(words);
      case "secret":
        return this.#setSecret(words);
      case "reads":
        return this.#grouped((machine) => this.#held(words[0] ?? "", machine));
      case "agree":
        return this.#states();
      case "thinks":
        return this.#opinionsOf(this.#machine(words[0]));
      case "damage":
        return this.#damageOf(this.#machine(words[0]));
      default:
        return this.#happen(verb, this.#machine(words[0]), words.slice(1));
    }
  }

  async #begin(nodes: number): Promise<string[]> {
    this.#world = await World.create({ seed: "script", nodes });
    for (const { disk, name } of this.world.machines) this.#fresh.set(name, disk.image());
    await startAll(this.world);
    await this.world.clock.runUntil(10_000);
    return [this.world.machines.map(({ name }) => name).join(" ")];
  }

  #machine(name = ""): Machine {
    const found = this.world.machines.find((machine) => machine.name === name);
    if (found === undefined) throw new Error(`no machine is called "${name}"`);
    return found;
  }

  /** `alice label SERVER LABEL at MACHINE`, or `unlabel`. */
  async #write(who: "alice" | "bob", [verb, server, label = "", , at]: readonly string[]): Promise<string[]> {
    const { world } = this;
    const [operator, machine] = [world[who], this.#machine(at)];
    const path = serverLabelPath(this.#machine(server).id, label);
    const context = await world.until(operator.ask(machine, [path]));
    if (context === null) return [`${who} does not sign at ${machine.name}`];
    operator.sign(context, [{ path, value: verb === "label" ? true : undefined }]);
    try {
      await world.until(operator.handOver(machine, context));
      return [`durable on ${machine.name}`];
    } catch (error) {
      if (error instanceof DiskFullError) return [`${machine.name}: ${error.message}`];
      throw error;
    }
  }

  /** `declare LABEL SECRET at MACHINE`. */
  async #declare([label = "", secret, , at]: readonly string[]): Promise<string[]> {
    const { alice } = this.world;
    await this.hands.write(alice, this.#machine(at), [{ path: labelPath(label), value: { secrets: [secret ?? ""] } }]);
    return [`durable on ${at}`];
  }

  /** `secret PATH WORD at MACHINE`. */
  async #setSecret([path = "", word = "", , at]: readonly string[]): Promise<string[]> {
    const version = await this.hands.setSecret(this.world.alice, this.#machine(at), path, word);
    const key = `role/secret-store/${envelopeKey({ path, version })}`;
    const stores = this.world.machines.filter(({ disk, isDown }) => !isDown && disk.keysNow.includes(key));
    return [stores.length === 0 ? "no store has it" : `in ${stores.map(({ name }) => name).join(" ")}`];
  }

  /** What a machine has without asking anybody. */
  #held(path: string, { agent }: Machine): string {
    if (agent === null) return "down";
    const held = agent.cache.held(path);
    if (held === null) return "nothing";
    const word = Buffer.from(held.value.reveal()).toString().split(" ").at(-1);
    return held.state === "fresh" ? `"${word}"` : `"${word}", which is not the latest`;
  }

  /** `cut A B | C`: nothing passes between them. `one-way A | B`: nothing comes from A to B. */
  #cut(verb: string, words: readonly string[]): string[] {
    const bar = words.indexOf("|");
    const keys = (names: readonly string[]) => names.map((name) => this.#machine(name).key);
    this.world.network.cut(keys(words.slice(0, bar)), keys(words.slice(bar + 1)), verb === "cut" ? "both" : "forth");
    return [];
  }

  async #happen(verb: string, machine: Machine, words: readonly string[]): Promise<string[]> {
    switch (verb) {
      case "crash":
        machine.crash();
        return [];
      case "start":
        await this.world.until(machine.start());
        return [];
      case "rebuild":
        // Its keys are all that is left: as after a join, it begins with the mesh's first entries and nothing else.
        machine.crash();
        machine.disk.setBack(this.#fresh.get(machine.name) ?? new Map());
        await this.world.until(machine.start());
        return [];
      case "pause":
        machine.pause();
        return [];
      case "resume":
        machine.goOn();
        return [];
      case "fill":
        machine.disk.full = true;
        return [];
      case "free":
        machine.disk.full = false;
        return [];
      case "flip":
        for (const key of machine.disk.keysNow.filter((name) => name.startsWith(`${ENTRIES}c/`)))
          machine.disk.flipBit(key);
        return [];
      case "clock":
        machine.clock.skew({ offsetMs: words[0] === "+1y" ? YEAR_MS : -YEAR_MS });
        return [];
      default:
        throw new Error(`no such command: ${verb}`);
    }
  }

  #labelsOf(server: string, { agent }: Machine): string {
    const labels = agent?.view().labelsOf(this.#machine(server).id);
    return labels === undefined ? "down" : `[${labels.join(" ")}]`;
  }

  /** States have letters: what they are called inside may change with every release. */
  #states(): string[] {
    const letters = new Map<string, string>();
    return this.#grouped(({ agent }) => {
      if (agent === null) return "down";
      const hash = toHex(agent.replica.stateHash());
      const letter = letters.get(hash) ?? String.fromCharCode(65 + letters.size);
      letters.set(hash, letter);
      return `state ${letter}`;
    });
  }

  #opinionsOf({ agent }: Machine): string[] {
    if (agent === null) return ["down"];
    const others = this.world.machines.filter(({ key }) => key !== agent.self.key);
    return others.map(({ name, key }) => `${name}: ${agent.mesh.verdict(key)?.verdict ?? "unknown"}`);
  }

  #damageOf({ agent }: Machine): string[] {
    return agent === null ? ["down"] : [`${agent.replica.damaged.length} records damaged at its start`];
  }

  /** Machines that say the same on one line. */
  #grouped(say: (machine: Machine) => string): string[] {
    const groups = new Map<string, string[]>();
    for (const machine of this.world.machines)
      groups.set(say(machine), [...(groups.get(say(machine)) ?? []), machine.name]);
    return [...groups].map(([said, names]) => `${names.join(" ")}: ${said}`);
  }
}
