import { type AppliedAlert, appliedAlerts } from "../alerts/applied.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Fleet } from "../model/fleet.ts";
import { ClassSources } from "./class-sources.ts";
import { diagnosticsOf } from "./diagnostics.ts";
import { type Memberships, membershipsOf } from "./group-members.ts";
import { ServerIndex } from "./server-index.ts";
import { ServerSecrets } from "./server-secrets.ts";
import type { ServerSet } from "./server-set.ts";
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
  #byName: readonly { readonly name: string; readonly members: ServerSet }[] | null = null;
  #diagnostics: readonly Diagnostic[] | null = null;

  /** What is given as `before` is of the same servers in the same places. */
  private constructor(fleet: Fleet, index: ServerIndex, before?: Targeting) {
    this.fleet = fleet;
    this.index = index;
    this.memberships = membershipsOf(fleet.groups, index, before);
    this.classes = new ClassSources(fleet, index, this.groups);
    this.sizes = new ServerSizes(fleet, index);
    this.secrets = new ServerSecrets(fleet, index);
    this.alerts = appliedAlerts(this, before);
  }

  /** Goes on from an earlier state where the same servers are still there: what nothing has changed for is kept. */
  static of(fleet: Fleet, before?: Targeting): Targeting {
    const index = before?.index.changed(fleet.servers);
    return index ? new Targeting(fleet, index, before) : new Targeting(fleet, ServerIndex.of(fleet.servers));
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
    this.#byName ??= [...this.groups.values()]
      .map(({ group, members }) => ({ name: group.name, members }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const found: string[] = [];
    for (const { name, members } of this.#byName) if (members.has(place)) found.push(name);
    return found;
  }
}
