import { read, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { seededRandom } from "../../sim/random.ts";

/*
 * node relay.ts SEED NEAR FAR: carries Ethernet frames between two TAP devices that it inherits as open files, each after
 * a delay that is drawn for it. A line of JSON on standard input, {"delayMs": 40, "jitterMs": 20}, sets from when to when:
 * with jitter, later frames overtake earlier ones.
 */

const [seed = "1", near = "3", far = "4"] = process.argv.slice(2);
const FRAME_BYTES = 2_048;
const random = seededRandom(`relay ${seed}`);
let [delayMs, jitterMs] = [0, 0];

function carry(from: number, to: number): void {
  const frame = Buffer.alloc(FRAME_BYTES);
  read(from, frame, 0, FRAME_BYTES, null, (error, bytes) => {
    // The machine at this end is gone.
    if (error !== null) process.exit(0);
    const after = delayMs + (jitterMs > 0 ? random.below(jitterMs + 1) : 0);
    const deliver = (): void => {
      try {
        writeSync(to, frame, 0, bytes);
      } catch {
        // Its interface is down: a frame that nobody takes is lost.
      }
    };
    if (after === 0) deliver();
    else setTimeout(deliver, after);
    carry(from, to);
  });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const set = JSON.parse(line) as { readonly delayMs: number; readonly jitterMs: number };
  [delayMs, jitterMs] = [set.delayMs, set.jitterMs];
});
carry(Number(near), Number(far));
carry(Number(far), Number(near));
