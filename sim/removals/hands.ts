import { fromHex, toBase64Url } from "../../src/core/bytes.ts";
import type { Json } from "../../src/core/json.ts";
import { labelPath, secretVersionPath } from "../../src/core/paths.ts";
import { storeRecipients } from "../../src/core/policy/entitlement.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { Secret } from "../../src/core/secret.ts";
import { prepareSecret } from "../../src/core/secrets/prepare.ts";
import type { KnownBody } from "../../src/crdt/authority/bodies.ts";
import { secretDeliverOperation } from "../../src/operations/secret.ts";
import type { Machine } from "../machine.ts";
import type { OperatorContext, SimOperator, Wish } from "../sim-operator.ts";
import type { World } from "../world.ts";

/** What a removed machine must hold no more. */
export const SECRET = "web/tls";

/** What operators do in this story, one thing after the other, at a machine that runs. */
export class Hands {
  readonly world: World;
  readonly random: Random;

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork("removals");
  }

  async pass(durationMs: number): Promise<void> {
    await this.world.clock.runUntil(this.world.clock.monotonic() + durationMs);
  }

  /** Lets time pass until it holds; false if it never does. */
  async until(withinMs: number, holds: () => boolean): Promise<boolean> {
    const untilMs = this.world.clock.monotonic() + withinMs;
    while (!holds()) {
      if (this.world.clock.monotonic() >= untilMs) return false;
      await this.pass(250);
    }
    return true;
  }

  /** The id of the entry. */
  async write(operator: SimOperator, at: Machine, wishes: readonly Wish[]): Promise<string> {
    return this.#with(
      operator,
      at,
      wishes.map(({ path }) => path),
      (context) => operator.sign(context, wishes),
    );
  }

  /** Signs it now, and hands it over to whomever later. */
  async withhold(
    operator: SimOperator,
    at: Machine,
    wishes: readonly Wish[],
  ): Promise<{ readonly entry: string; handOver(to: Machine): Promise<void> }> {
    const context = await this.#ask(
      operator,
      at,
      wishes.map(({ path }) => path),
    );
    const entry = operator.sign(context, wishes);
    return { entry, handOver: (to) => this.world.until(operator.handOver(to, context)) };
  }

  async act(operator: SimOperator, at: Machine, body: KnownBody): Promise<string> {
    return this.#with(operator, at, [], (context) => operator.act(context, body));
  }

  /** Takes the machine out of the mesh. */
  async remove(operator: SimOperator, at: Machine, whom: Machine): Promise<string> {
    const keeps = [{ log: bytes(whom.id), a: null, l: null }];
    return this.act(operator, at, { type: "cut", key: bytes(whom.key), keeps, reason: "stolen", at: now(operator) });
  }

  /** A label that opens one secret, and its value. */
  async declareSecret(operator: SimOperator, at: Machine): Promise<void> {
    const { keys, marker, mesh } = this.world;
    await this.write(operator, at, [{ path: labelPath("web"), value: { secrets: [SECRET] } }]);
    const context = await this.#ask(operator, at, [secretVersionPath(SECRET)]);
    const prepared = prepareSecret({
      keys,
      random: this.random.fork("secret"),
      mesh,
      path: SECRET,
      value: new Secret(new Uint8Array(Buffer.from(`${marker} ${SECRET}`))),
      heads: bytes(context.seen),
      tips: context.tips,
      nowMs: now(operator),
    });
    const version = operator.sign(context, [{ path: secretVersionPath(SECRET), value: prepared.metadata as Json }]);
    await this.world.until(operator.handOver(at, context));
    await this.world.until(
      (async () => {
        const recipients = storeRecipients(running(at).view());
        const envelope = toBase64Url(await prepared.finish(version, recipients));
        await at.call(secretDeliverOperation, { path: SECRET, version, envelope });
      })(),
    );
  }

  async #with(
    operator: SimOperator,
    at: Machine,
    paths: readonly string[],
    sign: (context: OperatorContext) => string,
  ): Promise<string> {
    const context = await this.#ask(operator, at, paths);
    const id = sign(context);
    await this.world.until(operator.handOver(at, context));
    return id;
  }

  async #ask(operator: SimOperator, at: Machine, paths: readonly string[]): Promise<OperatorContext> {
    const context = await this.world.until(operator.ask(at, paths));
    if (context === null) throw new Error(`${at.name} does not know ${operator.name}`);
    return context;
  }
}

export function running({ agent, name }: Machine): NonNullable<Machine["agent"]> {
  if (agent === null) throw new Error(`no agent runs on ${name}`);
  return agent;
}

export function now(operator: SimOperator): number {
  return operator.clock.now();
}

export function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === null) throw new Error(`not hex: ${hex}`);
  return found;
}

export function keysOf(machines: readonly Machine[]): string[] {
  return machines.map(({ key }) => key);
}

export function others(machines: readonly Machine[], ...without: readonly Machine[]): Machine[] {
  return machines.filter((machine) => !without.includes(machine));
}
