import * as z from "zod";
import { groupName, labelReference, listOf, name, serverName } from "./fields.ts";

/** The one rule of targeting, as groups and alerts write it. */

const matchFields = {
  labels: listOf(labelReference).describe("Has any of these labels."),
  all_labels: listOf(labelReference).describe("Has all of these labels."),
  environment: listOf(name("an environment")).describe("Is in any of these environments."),
  region: listOf(name("a region")).describe("Is in any of these regions."),
  provider: listOf(name("a provider")).describe("Comes from any of these providers."),
  servers: listOf(serverName).describe("Is any of these servers."),
};

export const match = z.strictObject(matchFields).describe("Servers for which all keys hold; within a key, any value.");

export const exclude = z
  .strictObject({
    servers: matchFields.servers,
    labels: matchFields.labels,
    groups: listOf(groupName).describe("Is in any of these groups."),
    environment: matchFields.environment,
    region: matchFields.region,
    provider: matchFields.provider,
  })
  .describe("Servers for which any key holds are left out.");

export const target = z
  .strictObject({
    ...matchFields,
    groups: listOf(groupName).describe("Is in any of these groups."),
    exclude: exclude.optional(),
  })
  .describe("Where it applies; without one, to every server.");
