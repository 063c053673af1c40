/**
 * Guards that must matter: each is taken out of a copy of the sources, and the simulator must see it. What ships has no
 * switch for any of this; a mutant whose expression is gone from the sources stops the run, so that it is written anew.
 */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly guard: string;
  readonly without: string;
  /** How the simulator runs to see it; an ordinary world of three minutes unless this is said. */
  readonly run?: readonly string[];
}
