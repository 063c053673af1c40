import type { PeerKey } from "../src/core/ports/link.ts";
import type { Growth } from "../src/crdt/admission.ts";
import type { Agent } from "../src/node/agent.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** Something that a drawing of a world shows. */
export type Scene = { readonly atMs: number } & (
  | { readonly scene: "starts" | "goes"; readonly machine: string }
  /** Done to these machines, to all if there are none. */
  | { readonly scene: "act"; readonly number: number; readonly kind: string; readonly who: readonly string[] }
  /** `from` is null where somebody handed it to the machine, or it wrote it itself. */
  | {
      readonly scene: "learns";
      readonly machine: string;
      readonly from: string | null;
      readonly entries: readonly string[];
    }
  | { readonly scene: "violation"; readonly check: string; readonly detail: string }
);

/** Writes down what happens in a world, for whoever draws it. */
export class Story {
  readonly scenes: Scene[] = [];
  readonly #world: World;
  /** Short names of entries, in the order in which they were heard of. */
  readonly #names = new Map<string, string>();
  /** From whom a machine heard last, by its name. */
  readonly #heardFrom = new Map<string, PeerKey>();

  constructor(world: World) {
    this.#world = world;
    world.onArrival((machine, from) => this.#heard(machine, from));
  }

  get #atMs(): number {
    return this.#world.clock.monotonic();
  }

  /** Called with every agent that has started. */
  watch(machine: Machine, { replica }: Agent): void {
    this.scenes.push({ atMs: this.#atMs, scene: "starts", machine: machine.name });
    replica.onGrowth((growth) => this.#learns(machine, growth));
  }

  #heard(machine: string, from: PeerKey): void {
    this.#heardFrom.set(machine, from);
  }

  /** Reports and audit records are left out: there are many, and nothing follows from them. */
  #learns(machine: Machine, { entries, source }: Growth): void {
    const told = entries.filter(
      ({ header }) => header.kind === "authority" || (header.kind === "chain" && header.class !== 2),
    );
    if (told.length === 0) return;
    const from = source === "local" ? null : this.#nameOf(this.#heardFrom.get(machine.name) ?? "");
    const names = told.map(({ id, header }) =>
      this.#shortName(id, header.kind === "chain" ? `${header.seq}` : header.kind),
    );
    this.scenes.push({ atMs: this.#atMs, scene: "learns", machine: machine.name, from, entries: names });
  }

  /** Everything in order, acts and violations included. */
  all(): Scene[] {
    const { acts, violations } = this.#world;
    const scenes: Scene[] = [
      ...acts.all.map(({ atMs, number, kind, who }): Scene => ({ atMs, scene: "act", number, kind, who })),
      ...this.scenes,
      ...violations.map(({ atSeconds, check, detail }): Scene => {
        return { atMs: atSeconds * 1000, scene: "violation", check, detail: this.#inWords(detail) };
      }),
    ];
    return scenes.sort((a, b) => a.atMs - b.atMs);
  }

  /** Names in the place of ids. */
  #inWords(detail: string): string {
    return detail.replaceAll(/[0-9a-f]{64}/g, (hex) => {
      return this.#world.machines.find(({ id }) => id === hex)?.name ?? hex.slice(0, 8);
    });
  }

  #nameOf(key: PeerKey): string {
    return this.#world.machines.find((machine) => machine.key === key)?.name ?? "mole-1";
  }

  #shortName(id: string, what: string): string {
    const name = this.#names.get(id) ?? `${what}:${id.slice(0, 4)}`;
    this.#names.set(id, name);
    return name;
  }
}
