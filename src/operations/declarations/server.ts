import * as z from "zod";
import { duration, labelName, listOf, name, quantity } from "./fields.ts";
import { puppetClasses } from "./puppet-classes.ts";

export const serverSpec = z
  .strictObject({
    provider: name("a provider").optional().describe("Where the machine comes from: aws, proxmox, baremetal …"),
    labels: listOf(labelName).describe(
      "Labels that it carries. Those of roles are authority, and need the right admin.",
    ),
    environment: name("an environment").optional().describe("The one environment that it is in."),
    region: name("a region").optional().describe("The one region that it is in."),
    size: name("a size").optional().describe("Its size; decides where its labels disagree."),
    puppet_classes: puppetClasses().describe("Puppet classes of its own; parameters here go before all others."),
    disks: listOf(quantity).describe("Sizes of its disks."),
    availability: z
      .enum(["always", "intermittent"])
      .optional()
      .describe("Whether it is expected to be there; a laptop is not (default: always)."),
    alarm_after: duration.optional().describe("How long it may be away before an alarm is raised."),
  })
  .describe("One machine. Until it has joined it is pending, and its join token brings what stands here.");
