import type { PeerKey } from "../../core/ports/link.ts";
import type { CompareAnswer, ErrandAnswer, Line, ProbeMessage } from "./message.ts";
import type { Word } from "./word.ts";

/** What happens to a detector. */
export type DetectorEvent =
  | { readonly event: "members"; readonly keys: readonly PeerKey[] }
  | { readonly event: "opened" | "heard"; readonly peer: PeerKey }
  /** `agreed`: this node ended it, or was told before that the other one would. */
  | { readonly event: "closed"; readonly peer: PeerKey; readonly by: "agreement" | "them" }
  | { readonly event: "probed"; readonly peer: PeerKey; readonly message: ProbeMessage }
  /** Null: it answered that it does not know what a probe is. */
  | {
      readonly event: "answered";
      readonly peer: PeerKey;
      readonly probe: number;
      readonly message: ProbeMessage | null;
    }
  /** `answer` is null if whoever was asked did not answer itself. */
  | {
      readonly event: "errand-done";
      readonly about: PeerKey;
      readonly by: PeerKey;
      readonly answer: ErrandAnswer | null;
    }
  | { readonly event: "dial-failed"; readonly peer: PeerKey; readonly tookMs: number }
  /** They are not connected, and nobody has ever said where they listen. */
  | { readonly event: "no-address"; readonly peers: readonly PeerKey[] }
  | { readonly event: "broadcast"; readonly words: readonly Word[]; readonly from: PeerKey }
  | { readonly event: "compared"; readonly peer: PeerKey; readonly answer: CompareAnswer }
  /** `jumped`: this machine slept or has moved, and its connections may be dead. */
  | { readonly event: "woke" | "jumped" | "goodbye" };

/** What it wants done. */
export type DetectorEffect =
  | { readonly effect: "probe"; readonly peer: PeerKey; readonly probe: number; readonly message: ProbeMessage }
  | {
      readonly effect: "errand";
      readonly by: PeerKey;
      readonly about: PeerKey;
      readonly mayDial: boolean;
      readonly words: readonly Word[];
    }
  | { readonly effect: "compare"; readonly peer: PeerKey; readonly lines: readonly Line[] }
  /** What that peer wanted to know, in a message of its own. */
  | { readonly effect: "tell"; readonly peer: PeerKey; readonly message: ProbeMessage }
  | { readonly effect: "broadcast"; readonly words: readonly Word[] }
  | { readonly effect: "redial" | "hang-up" | "changed"; readonly peer: PeerKey }
  /** Instead of any other time before. */
  | { readonly effect: "wake"; readonly atMs: number }
  | { readonly effect: "isolation" };
