import type { Agent } from "./agent.ts";
import { verifyAudit } from "./audit-verification.ts";
import type { DeliveryReport } from "./delivery/start-delivery.ts";
import { agentChecks } from "./doctor/agent-checks.ts";
import type { Handler } from "./handlers/index.ts";
import { metricsText } from "./handlers/metrics.ts";
import { readRememberedHeads } from "./remembered-heads.ts";
import { readProcess } from "./platform/process-readings.ts";

/** Handlers of what the machine under an agent knows, and no replica does. */
export function machineHandlers(
  agent: Agent,
  home: string,
  delivery: () => DeliveryReport | null,
): Readonly<Record<string, Handler>> {
  return {
    "check.list": () => agentChecks(agent, home, delivery()),
    "audit.verify": async (input: Parameters<typeof verifyAudit>[1]) =>
      verifyAudit(agent, input, await readRememberedHeads(home)),
    metrics: () => metricsText(agent, readProcess()),
  };
}
