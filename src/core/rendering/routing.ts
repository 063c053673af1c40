import type { Backend } from "../alerts/metric.ts";
import type { ServerRecord } from "../model/server.ts";

/**
 * Which systems watch a server, so that its alerts are rendered for them: Prometheus scrapes every server; Nagios and
 * its kin look after machines that somebody has to walk to; CloudWatch sees what runs at its own provider.
 */
export function sourcesOf({ provider }: Pick<ServerRecord, "provider">): readonly Backend[] {
  switch (provider) {
    case "aws":
      return ["prometheus", "cloudwatch"];
    case "baremetal":
      return ["prometheus", "nagios"];
    default:
      return ["prometheus"];
  }
}
