import { decode, encode, MalformedError, type Plain } from "../../core/encoding.ts";
import type { Notice } from "../../core/ports/exchange.ts";
import type { GraphEntry } from "../authority/graph.ts";
import type { RemovalProof } from "../removal.ts";
import { MESSAGE_BYTES } from "./exchange.ts";

/**
 * Tells a machine that it was removed, in the words of an exchange (`docs/protocol/sync.md`): it is given the cut, then
 * asked whether it has it. Whoever was here until a moment ago has all that the cut builds on and says yes; whoever was
 * away for long is given that, too. Nothing that it says is taken.
 */
export class RemovalNotice implements Notice {
  readonly request: Uint8Array;
  readonly #proof: RemovalProof;
  #phase: "cuts" | "question" | "whole" = "cuts";
  #left: readonly GraphEntry[];

  constructor(proof: RemovalProof) {
    this.#proof = proof;
    this.#left = proof.whole;
    this.request = give(proof.cuts);
  }

  next(answer: Uint8Array): Uint8Array | null {
    switch (this.#phase) {
      case "cuts":
        this.#phase = "question";
        return encode({
          q: "want",
          authority: this.#proof.cuts.map(({ entry }) => entry.hash),
          chains: [],
          observed: [],
        });
      case "question":
        if (countOf(answer) >= this.#proof.cuts.length) return null;
        this.#phase = "whole";
        return this.#more();
      case "whole":
        return this.#more();
    }
  }

  #more(): Uint8Array | null {
    if (this.#left.length === 0) return null;
    let bytes = 0;
    const end = this.#left.findIndex(({ entry }, i) => (bytes += entry.bytes.length) > MESSAGE_BYTES && i > 0);
    const part = end === -1 ? this.#left : this.#left.slice(0, end);
    this.#left = this.#left.slice(part.length);
    return give(part);
  }
}

function give(entries: readonly GraphEntry[]): Uint8Array {
  return encode({ q: "give", entries: entries.map(({ entry }) => entry.bytes) });
}

/** How many entries the machine says it has of those it was asked for. */
function countOf(answer: Uint8Array): number {
  const message = decode(answer);
  const isMap = message !== null && typeof message === "object" && !(message instanceof Uint8Array);
  const entries = isMap && !Array.isArray(message) ? (message as Record<string, Plain | undefined>)["entries"] : null;
  if (!Array.isArray(entries)) throw new MalformedError("not an answer");
  return entries.length;
}
