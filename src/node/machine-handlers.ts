import type { Agent } from "./agent.ts";
import { verifyAudit } from "./audit-verification.ts";
import { NOWHERE, type RunningDelivery } from "./delivery/running-delivery.ts";
import { agentChecks } from "./doctor/agent-checks.ts";
import { makeBackup } from "./handlers/backup.ts";
import type { Handler } from "./handlers/index.ts";
import { metricsText } from "./handlers/metrics.ts";
import { readRememberedHeads } from "./remembered-heads.ts";
import { readPreSharedKey } from "./platform/pre-shared-key.ts";
import { readProcess } from "./platform/process-readings.ts";

/** Handlers of what the machine under an agent knows, and no replica does. */
export function machineHandlers(
  agent: Agent,
  home: string,
  delivery: RunningDelivery | null,
): Readonly<Record<string, Handler>> {
  return {
    "check.list": () => agentChecks(agent, home, delivery?.report() ?? null),
    "agent.ready": async () => ({ status: (await delivery?.untilPlaced()) ?? NOWHERE }),
    "audit.verify": async (input: Parameters<typeof verifyAudit>[1]) =>
      verifyAudit(agent, input, await readRememberedHeads(home)),
    "backup.make": async (input: Parameters<typeof makeBackup>[1], asker) =>
      makeBackup(agent, input, await readPreSharedKey(home), asker),
    metrics: () => metricsText(agent, readProcess()),
  };
}
