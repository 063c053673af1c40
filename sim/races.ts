import { fromHex, toHex } from "../src/core/bytes.ts";
import {
  decodeEnrolAnswer,
  ENROL_CHANNEL,
  encodeEnrolRequest,
  joinMessage,
  tokenSecretHash,
} from "../src/core/enrolment.ts";
import type { SealIdentity, Signer } from "../src/core/ports/keys.ts";
import type { LinkEvents } from "../src/core/ports/link.ts";
import type { Random } from "../src/core/ports/random.ts";
import { Secret } from "../src/core/secret.ts";
import { checkConvergence, hasConverged } from "./checkers/convergence.ts";
import { CALM } from "./fault-plan.ts";
import type { SimLink } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { RunReport } from "./run.ts";
import { describe, World, type WorldOptions } from "./world.ts";

export interface RaceOptions extends Omit<WorldOptions, "nodes"> {
  /** Each is a cut, with tokens raced for meanwhile. */
  readonly rounds: number;
  /** Tokens of a round. */
  readonly tokens: number;
}

const NODES = 5;
const RIVALS = 3;
const TIMEOUT_MS = 5_000;
const TRIES = 4;
const PAUSE_MS = 2_000;
const ROUND_MS = 40_000;
const CONVERGE_WITHIN_MS = 120_000;

/** A stranger that has somebody's token. */
interface Rival {
  readonly link: SimLink;
  readonly signer: Signer;
  readonly seal: SealIdentity;
  /** What it was told: `enrolled` is a promise. */
  answer: "none" | "enrolled" | "refused";
}

interface Race {
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
  readonly issuer: Machine;
  /** Whether the token says what its machine is called; else each rival has a name of its own. */
  readonly isNamed: boolean;
  readonly rivals: readonly Rival[];
}

/**
 * Several strangers have the same token and knock at once, at its issuer and at the other coordinator, while the mesh is
 * cut in two and coordinators lose power. One of them becomes a member, or none, and whoever was told to be one is one.
 */
export async function runRaces({ rounds, tokens, ...options }: RaceOptions): Promise<RunReport> {
  const { seed } = options;
  const world = await World.create({ ...options, nodes: NODES });
  const random = world.random.fork("races");
  const faults = { cut: 0, crash: 0, race: 0 };
  const races: Race[] = [];
  let convergedSeconds: number | null = null;
  try {
    await world.until(Promise.all(world.machines.map((machine) => machine.start())));
    world.network.setLoss(0.01);
    await world.clock.runUntil(world.clock.monotonic() + 10_000);
    await secondCoordinator(world);
    for (let round = 0; round < rounds; round++) {
      const begun = await mint(world, random, tokens);
      races.push(...begun);
      faults.race += begun.length;
      const [left, right] = sidesOf(world, random);
      world.network.cut(left, right);
      faults.cut++;
      for (const race of begun)
        for (const rival of race.rivals) world.begin("a rival", () => compete(world, random, race, rival));
      for (const machine of coordinatorsOf(world))
        if (random.below(2) === 0) faults.crash += crash(world, random, machine);
      await world.clock.runUntil(world.clock.monotonic() + ROUND_MS);
      world.network.heal();
      await world.clock.runUntil(world.clock.monotonic() + PAUSE_MS);
      checkWinners(world, races);
    }
    world.network.setLoss(0);
    const healedMs = world.clock.monotonic();
    while (convergedSeconds === null && world.clock.monotonic() < healedMs + CONVERGE_WITHIN_MS) {
      await world.clock.runUntil(world.clock.monotonic() + 500);
      if (hasConverged(world)) convergedSeconds = (world.clock.monotonic() - healedMs) / 1000;
    }
    checkConvergence(world);
    checkWinners(world, races);
    checkPromises(world, races);
  } catch (error) {
    world.violated("no-throw", describe(error));
  }
  return {
    seed,
    traceHash: world.trace.digest(),
    virtualSeconds: Math.round(world.seconds * 1000) / 1000,
    convergedSeconds,
    events: world.clock.ran,
    writes: 0,
    plan: CALM,
    faults,
    acts: faults.cut + faults.crash,
    pairs: [],
    states: [],
    sometimes: world.sometimes,
    errors: world.errors,
    violations: world.violations,
  };
}

/** A round may find a token's issuer and another coordinator on two sides. */
async function secondCoordinator(world: World): Promise<void> {
  const machine = world.machines[1] as Machine;
  const context = await world.until(world.alice.ask(machine, []));
  if (context === null) throw new Error("alice is not known");
  world.alice.act(context, {
    type: "role",
    node: bytes(machine.id),
    label: "coordinator",
    at: world.clock.monotonic(),
  });
  await world.until(world.alice.handOver(machine, context));
  await world.clock.runUntil(world.clock.monotonic() + 15_000);
}

function coordinatorsOf({ machines }: World): readonly Machine[] {
  return machines.slice(0, 2);
}

/** Alice makes tokens at one of the coordinators; each gets into the hands of several strangers. */
async function mint(world: World, random: Random, count: number): Promise<Race[]> {
  const issuer = coordinatorsOf(world)[random.below(2)] as Machine;
  const roleLog = issuer.agent?.view().roleLog(issuer.id, "coordinator");
  const context = await world.until(world.alice.ask(issuer, []));
  if (context === null || roleLog === undefined) throw new Error(`${issuer.name} mints no tokens`);
  const races: Race[] = [];
  for (let i = 0; i < count; i++) {
    const [id, secret] = [random.bytes(16), random.bytes(32)];
    const rivals = await Promise.all(Array.from({ length: RIVALS }, () => rivalIn(world, random)));
    const isNamed = random.below(2) === 0;
    races.push({ id, secret, issuer, isNamed, rivals });
    const at = world.alice.clock.now();
    world.alice.act(context, {
      type: "token",
      id,
      secretHash: tokenSecretHash(world.keys, secret),
      name: isNamed ? `guest-${toHex(id).slice(0, 8)}` : null,
      labels: [],
      attributes: {},
      roles: [],
      issuer: bytes(roleLog),
      nbf: at - 600_000,
      exp: at + 3_600_000,
      at,
    });
  }
  await world.until(world.alice.handOver(issuer, context));
  return races;
}

async function rivalIn(world: World, random: Random): Promise<Rival> {
  const signer = world.keys.signer(new Secret(random.bytes(32)));
  const seal = await world.keys.createSealIdentity();
  const key = toHex(signer.publicKey);
  // Nobody dials a stranger: where it is only has to be its own.
  const link = world.network.createLink(key, `guest-${key.slice(0, 16)}:7444`);
  const events: LinkEvents = {
    standing: () => "stranger",
    opened: () => undefined,
    closed: () => undefined,
    request: () => Promise.reject(new Error("a stranger answers nothing")),
    broadcast: () => "taken",
    discovered: () => undefined,
  };
  await link.start(events);
  return { link, signer, seal, answer: "none" };
}

/** Knocks until it is told something, as `lab join` would be called again. */
async function compete(world: World, random: Random, race: Race, rival: Rival): Promise<void> {
  const { keys, mesh } = world;
  const { signer, seal, link } = rival;
  const proof = signer.sign(joinMessage(mesh, signer.publicKey, seal.recipient));
  const name = race.isNamed ? null : `guest-${toHex(signer.publicKey).slice(0, 16)}`;
  const body = encodeEnrolRequest({
    tokenId: race.id,
    secret: race.secret,
    seal: seal.recipient,
    proof,
    after: null,
    name,
  });
  const clock = world.clock.clockFor(`rival ${toHex(keys.hash(signer.publicKey)).slice(0, 8)}`);
  const pause = (mostMs: number) => new Promise<void>((resolve) => void clock.after(random.below(mostMs), resolve));
  await pause(PAUSE_MS / 10);
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const coordinators = coordinatorsOf(world);
    // Now and then at the wrong door: only the issuer may let anybody in.
    const door = random.below(4) === 0 ? (coordinators[random.below(2)] as Machine) : race.issuer;
    try {
      await link.dial(door.key, [door.address], TIMEOUT_MS);
      const answer = decodeEnrolAnswer(await link.request(door.key, ENROL_CHANNEL, body, TIMEOUT_MS));
      if (answer.state === "enrolled") {
        world.reached(rival.answer === "enrolled" ? "enrolled again" : "enrolled");
        rival.answer = "enrolled";
        // Who was answered may ask again, and gets the same answer.
        if (random.below(2) === 0) return;
      } else if (door === race.issuer) {
        world.reached("refused");
        if (rival.answer === "none") rival.answer = "refused";
        return;
      }
    } catch {
      world.reached("no answer");
    }
    await pause(2 * PAUSE_MS);
  }
}

/** The power fails while strangers knock, and is back soon. */
function crash(world: World, random: Random, machine: Machine): number {
  world.clock.after(random.below(PAUSE_MS / 5), () => {
    machine.crash();
    world.clock.after(500 + random.below(PAUSE_MS), () => world.begin(`${machine.name} starts`, () => machine.start()));
  });
  return 1;
}

function sidesOf({ machines }: World, random: Random): readonly [readonly string[], readonly string[]] {
  const keys = machines.map(({ key }) => key);
  const [left, right] = [keys.slice(0, 1), keys.slice(1, 2)];
  for (const key of keys.slice(2)) (random.below(2) === 0 ? left : right).push(key);
  return [left, right];
}

/** No view ever has two members by one token, or one by a token of another issuer's. */
function checkWinners(world: World, races: readonly Race[]): void {
  for (const { name, agent } of world.running) {
    const view = agent?.view();
    if (view === undefined) continue;
    for (const { id } of races) {
      const token = view.tokens.find((one) => one.id === toHex(id));
      const active = (token?.redeemedBy ?? []).filter((node) => view.nodes.get(node)?.state === "active");
      const keys = new Set(active.map((node) => view.nodes.get(node)?.key));
      if (keys.size > 1) world.violated("tokens", `${name} takes ${keys.size} machines for members by one token`);
    }
  }
}

/** Whoever was told that it is a member is one everywhere, and whoever was refused is none. */
function checkPromises(world: World, races: readonly Race[]): void {
  for (const { rivals } of races) {
    const told = rivals.filter(({ answer }) => answer === "enrolled");
    if (told.length > 1)
      world.violated("tokens", `${told.length} strangers were told that one token made them members`);
    for (const { signer, answer } of rivals) {
      const key = toHex(signer.publicKey);
      for (const { name, agent } of world.running) {
        const isMember = agent?.view().nodeByKey(key)?.state === "active";
        if (answer === "enrolled" && !isMember)
          world.violated("tokens", `${name} does not know whom a coordinator enrolled`);
        if (answer === "refused" && isMember)
          world.violated("tokens", `${name} takes for a member whom a coordinator refused`);
      }
    }
  }
}

function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === null) throw new Error(`not hex: ${hex}`);
  return found;
}
