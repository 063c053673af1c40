import { belongsTo } from "../../src/core/delivery/consumers.ts";
import type { PlacedFile } from "../../src/core/delivery/generation.ts";
import { parseTemplate, type Template } from "../../src/core/delivery/template.ts";
import type { Agent } from "../../src/node/agent.ts";
import { SecretDelivery } from "../../src/node/delivery/secret-delivery.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { SimSecretDirectory } from "./directory.ts";

/** The account that `web/tls` is declared to belong to, which every machine has, and one that owns nothing. */
export const OWNER = { name: "www-data", uid: 33 };
export const NOBODY_UID = 65_534;
const ROOT = { uid: 0, gid: 0 };
const QUIET = { write: () => undefined };

export const TEMPLATE = "templates.d/app.ini";
const TEMPLATE_TEXT = "#lab reload: app.service\nkey={{ secret web/key }}\ntls={{ secret web/tls }}\n";

/** How the programs of one machine get its secrets: the delivery that ships, over memory of the world. */
export class DeliverySite {
  readonly machine: Machine;
  readonly directory: SimSecretDirectory;
  /** When each unit was told last. */
  readonly told = new Map<string, number>();
  /** When what a unit reads changed last, since the boot: at that nobody is told. */
  readonly changed = new Map<string, number>();
  readonly #world: World;
  readonly #templates: readonly Template[];
  #placed: readonly PlacedFile[] = [];

  /** `look` is called whenever something else is visible. */
  constructor(world: World, machine: Machine, look: (site: DeliverySite) => void) {
    this.#world = world;
    this.machine = machine;
    const random = world.random.fork(`directory ${machine.name}`);
    this.#templates = [parseTemplate("app.ini", Buffer.from(TEMPLATE_TEXT))];
    this.directory = new SimSecretDirectory(machine.clock, random, () => look(this));
  }

  /** As the host does with every agent that starts. */
  attach(agent: Agent): void {
    const { cache, self, platform } = agent;
    this.#placed = [];
    const delivery = new SecretDelivery({
      cache,
      self,
      view: () => agent.view(),
      directory: this.directory,
      accounts: {
        uidOf: async (name) => (name === OWNER.name ? OWNER.uid : null),
        gidOf: async () => null,
      },
      own: ROOT,
      templates: async () => ({ templates: this.#templates, refused: [] }),
      reload: async (unit) => void this.told.set(unit, this.#world.clock.monotonic()),
      keys: platform.keys,
      clock: platform.clock,
      log: QUIET,
      placed: async (files) => {
        this.#placed = files;
      },
    });
    agent.watch(({ event }) => event === "growth" && delivery.viewChanged());
    this.#world.begin(`delivery on ${this.machine.name}`, () => delivery.start());
  }

  /** What an account gets that asks the agent; null if it is none of its business. */
  ask(uid: number, path: string): string | null {
    if (!belongsTo(this.#placed, uid, path)) return null;
    const held = this.machine.agent?.cache.held(path) ?? null;
    return held === null ? null : Buffer.from(held.value.reveal()).toString();
  }
}
