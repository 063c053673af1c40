import { FleetReader } from "../core/model/fleet-reader.ts";
import { Targeting } from "../core/targeting/targeting.ts";
import type { View } from "../core/view.ts";

/** What applies where, by the latest view of one replica: worked out when it is asked for, from what has changed. */
export class ReplicaTargeting {
  readonly #view: () => View;
  readonly #reader = new FleetReader();
  #latest: Targeting | undefined;

  constructor(view: () => View) {
    this.#view = view;
  }

  current(): Targeting {
    const fleet = this.#reader.read(this.#view());
    if (this.#latest?.fleet !== fleet) this.#latest = Targeting.of(fleet, this.#latest);
    return this.#latest;
  }
}
