import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CATALOGUE } from "../../../src/core/alerts/catalogue.ts";
import { exclusionsOf, reasonsOf } from "../../../src/core/alerts/applied.ts";
import type { Fleet } from "../../../src/core/model/fleet.ts";
import { writeLabel } from "../../../src/core/model/label.ts";
import { writeClassScan } from "../../../src/core/model/scan.ts";
import { labelPath, scanPath } from "../../../src/core/paths.ts";
import { entitledPaths, mayRead } from "../../../src/core/policy/entitlement.ts";
import type { ServerSet } from "../../../src/core/targeting/server-set.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import { type HandMadeNode, handMadeView } from "./hand-made-view.ts";
import * as oracle from "../../oracle/targeting-oracle.ts";
import { asFleetServers, randomFleet, server, shuffled, WORDS } from "../../oracle/random-fleet.ts";

const RUNS = { numRuns: 400 };

/** Everything that the program says about a fleet, as plain data. */
function everything(targeting: Targeting): unknown {
  const { groups, alerts, index } = targeting;
  const places = (set: ServerSet) => [...set];
  return {
    groups: [...groups].map(([name, { members, excluded }]) => [name, places(members), places(excluded)]).sort(byName),
    alerts: [...alerts].map(([name, alert]) => [name, alert.origin, places(alert.servers), places(alert.excluded)]),
    servers: index.servers.map((_, place) => ({
      groups: targeting.groupsOf(place),
      classes: targeting.classes.of(place),
      size: targeting.sizes.of(place),
      secrets: targeting.secrets.of(place),
      reasons: [...alerts.values()].map((alert) => reasonsOf(alert, place, targeting)),
    })),
    diagnostics: targeting.diagnostics,
  };
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}

const names = (fleet: Fleet, holds: (one: Fleet["servers"][number]) => boolean) =>
  fleet.servers.flatMap((one, place) => (holds(one) ? [place] : []));

describe("what applies where, against a reading of the declarations word for word", () => {
  it("groups have the members that their declarations give them, circles and unknown names included", () => {
    fc.assert(
      fc.property(randomFleet, (fleet) => {
        const { groups } = Targeting.of(fleet);
        for (const name of fleet.groups.keys()) {
          const { members, excluded } = groups.get(name)!;
          expect([...members]).toEqual(names(fleet, (one) => oracle.isMember(fleet, one, name)));
          const out = names(fleet, (one) => oracle.isReached(fleet, one, name) && !oracle.isMember(fleet, one, name));
          expect([...excluded]).toEqual(out);
        }
      }),
      RUNS,
    );
  });

  it("classes, their parameters and sizes are those of labels, groups and the server itself", () => {
    fc.assert(
      fc.property(randomFleet, (fleet) => {
        const targeting = Targeting.of(fleet);
        fleet.servers.forEach((one, place) => {
          const applied = targeting.classes.of(place);
          expect(new Set(applied.map(({ name }) => name))).toEqual(oracle.classes(fleet, one));
          for (const { name, parameters } of applied) expect(parameters).toEqual(oracle.parameters(fleet, one, name));
          const size = targeting.sizes.of(place);
          const told = size.state === "given" ? size.size : size.state === "clash" ? null : undefined;
          expect(told).toBe(oracle.size(fleet, one));
        });
        for (const name of WORDS.classes) {
          const having = names(fleet, (one) => oracle.classes(fleet, one).has(name));
          expect([...targeting.classes.having(name)]).toEqual(having);
        }
      }),
      RUNS,
    );
  });

  it("alerts are about the servers that target, labels and catalogue mean, and a reason is given for each", () => {
    fc.assert(
      fc.property(randomFleet, (fleet) => {
        const targeting = Targeting.of(fleet);
        for (const name of [...WORDS.alerts, ...Object.keys(CATALOGUE)]) {
          const alert = targeting.alerts.get(name);
          const about = names(fleet, (one) => oracle.isAlerted(fleet, one, name));
          expect(alert === undefined ? [] : [...alert.servers]).toEqual(about);
          if (alert === undefined) continue;
          for (const place of alert.servers) expect(reasonsOf(alert, place, targeting)).not.toEqual([]);
          for (const place of alert.excluded) expect(exclusionsOf(alert, place, targeting)).not.toEqual([]);
        }
      }),
      RUNS,
    );
  });

  it("secrets are those of labels and of the code of their classes, and of nothing else", () => {
    fc.assert(
      fc.property(randomFleet, (fleet) => {
        const targeting = Targeting.of(fleet);
        fleet.servers.forEach((one, place) => {
          const paths = targeting.secrets.of(place).map(({ path }) => path);
          expect(paths).toEqual([...oracle.secrets(fleet, one)].sort());
        });
      }),
      RUNS,
    );
  });

  it("the order in which declarations are given never changes anything", () => {
    fc.assert(
      fc.property(
        randomFleet,
        fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 9 }),
        (fleet, order) => {
          expect(everything(Targeting.of(shuffled(fleet, order)))).toEqual(everything(Targeting.of(fleet)));
        },
      ),
      RUNS,
    );
  });

  it("going on from what was known before gives what computing anew gives", () => {
    const changes = fc.array(fc.record({ place: fc.nat(6), into: server }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        randomFleet,
        fc.array(changes, { minLength: 1, maxLength: 4 }),
        randomFleet,
        (fleet, rounds, other) => {
          let known = Targeting.of(fleet);
          let servers = fleet.servers;
          for (const [i, round] of rounds.entries()) {
            for (const { place, into } of round) {
              servers = servers.map((one, at) =>
                at === place ? { ...into, id: one.id, name: one.name, standing: one.standing } : one,
              );
            }
            // Now and then declarations change with the servers, or the servers are others.
            const declared = i % 2 === 0 ? fleet : other;
            if (i === 2) servers = asFleetServers([...servers].reverse());
            const now = { ...declared, servers };
            known = Targeting.of(now, known);
            expect(everything(known)).toEqual(everything(Targeting.of(now)));
          }
        },
      ),
      RUNS,
    );
  });
});

describe("the compiled policy", () => {
  it("grants a node exactly what a plain reading of the declarations grants it, path by path", () => {
    fc.assert(
      fc.property(randomFleet, (fleet) => {
        const { view, ids } = viewOfFleet(fleet);
        for (const [place, id] of ids) {
          const paths = [...oracle.secrets(fleet, fleet.servers[place]!)].sort();
          expect(entitledPaths(view, id)).toEqual(paths);
          const all = [...WORDS.secrets, "web", "web/tls/x", "*", ""];
          expect(all.filter((path) => mayRead(view, id, path)).sort()).toEqual(paths);
        }
      }),
      RUNS,
    );
  });
});

/** The members of a fleet and what is declared, as a view has them. */
function viewOfFleet(fleet: Fleet) {
  const nodes: Record<string, HandMadeNode> = {};
  const ids = new Map<number, string>();
  fleet.servers.forEach((one, place) => {
    if (one.id === null) return;
    ids.set(place, one.id);
    const state = one.standing === "suspended" ? ("suspended" as const) : ("active" as const);
    const naming = one.standing === "contested" ? ("contested" as const) : ("owned" as const);
    nodes[`${place}`] = { id: one.id, name: one.name, state, naming, labels: one.labels };
  });
  const desired = Object.fromEntries([
    ...[...fleet.labels].map(([name, label]) => [labelPath(name), writeLabel(label)] as const),
    ...[...fleet.scans].map(([name, scan]) => [scanPath(name), writeClassScan(scan)] as const),
  ]);
  return { view: handMadeView(nodes, desired), ids };
}
