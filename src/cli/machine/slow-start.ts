import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommandContext } from "../command.ts";

/** Whoever waits longer is told for what. */
const SLOW_MS = 1_000;
const LOOK_MS = 250;
/** What lies in a home while its store is mended (`docs/storage.md`). */
const MENDING = ["store.salvage", "store.fresh", "store.healed"];

/** Tells whoever waits for an agent to start what takes so long, until the returned function is called. */
export function tellSlowStart(ctx: CommandContext, home: string): () => void {
  const beganMs = performance.now();
  let told: "nothing" | "reading" | "mending" = "nothing";
  const timer = setInterval(() => {
    if (performance.now() - beganMs < SLOW_MS) return;
    const isMending = MENDING.some((name) => existsSync(join(home, name)));
    if (told === "nothing" && !isMending) {
      told = "reading";
      ctx.note(`reading ${join(home, "store")} …`);
    } else if (told !== "mending" && isMending) {
      told = "mending";
      ctx.note(`the store is damaged: mending it from what can be read and from the last snapshot …`);
    }
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
