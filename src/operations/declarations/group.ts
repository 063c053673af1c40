import * as z from "zod";
import { emptyable, groupName, listOf, serverName } from "./fields.ts";
import { puppetClasses } from "./puppet-classes.ts";
import { exclude, match } from "./target.ts";

export const groupSpec = z
  .strictObject({
    match: emptyable(match).optional(),
    servers: listOf(serverName).describe("Servers by name, beside those that match."),
    groups: listOf(groupName).describe("Groups whose members are members here, too."),
    exclude: emptyable(exclude).optional(),
    puppet_classes: puppetClasses().describe("Puppet classes of every member; parameters here go before a label's."),
  })
  .describe("Servers that match, that are named, or that are in the subgroups, less those that are excluded.");
