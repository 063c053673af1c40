import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../sim/random.ts";
import type { PeerKey } from "../../../src/core/ports/link.ts";
import { DEGREE, type DegreePlan, planDegree, RING, ringNeighbours, wantedDegree } from "../../../src/mesh/degree.ts";
import { keyOf, numbered } from "./homelab.ts";

const keysOf = (count: number) => numbered("nas", count).map(keyOf).sort();

/** Nodes that plan one after the other, as often as it takes, and dial what they have planned. */
class Fleet {
  readonly keys: readonly PeerKey[];
  readonly connections: ReadonlyMap<PeerKey, Set<PeerKey>>;
  readonly #failing: ReadonlyMap<PeerKey, Set<PeerKey>>;
  readonly #random = seededRandom("fleet");
  readonly #canReach: (a: PeerKey, b: PeerKey) => boolean;

  constructor(count: number, canReach: (a: PeerKey, b: PeerKey) => boolean = () => true) {
    this.keys = keysOf(count);
    this.connections = new Map(this.keys.map((key) => [key, new Set()]));
    this.#failing = new Map(this.keys.map((key) => [key, new Set()]));
    this.#canReach = canReach;
  }

  plan(self: PeerKey, idle: readonly PeerKey[] = []): DegreePlan {
    const members = this.keys.filter((key) => key !== self);
    const [connected, failing] = [this.connections.get(self)!, this.#failing.get(self)!];
    return planDegree({ self, members, connected, failing, idle }, this.#random);
  }

  settle(): void {
    let changed = true;
    while (changed) {
      changed = false;
      for (const self of this.keys) {
        for (const peer of this.plan(self).dial) {
          changed = true;
          this.#dial(self, peer);
        }
      }
    }
  }

  degree(key: PeerKey): number {
    return this.connections.get(key)!.size;
  }

  reachableFrom(key: PeerKey): ReadonlySet<PeerKey> {
    const reached = new Set([key]);
    for (const at of reached) for (const next of this.connections.get(at)!) reached.add(next);
    return reached;
  }

  #dial(self: PeerKey, peer: PeerKey): void {
    if (!this.#canReach(self, peer)) {
      this.#failing.get(self)!.add(peer);
      return;
    }
    this.connections.get(self)!.add(peer);
    this.connections.get(peer)!.add(self);
  }
}

const counts = fc.integer({ min: 1, max: 60 });

describe("the degree planner", () => {
  it("connects any number of nodes, each of them well and none of them with all", () => {
    fc.assert(
      fc.property(counts, (count) => {
        const fleet = new Fleet(count);
        fleet.settle();
        expect(fleet.reachableFrom(fleet.keys[0]!).size).toBe(count);
        for (const key of fleet.keys) {
          expect(fleet.degree(key)).toBeGreaterThanOrEqual(wantedDegree(count - 1));
          expect(fleet.degree(key)).toBeLessThanOrEqual(3 * DEGREE);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("connects those that live when any others are dead", () => {
    fc.assert(
      fc.property(counts, fc.nat(), (count, seed) => {
        const random = seededRandom(`dead ${seed}`);
        const dead = new Set(keysOf(count).filter(() => random.below(2) === 0));
        const fleet = new Fleet(count, (a, b) => !dead.has(a) && !dead.has(b));
        fleet.settle();
        const living = fleet.keys.filter((key) => !dead.has(key));
        for (const key of living) expect(fleet.reachableFrom(key).size).toBe(living.length);
      }),
      { numRuns: 30 },
    );
  });

  it("never stops to try across a cut, wherever it runs", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), (count, seed) => {
        const random = seededRandom(`cut ${seed}`);
        const [first, ...others] = keysOf(count);
        const left = new Set([first, ...others.slice(1).filter(() => random.below(2) === 0)]);
        const fleet = new Fleet(count, (a, b) => left.has(a) === left.has(b));
        fleet.settle();
        const across = fleet.keys.flatMap((self) =>
          fleet.plan(self).retry.filter((peer) => left.has(peer) !== left.has(self)),
        );
        expect(across.length).toBeGreaterThan(0);
      }),
      { numRuns: 30 },
    );
  });

  it("lets the next that may answer stand in for ring neighbours that do not, and goes on trying those", () => {
    const [self, ...members] = keysOf(30) as [PeerKey, ...PeerKey[]];
    const failing = new Set(members.slice(0, 5));
    const connected = new Set(members.slice(-DEGREE));
    const plan = planDegree({ self, members, connected, failing, idle: [] }, seededRandom("next"));
    expect(plan).toEqual({ dial: members.slice(5, 5 + RING), retry: members.slice(0, 5), spare: [] });
  });

  it("tries everybody while it has too few connections", () => {
    const [self, ...members] = keysOf(20) as [PeerKey, ...PeerKey[]];
    const input = { self, members, connected: new Set<PeerKey>(), failing: new Set(members), idle: [] };
    expect([...planDegree(input, seededRandom("alone")).retry].sort()).toEqual(members);
  });

  it("gives up idle connections beyond the degree, the longest idle first, but no ring neighbours", () => {
    const [self, ...members] = keysOf(30) as [PeerKey, ...PeerKey[]];
    const neighbours = ringNeighbours(self, members);
    const strangers = members.filter((peer) => !neighbours.has(peer));
    const connected = new Set([...neighbours, ...strangers.slice(0, DEGREE)]);
    const idle = [...neighbours, ...strangers.slice(0, DEGREE)];
    const { spare } = planDegree({ self, members, connected, failing: new Set(), idle }, seededRandom("idle"));
    expect(neighbours.size).toBe(2 * RING);
    expect(spare).toEqual(strangers.slice(0, 2 * RING));
  });
});
