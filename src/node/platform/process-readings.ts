import { readdirSync } from "node:fs";

/** What one process holds and has used, as its operating system and Node tell it. */
export interface ProcessReadings {
  readonly startedSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  /** Outside the heap, buffers among it. */
  readonly externalBytes: number;
  /** Null where the operating system does not tell. */
  readonly openFiles: number | null;
  /** What keeps the event loop alive, by kind: timers, sockets, servers. */
  readonly resources: ReadonlyMap<string, number>;
}

export function readProcess(): ProcessReadings {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const resources = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) resources.set(kind, (resources.get(kind) ?? 0) + 1);
  return {
    startedSeconds: Date.now() / 1000 - process.uptime(),
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    openFiles: countOpenFiles(),
    resources,
  };
}

function countOpenFiles(): number | null {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return null;
  }
}
