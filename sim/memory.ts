import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the compiler makes of functions that run often: it grows for an hour, and no agent holds it. */
const CODE = /code|trusted|read_only/;

/** Bytes of all objects and buffers of the process once its garbage is collected. */
export function bytesInUse(): number {
  const collect = collector();
  // What only the first of them lets go of the second one takes.
  collect();
  collect();
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => !CODE.test(space_name));
  return spaces.reduce((sum, { space_used_size }) => sum + space_used_size, process.memoryUsage().external);
}

/** Node hides it unless it is started with a flag, or, as here, asked for it later. */
function collector(): () => void {
  const { gc } = globalThis;
  if (gc !== undefined) return () => gc();
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
