import { readFileSync } from "node:fs";

const PRESSURE = "/proc/pressure/cpu";

/**
 * Begins to watch how busy the machine is. What it returns tells the share of the time since in which something that
 * could have run waited for a core; null where the kernel does not say. Agents that wait are late, and are taken for gone.
 */
export function watchPressure(): () => number | null {
  const [beganMs, beganUs] = [performance.now(), waitedUs()];
  return () => {
    const nowUs = waitedUs();
    if (beganUs === null || nowUs === null) return null;
    return (nowUs - beganUs) / 1000 / (performance.now() - beganMs);
  };
}

function waitedUs(): number | null {
  try {
    const [, total] = /^some .*total=(\d+)$/m.exec(readFileSync(PRESSURE, "utf8")) ?? [];
    return total === undefined ? null : Number(total);
  } catch {
    return null;
  }
}
