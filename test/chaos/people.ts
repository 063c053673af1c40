import { randomBytes } from "node:crypto";
import { serverLabelPath } from "../../src/core/paths.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { History } from "../../sim/history.ts";
import type { Machine } from "./machine.ts";

/** Name of an operator, and of the directory in which her keys lie. */
export type Person = "alice" | "bob";

/** Opens one secret each. Nobody gives the second to a machine of the second half. */
export const SECRETS = { web: "web/tls", db: "db/password" } as const;

/** What operators do through the command line, and their own record of it, which no agent has a part in. */
export class People {
  /** The simulator's: the same checkers read it. */
  readonly history = new History();
  /** Labels of writes without an answer: they may have happened or not. */
  readonly unsure = new Set<string>();
  readonly values = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  readonly #nowMs: () => number;
  #writes = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get acknowledged(): number {
    return this.history.acknowledgements.length;
  }

  idOf(name: string): string {
    const id = this.#ids.get(name);
    if (id === undefined) throw new Error(`nobody has enrolled ${name}`);
    return id;
  }

  /** Names of the members that honest hands enrolled. */
  get members(): readonly string[] {
    return [...this.#ids.keys()];
  }

  async learnIds(through: Machine): Promise<void> {
    for (const { name, id } of await through.servers()) this.#ids.set(name, id);
  }

  /** A mesh of one machine, with two operators. Its agent runs afterwards. */
  async found(first: Machine): Promise<void> {
    await must(first, "alice", "init", "--local", "--name", "chaos", "--node", first.name, "--recovery", "later");
    await first.start();
    const key = await must(first, "bob", "operator", "request", "bob");
    await must(first, "alice", "operator", "add", "bob", "--key", key.trim());
    await this.learnIds(first);
    for (const role of ["coordinator", "secret-store"]) this.history.granted(this.idOf(first.name), role);
  }

  /** For a machine of that name, or of the name that it chooses. */
  async token(through: Machine, name: string | null): Promise<string> {
    const naming = name === null ? [] : ["--name", name];
    return (await must(through, "alice", "token", "create", ...naming)).trim();
  }

  /** What labels open, after how long an absence is an alarm, a second store, and a value of each secret. */
  async declare(first: Machine, second: Machine, servers: readonly string[], alarmAfterS: number): Promise<void> {
    const labels = Object.entries(SECRETS).map(([label, path]) => `  ${label}: { secrets: [${path}] }\n`);
    const absences = servers.map((name) => `  ${name}: { alarm_after: ${alarmAfterS}s }\n`);
    const input = `labels:\n${labels.join("")}servers:\n${absences.join("")}`;
    await must(first, "alice", "apply", "-f", "-", { input });
    await must(first, "alice", "label", "server", second.name, "secret-store");
    this.history.granted(this.idOf(second.name), "secret-store");
    for (const path of Object.values(SECRETS)) {
      const value = `canary-${randomBytes(24).toString("hex")}`;
      this.values.set(path, value);
      await must(first, "alice", "secret", "set", path, { input: value });
    }
  }

  async label(person: Person, through: Machine, server: string, label: string): Promise<void> {
    await must(through, person, "label", "server", server, label);
    this.#wrote(person, through, server, label);
  }

  /** One write, of a label that nobody has used. False if nobody said that it was done. */
  async write(person: Person, through: Machine, random: Random): Promise<boolean> {
    const label = `${person}-${++this.#writes}`;
    const server = this.members[random.below(this.members.length)] as string;
    const said = await through.lab(person, ["label", "server", server, label]);
    // No agent had it then: the operator's next command hands it over.
    const isKept = said.stderr.includes("it is signed and kept");
    if (said.exit === 0 && !isKept) {
      this.#wrote(person, through, server, label);
      return true;
    }
    this.unsure.add(label);
    return false;
  }

  /** What this machine said to have for good and does not show, by its own agent. */
  async broken(machine: Machine): Promise<string[]> {
    const shown = new Set(
      (await machine.servers()).flatMap(({ id, labels }) => labels.map((label) => `${id}/${label}`)),
    );
    return this.history
      .wordOf(machine.name)
      .map(({ entry }) => entry)
      .filter((entry) => !shown.has(entry));
  }

  #wrote(person: Person, through: Machine, server: string, label: string): void {
    const [id, atMs] = [this.idOf(server), this.#nowMs()];
    const entry = `${id}/${label}`;
    const seq = this.history.writes.length + 1;
    this.history.wrote({
      ...{ operator: person, log: person, seq, entry, hlc: { ms: atMs, count: 0 } },
      ...{ path: serverLabelPath(id, label), value: true, over: [] },
    });
    this.history.acknowledged({ entry, machine: through.name, atMs });
  }
}

/** Runs a command that has to do what it says; the last argument may be what it reads. */
async function must(
  machine: Machine,
  person: string,
  ...words: readonly (string | { readonly input: string })[]
): Promise<string> {
  const argv = words.filter((word) => typeof word === "string");
  const options = words.find((word) => typeof word !== "string");
  const { exit, stdout, stderr } = await machine.lab(person, argv, options);
  if (exit !== 0) throw new Error(`lab ${argv.join(" ")} at ${machine.name} ended with ${exit}:\n${stderr}`);
  return stdout;
}
