import { fromHex, toBase64Url } from "../src/core/bytes.ts";
import { labelPath, secretVersionPath } from "../src/core/paths.ts";
import { storeRecipients } from "../src/core/policy/entitlement.ts";
import type { Random } from "../src/core/ports/random.ts";
import { Secret } from "../src/core/secret.ts";
import { type NewSecret, prepareSealed, prepareSecret } from "../src/core/secrets/prepare.ts";
import { readVersion, writeVersion } from "../src/core/secrets/version.ts";
import type { KnownBody } from "../src/crdt/authority/bodies.ts";
import { entrySubmitOperation } from "../src/operations/entry.ts";
import { secretDeliverOperation } from "../src/operations/secret.ts";
import { secretRestoreOperation } from "../src/operations/secret-report.ts";
import type { Machine } from "./machine.ts";
import type { OperatorContext, SimOperator, Wish } from "./sim-operator.ts";
import type { World } from "./world.ts";

/** What a removed machine must hold no more. */
export const SECRET = "web/tls";

/** Agents sum up what they hold a minute after their start. */
const SUMMED_MS = 70_000;
const SETTLE_MS = 30_000;

/** What operators do in a story, one thing after the other, at a machine that runs. */
export class Hands {
  readonly world: World;
  readonly random: Random;
  #secrets = 0;

  constructor(world: World, story: string) {
    this.world = world;
    this.random = world.random.fork(story);
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
    await this.write(operator, at, [{ path: labelPath("web"), value: { secrets: [SECRET] } }]);
    await this.setSecret(operator, at, SECRET, "once");
  }

  /** A new value, in all stores that can be reached; the id of its version. In every value stands the world's marker. */
  async setSecret(
    operator: SimOperator,
    at: Machine,
    path: string,
    text: string,
    before: (version: string) => Promise<void> = async () => undefined,
  ): Promise<string> {
    const [context, secret] = await this.#newValue(operator, at, path, text);
    const prepared = prepareSecret(secret);
    const version = operator.sign(context, [{ path: secretVersionPath(path), value: prepared.metadata }]);
    this.world.history.values.set(version, this.valueOf(path, text));
    await this.world.until(operator.handOver(at, context));
    await before(version);
    await this.#deliver(at, path, version, prepared.finish(version, storeRecipients(running(at).view())));
    return version;
  }

  /**
   * The same for a value that only these machines, and whoever has these keys, can open, and no store; `before` any has
   * it, somebody may act.
   */
  async setSealed(
    operator: SimOperator,
    at: Machine,
    {
      path,
      text,
      readers,
      keys = [],
    }: { path: string; text: string; readers: readonly Machine[]; keys?: readonly string[] },
    before: (envelope: Uint8Array) => Promise<void> = async () => undefined,
  ): Promise<string> {
    const [context, secret] = await this.#newValue(operator, at, path, text);
    const nodes = running(at).view().nodes;
    const recipients = [...readers.flatMap(({ id }) => nodes.get(id)?.seal ?? []), ...keys];
    const prepared = await this.world.until(prepareSealed(secret, recipients));
    const version = operator.sign(context, [{ path: secretVersionPath(path), value: prepared.metadata }]);
    this.world.history.values.set(version, this.valueOf(path, text));
    await this.world.until(operator.handOver(at, context));
    const envelope = prepared.finish(version);
    await before(envelope);
    await this.#deliver(at, path, version, Promise.resolve(envelope));
    return version;
  }

  /** Signs that the value of an older version is current again, and has the stores make it so; the new version. */
  async returnTo(operator: SimOperator, at: Machine, path: string, older: string): Promise<string> {
    const place = secretVersionPath(path);
    const written = this.world.history.writes.find(({ entry }) => entry === older);
    const metadata = readVersion(written?.value);
    if (metadata === null) throw new Error(`${older} is no version of ${path}`);
    const context = await this.#ask(operator, at, [place]);
    const again = { heads: bytes(context.seen), tips: context.tips, restores: older, atMs: now(operator) };
    const version = operator.sign(context, [{ path: place, value: writeVersion({ ...metadata, ...again }) }]);
    this.world.history.values.set(version, this.world.history.values.get(older) ?? "");
    await this.world.until(operator.handOver(at, context));
    await this.world.until(at.call(secretRestoreOperation, { path, version }));
    return version;
  }

  /** What a reader of the path finds when this text was set. */
  valueOf(path: string, text: string): string {
    return `${this.world.marker} ${path} ${text}`;
  }

  async #deliver(at: Machine, path: string, version: string, envelope: Promise<Uint8Array>): Promise<void> {
    const given = async () => at.call(secretDeliverOperation, { path, version, envelope: toBase64Url(await envelope) });
    await this.world.until(given());
  }

  async #newValue(
    operator: SimOperator,
    at: Machine,
    path: string,
    text: string,
  ): Promise<[OperatorContext, NewSecret]> {
    const { keys, mesh } = this.world;
    const context = await this.#ask(operator, at, [secretVersionPath(path)]);
    const value = new Secret(new Uint8Array(Buffer.from(this.valueOf(path, text))));
    const random = this.random.fork(`secret ${++this.#secrets}`);
    const named = { heads: bytes(context.seen), tips: context.tips, nowMs: now(operator) };
    return [context, { keys, random, mesh, path, value, ...named }];
  }

  /** What these machines' agents sum up is where they begin. */
  async startFromBase(machines: readonly Machine[]): Promise<void> {
    for (const pauseMs of [SUMMED_MS, SETTLE_MS]) {
      for (const machine of machines) await this.world.until(machine.stop());
      for (const machine of machines) await this.world.until(machine.start());
      await this.pass(pauseMs);
    }
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

/** Hands nonsense over to a machine: its agent refuses it, and writes that into its audit. */
export async function submitNonsense(world: World, at: Machine): Promise<void> {
  await world.until(at.call(entrySubmitOperation, { entries: ["AQID"] }));
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
