import { compareHlc, type Hlc } from "../src/core/hlc.ts";
import { equalJson, type Json } from "../src/core/json.ts";

/** One write of one honest operator, as it was meant. */
export interface HonestWrite {
  readonly operator: string;
  /** Hex of the operator's log. */
  readonly log: string;
  readonly seq: number;
  readonly entry: string;
  readonly hlc: Hlc;
  readonly path: string;
  /** Undefined removes. */
  readonly value: Json | undefined;
  /** Entries whose write at the path the writer saw and replaces. */
  readonly over: readonly string[];
}

/** An agent's word that it has an entry for good. */
export interface Acknowledgement {
  readonly entry: string;
  readonly machine: string;
  readonly atMs: number;
}

/**
 * What honest hands did, written down by those who did it. Checkers compare views with this and never with what the
 * agents' own code makes of entries.
 */
export class History {
  readonly writes: HonestWrite[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  /** How many there were when a machine's disk was set back, by machine. */
  readonly #setBack = new Map<string, number>();
  readonly #damaged = new Set<string>();
  /** Versions of secrets whose value some store said to have for good. */
  readonly delivered = new Set<string>();
  /** By operator: the paths that each of their batches of several entries writes, all of them, and nobody else. */
  readonly batchPaths = new Map<string, readonly string[]>();
  /** Entries of such batches. */
  readonly batchEntries = new Set<string>();
  /** Ids of every entry of operators that honest hands signed. */
  readonly signed = new Set<string>();
  /** Ids of what operators and machines who turned signed, and had the right to: what it is worth, the rules say. */
  readonly turned = new Set<string>();
  /** What each version of a secret is, in the clear, by hex of the entry that wrote it. */
  readonly values = new Map<string, string>();
  /** Role labels in the order in which one operator, who knows all of her own acts, gave and took them. */
  readonly #roles = new Map<string, Set<string>>();
  /** Labels and role labels that a server ever had, by server. */
  readonly #ever = new Map<string, Set<string>>();
  #heard: (acknowledgement: Acknowledgement) => void = () => undefined;
  readonly #byPath = new Map<string, HonestWrite[]>();
  /** By path, until it is written again. */
  readonly #standings = new Map<string, readonly HonestWrite[]>();
  /** By server, until anything is written again. */
  readonly #labels = new Map<string, readonly string[]>();

  wrote(write: HonestWrite): void {
    this.writes.push(write);
    this.signed.add(write.entry);
    this.#standings.delete(write.path);
    this.#labels.clear();
    const known = this.#byPath.get(write.path);
    if (known === undefined) this.#byPath.set(write.path, [write]);
    else known.push(write);
    const [kind, server, field, name] = write.path.split("/");
    if (kind === "server" && field === "label" && write.value === true) this.#hadOnce(server as string, name as string);
  }

  granted(server: string, role: string): void {
    this.#labels.clear();
    const roles = this.#roles.get(server);
    if (roles === undefined) this.#roles.set(server, new Set([role]));
    else roles.add(role);
    this.#hadOnce(server, role);
  }

  withdrew(server: string, role: string): void {
    this.#labels.clear();
    this.#roles.get(server)?.delete(role);
  }

  acknowledged(acknowledgement: Acknowledgement): void {
    this.acknowledgements.push(acknowledgement);
    this.#heard(acknowledgement);
  }

  /** What this machine said before was on a disk that somebody took away; others have it. */
  setBack(machine: string): void {
    this.#setBack.set(machine, this.acknowledgements.length);
  }

  /** Records of this machine's disk are damaged, and some start will find it: then what builds on them waits for peers. */
  damaged(machine: string): void {
    this.#damaged.add(machine);
  }

  get hasDamage(): boolean {
    return this.#damaged.size > 0;
  }

  /** What the present disk of a machine has to hold. */
  wordOf(machine: string): readonly Acknowledgement[] {
    if (this.#damaged.has(machine)) return [];
    const since = this.acknowledgements.slice(this.#setBack.get(machine) ?? 0);
    return since.filter((word) => word.machine === machine);
  }

  /** Calls `listener` in the moment of every acknowledgement. */
  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): void {
    this.#heard = listener;
  }

  /** Labels that, once everybody knows everything, name the path of a secret, or have a class whose code names it. */
  openersOf(path: string): string[] {
    return this.paths.flatMap((at) => {
      if (!at.startsWith("label/")) return [];
      const { secrets = [], puppetClasses = [] } = (this.winner(at)?.value ?? {}) as {
        readonly secrets?: readonly string[];
        readonly puppetClasses?: readonly string[];
      };
      const named = puppetClasses.flatMap((name) => {
        const scan = this.winner(`scan/${name}`)?.value as { readonly references?: readonly { path: string }[] };
        return (scan?.references ?? []).map((reference) => reference.path);
      });
      return [...secrets, ...named].includes(path) ? [at.slice("label/".length)] : [];
    });
  }

  /** True if some honest hand ever gave this server this label. */
  everLabelled(server: string, label: string): boolean {
    return this.#ever.get(server)?.has(label) === true;
  }

  #hadOnce(server: string, label: string): void {
    const labels = this.#ever.get(server);
    if (labels === undefined) this.#ever.set(server, new Set([label]));
    else labels.add(label);
  }

  rolesOf(server: string): ReadonlySet<string> {
    return this.#roles.get(server) ?? new Set();
  }

  /** What must stand at a path once everybody knows everything. */
  winner(path: string): HonestWrite | undefined {
    return this.#standing(path)[0];
  }

  /** Whether two hands wrote different things at a path without seeing each other's, and nobody has settled it. */
  isContested(path: string): boolean {
    const [first, ...others] = this.#standing(path);
    return others.some(({ value }) => !equalJson(value, first?.value));
  }

  /** The writes that none replaces, the one that counts first: cause before clock, and clocks only break ties. */
  #standing(path: string): readonly HonestWrite[] {
    let standing = this.#standings.get(path);
    if (standing === undefined) {
      standing = this.#findStanding(path);
      this.#standings.set(path, standing);
    }
    return standing;
  }

  #findStanding(path: string): readonly HonestWrite[] {
    const writes = this.#byPath.get(path) ?? [];
    const replaced = new Set(writes.flatMap(({ over }) => over));
    const last = new Map<string, HonestWrite>();
    for (const write of writes) if (write.seq > (last.get(write.log)?.seq ?? 0)) last.set(write.log, write);
    const candidates = [...last.values()].filter(({ entry }) => !replaced.has(entry));
    return candidates.sort((a, b) => compareHlc(b.hlc, a.hlc) || (a.log < b.log ? 1 : -1));
  }

  get paths(): readonly string[] {
    return [...this.#byPath.keys()];
  }

  /** Labels that a server must have once everybody knows everything, sorted. */
  labelsOf(server: string): readonly string[] {
    let labels = this.#labels.get(server);
    if (labels === undefined) {
      labels = this.#findLabels(server);
      this.#labels.set(server, labels);
    }
    return labels;
  }

  #findLabels(server: string): readonly string[] {
    const prefix = `server/${server}/label/`;
    const labels = new Set(this.rolesOf(server));
    for (const path of this.paths) {
      if (path.startsWith(prefix) && this.winner(path)?.value === true) labels.add(path.slice(prefix.length));
    }
    return [...labels].sort();
  }
}
