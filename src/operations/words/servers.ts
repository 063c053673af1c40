import type { CommandWords } from "../command.ts";
import { DECLARED, NAME, SELECTION, list } from "./shared.ts";

/** Servers, their labels and attributes. */
export const serversCommands: readonly CommandWords[] = [
  {
    words: ["label", "server"],
    module: "label",
    summary: "Add labels to a server, or remove them with a trailing minus",
    args: [NAME, { name: "LABEL", variadic: true, complete: "label" }],
    flags: [],
    examples: [
      "lab label server web-1 web prod",
      "lab label server nas-1 secret-store",
      "lab label server nas-1 secret-store-",
    ],
  },
  {
    words: ["set", "server"],
    module: "set",
    summary: "Set attributes of a server: environment, region, provider, size",
    args: [NAME, { name: "KEY=VALUE", variadic: true, complete: "attribute" }],
    flags: [],
    examples: ["lab set server web-1 environment=prod region=eu-west"],
  },
  {
    words: ["unset", "server"],
    module: "set",
    summary: "Take attributes away from a server",
    args: [NAME, { name: "KEY", variadic: true, complete: "attribute" }],
    flags: [],
    examples: ["lab unset server web-1 region"],
  },
  list(
    "servers",
    "get-servers",
    "Servers with labels, size and their four pillars",
    [...SELECTION, ...DECLARED],
    "server",
    [
      "lab get servers",
      "lab get servers -l prod,region=eu-west -x web-2",
      "lab get servers -g production --environment prod",
      "lab get servers web-1 web-2 -o wide",
      "lab get servers -o jsonpath='{.items[*].name}'",
    ],
  ),
  list("labels", "get-labels", "Labels and what each brings", DECLARED, "label", [
    "lab get labels",
    "lab get labels web db -o yaml",
    "lab get labels -o yaml --shorthand --out labels.yaml",
  ]),
  list("groups", "get-groups", "Groups and who is in them", DECLARED, "group", [
    "lab get groups",
    "lab get groups eu-west -o json",
  ]),
  list("alerts", "get-alerts", "Alerts and whom they are about", DECLARED, "alert", [
    "lab get alerts",
    "lab get alerts disk_space_low -o wide",
  ]),
  list("sizes", "get-sizes", "Sizes and what they mean", DECLARED, "size", ["lab get sizes"]),
  {
    words: ["describe", "server"],
    module: "describe-server",
    summary: "Everything about one server",
    args: [NAME],
    flags: [],
    examples: ["lab describe server web-1"],
  },
];
