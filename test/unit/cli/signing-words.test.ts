import { describe, expect, test } from "vitest";
import { deviceName } from "../../../src/cli/machine/device-name.ts";
import { readLabels } from "../../../src/cli/commands/label.ts";
import { readPairs } from "../../../src/cli/commands/set.ts";

describe("the words of lab label", () => {
  test("add, and remove with a trailing minus", () => {
    expect(readLabels(["web", "prod-", "k8s-worker", "web"])).toEqual({ add: ["web", "k8s-worker"], remove: ["prod"] });
  });

  test.each([
    [["web", "web-"], /cannot be added and removed at once/, undefined],
    [["app=web"], /"app=web" is not a label/, 'labels have no values; choose a label like "web"'],
    [["region=eu"], /is not a label/, 'labels have no values; write "lab set server NAME region=eu"'],
    [["-"], /"-" is not a label/, undefined],
    [["Web"], /"Web" is not a label/, undefined],
  ])("are refused when they make no sense: %s", (words, message, hint) => {
    expect(() => readLabels(words)).toThrow(message);
    if (hint !== undefined)
      expect(() => readLabels(words)).toThrow(expect.objectContaining({ facts: { field: "label", hint } }));
  });
});

describe("the words of lab set", () => {
  test("are attributes with values", () => {
    expect(readPairs(["region=eu-west", "size=large"])).toEqual({ region: "eu-west", size: "large" });
  });

  test.each([
    [["region"], '"region" is not KEY=VALUE'],
    [["regoin=eu"], '"regoin" is not an attribute of a server'],
    [["region=EU West"], '"EU West" is not a value for region'],
    [["region="], '"" is not a value for region'],
    [["region=eu", "region=us"], 'region was given twice: "eu" and "us"'],
  ])("are refused when they make no sense: %s", (words, message) => {
    expect(() => readPairs(words)).toThrow(message);
  });
});

describe("the name of this device", () => {
  test.each([
    ["nas-1", "nas-1"],
    ["Alice's MacBook.local", "alice-s-macbook"],
    ["web_1.example.org", "web-1"],
    ["", "device"],
    ["日本", "device"],
    [`${"a".repeat(62)}-b`, "a".repeat(62)],
  ])("of host %s is %s", (host, name) => {
    expect(deviceName(host)).toBe(name);
  });
});
