import type { CommandWords } from "../command.ts";

/** What is made of desired state for other programs. */
export const renderingCommands: readonly CommandWords[] = [
  {
    words: ["render", "alerts"],
    module: "render-alerts",
    summary: "Alerts as configuration of Prometheus, Nagios or CloudWatch",
    details:
      "Writes files below --out DIR and removes those that an earlier run wrote there and that are no more. Without " +
      "--out it prints them. What a backend cannot be told is listed with the reason.",
    args: [],
    flags: [
      {
        name: "backend",
        value: "NAME",
        choices: ["prometheus", "nagios", "cloudwatch"],
        summary: "prometheus, nagios (Naemon too) or cloudwatch",
      },
    ],
    examples: [
      "lab render alerts --backend prometheus --out /etc/prometheus/lab",
      "lab render alerts --backend nagios --out /etc/nagios4/conf.d/lab",
    ],
  },
];
