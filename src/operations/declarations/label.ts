import * as z from "zod";
import { listOf, name, secretReference } from "./fields.ts";
import { puppetClasses } from "./puppet-classes.ts";

const port = z.int().min(1, "a port is between 1 and 65535").max(65535, "a port is between 1 and 65535");

export const labelSpec = z
  .strictObject({
    puppet_classes: puppetClasses().describe("Puppet classes, each by name or as a map from its name to parameters."),
    ports: listOf(port).describe("TCP ports that the service listens on; some bring checks of their own."),
    size: name("a size").optional().describe("Size of the machines, unless a server says otherwise."),
    alerts: listOf(name("the name of an alert")).describe("Checks of the catalogue, or alerts declared here, by name."),
    secrets: listOf(secretReference).describe("Secrets that servers with the label may read. This is the grant."),
  })
  .describe("What every server that carries the label gets. The label * means every enrolled server.");
