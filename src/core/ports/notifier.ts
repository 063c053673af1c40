import type { AlarmChannel } from "../model/alarm-route.ts";
import type { Secret } from "../secret.ts";

/** What a person, or a program of theirs, is told. Its JSON is a promise: members are only added. */
export interface AlarmNotice {
  readonly v: 1;
  readonly mesh: string;
  /** - `raised`: it has begun, or goes on and nobody has acknowledged it · `resolved`: it is over */
  readonly state: "raised" | "resolved";
  readonly alarm: {
    readonly id: string;
    readonly kind: string;
    readonly severity: string;
    readonly about: string;
    /** Name of the server that it concerns; null if it concerns none. */
    readonly server: string | null;
    /** What is wrong, and what to do. */
    readonly detail: string;
    /** RFC 3339. */
    readonly since: string;
    readonly until: string | null;
  };
  readonly route: string;
  /** The machine that tells it. */
  readonly from: string;
  readonly time: string;
  /** The same for the same message: whoever is told twice can know it. */
  readonly delivery: string;
}

/** The ways out of a machine. */
export interface Notifier {
  /** Names of the programs that this machine has for routes. */
  programs(): Promise<readonly string[]>;
  /**
   * Resolves when the other side has taken it. Throws otherwise, within the time that the channel allows; the message
   * of what is thrown is shown to people.
   */
  send(channel: AlarmChannel, notice: AlarmNotice, secret: Secret | null): Promise<void>;
}
