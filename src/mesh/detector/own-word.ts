import type { PeerKey } from "../../core/ports/link.ts";
import { isDoubt } from "./table.ts";
import { MAX_INCARNATION, type OwnWord, type Voice, type Word } from "./word.ts";

/** What this node says of itself. */
export class Own {
  readonly #self: PeerKey;
  readonly #voice: Voice;
  #word: Word;

  /** `incarnation`: wall clock of the start, or anything that is greater than that of the last run. */
  constructor(self: PeerKey, voice: Voice, incarnation: number) {
    this.#self = self;
    this.#voice = voice;
    this.#word = this.#say("alive", Math.min(Math.max(1, Math.floor(incarnation)), MAX_INCARNATION));
  }

  get word(): Word {
    return this.#word;
  }

  get incarnation(): number {
    return this.#word.incarnation;
  }

  get state(): "running" | "leaving" {
    return this.#word.status === "left" ? "leaving" : "running";
  }

  leave(): void {
    this.#word = this.#say("left", this.incarnation);
  }

  /**
   * What others hold of this node. Whatever is not so is refuted with the next incarnation; one that is greater than
   * this run's counts only with this node's own signature.
   * - `right`: nothing to say against it
   * - `outdated`: an earlier run said it, and the clock has gone back since
   * - `refuted`: somebody doubts this node
   */
  judge({ incarnation, status, signature }: Word): "right" | "outdated" | "refuted" {
    if (this.state === "leaving" || incarnation < this.incarnation || incarnation >= MAX_INCARNATION) return "right";
    if (incarnation === this.incarnation && status === "alive") return "right";
    const said = status === "left" ? "left" : "alive";
    if (incarnation > this.incarnation && !this.#voice.isOwn(this.#self, said, incarnation, signature)) return "right";
    this.#word = this.#say("alive", incarnation + 1);
    return isDoubt(status) || status === "unreachable" ? "refuted" : "outdated";
  }

  #say(status: OwnWord, incarnation: number): Word {
    const signature = this.#voice.sign(status, incarnation);
    return { member: this.#self, incarnation, status, accusers: [], signature };
  }
}
