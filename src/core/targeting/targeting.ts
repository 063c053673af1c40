import { type AppliedAlert, appliedAlerts } from "../alerts/applied.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Fleet } from "../model/fleet.ts";
import { ClassSources } from "./class-sources.ts";
import { diagnosticsOf } from "./diagnostics.ts";
import { type Memberships, membershipsOf } from "./group-members.ts";
import { ServerIndex } from "./server-index.ts";
import { ServerSecrets } from "./server-secrets.ts";
import { ServerSizes } from "./server-sizes.ts";

/** What applies where in one fleet, in both directions. Pure, and the same on every peer with the same entries. */
export class Targeting {
  readonly fleet: Fleet;
  readonly index: ServerIndex;
  readonly memberships: Memberships;
  readonly classes: ClassSources;
  readonly sizes: ServerSizes;
  readonly secrets: ServerSecrets;
  /** By name, sorted. */
  readonly alerts: ReadonlyMap<string, AppliedAlert>;
  #diagnostics: readonly Diagnostic[] | null = null;

  private constructor(fleet: Fleet, index: ServerIndex) {
    this.fleet = fleet;
    this.index = index;
    this.memberships = membershipsOf(fleet.groups, index);
    this.classes = new ClassSources(fleet, index, this.groups);
    this.sizes = new ServerSizes(fleet, index);
    this.secrets = new ServerSecrets(fleet, index);
    this.alerts = appliedAlerts(this);
  }

  /**
   * Goes on from an earlier state where the same servers are still there. Only the index remembers: groups, alerts and
   * the rest are a few thousand operations on sets, and computing them anew leaves nothing behind to be wrong.
   */
  static of(fleet: Fleet, before?: Targeting): Targeting {
    return new Targeting(fleet, before?.index.changed(fleet.servers) ?? ServerIndex.of(fleet.servers));
  }

  get groups(): Memberships["byName"] {
    return this.memberships.byName;
  }

  /** What does not fit together, and hints; computed when it is first asked for. */
  get diagnostics(): readonly Diagnostic[] {
    this.#diagnostics ??= diagnosticsOf(this);
    return this.#diagnostics;
  }

  /** Names of the groups that the server is in, sorted. */
  groupsOf(place: number): string[] {
    const found: string[] = [];
    for (const [name, { members }] of this.groups) if (members.has(place)) found.push(name);
    return found.sort();
  }
}
