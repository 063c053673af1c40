import type { Agent } from "./agent.ts";
import { agentChecks } from "./doctor/agent-checks.ts";
import type { Handler } from "./handlers/index.ts";
import { metricsText } from "./handlers/metrics.ts";
import { readProcess } from "./platform/process-readings.ts";

/** Handlers of what the machine under an agent knows, and no replica does. */
export function machineHandlers(agent: Agent, home: string): Readonly<Record<string, Handler>> {
  return {
    "check.list": () => agentChecks(agent, home),
    metrics: () => metricsText(agent, readProcess()),
  };
}
