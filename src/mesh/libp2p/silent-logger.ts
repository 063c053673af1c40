import type { ComponentLogger, Logger } from "@libp2p/interface";

const SILENT: Logger = Object.assign(() => undefined, {
  error: () => undefined,
  trace: () => undefined,
  enabled: false,
  newScope: () => SILENT,
});

/**
 * libp2p makes a logger for each stream, and its own asks the terminal about colours every time, also while nobody
 * listens. What matters of a link stands in the log of the agent.
 */
export const silentLogger: ComponentLogger = { forComponent: () => SILENT };
