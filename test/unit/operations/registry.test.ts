import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { printContract } from "../../../scripts/contract.ts";
import { ERROR_KINDS, LabError } from "../../../src/core/errors.ts";
import { fromErrorBody, toErrorBody } from "../../../src/operations/error-body.ts";
import { parseInput } from "../../../src/operations/input.ts";
import { serverSchema } from "../../../src/operations/kinds/server.ts";
import { matchRoute, openApiDocument, operations } from "../../../src/operations/registry.ts";
import { serverListOperation } from "../../../src/operations/server.ts";
import { readWorld } from "../../scripts/fixture-agent.ts";

describe("the registry of operations", () => {
  it("has one operation for each name and each request", () => {
    for (const of of [operations.map(({ name }) => name), operations.map(({ method, path }) => `${method} ${path}`)]) {
      expect(new Set(of).size).toBe(of.length);
    }
  });

  it.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s accepts its example",
    (_, operation) => {
      expect(operation.input.safeParse(operation.example).error).toBeUndefined();
    },
  );

  it.each([
    ["GET", "/v1/servers", "server.list", {}],
    ["GET", "/v1/servers/web-1", "server.get", { name: "web-1" }],
    ["GET", "/v1/secret-values/mail/tls-cert", "secret.value", { path: "mail/tls-cert" }],
    ["GET", "/v1/servers/w%C3%A9b", "server.get", { name: "wéb" }],
    ["GET", "/v1/openapi.json", "openapi", {}],
  ])("%s %s is %s", (method, path, name, params) => {
    const match = matchRoute(method, path);
    expect([match?.operation.name, match?.params]).toEqual([name, params]);
  });

  it.each([
    ["POST", "/v1/servers"],
    ["GET", "/v1/servers/"],
    ["GET", "/v1/servers/a/b"],
    ["GET", "/v1/servers/%zz"],
    ["GET", "/v1/openapiXjson"],
    ["GET", "/v2/servers"],
  ])("%s %s is nothing", (method, path) => {
    expect(matchRoute(method, path)).toBeUndefined();
  });

  it("keeps fields that it does not know", () => {
    const [server] = readWorld("homelab").servers;
    expect(serverSchema.parse({ ...server, later: 1 })).toEqual({ ...server, later: 1 });
  });
});

describe("input of a request", () => {
  const read = (query: string) => parseInput(serverListOperation, { query: new URLSearchParams(query) });

  it("takes a parameter once, several times or not at all", () => {
    expect(read("")).toEqual({ selector: [], names: [], allowEmpty: false });
    expect(read("selector=web&names=a&names=b&allowEmpty=true")).toEqual({
      selector: ["web"],
      names: ["a", "b"],
      allowEmpty: true,
    });
  });

  it("is refused with the name of the field", () => {
    const audit = matchRoute("GET", "/v1/audit")!.operation;
    const refused = (query: string) => {
      try {
        return parseInput(audit, { query: new URLSearchParams(query) });
      } catch (error) {
        return [(error as LabError).code, (error as LabError).facts.field];
      }
    };
    expect(refused("limit=0")).toEqual(["Invalid", "limit"]);
    expect(refused("since=yesterday")).toEqual(["Invalid", "since"]);
    expect(refused("limit=5&since=2026-11-21T12:00:00Z")).toMatchObject({ limit: 5 });
  });

  it("does not let a body replace what the path says", () => {
    const get = matchRoute("GET", "/v1/servers/web-1")!;
    expect(parseInput(get.operation, { params: get.params, body: { name: "web-2" } })).toEqual({ name: "web-1" });
    expect(() => parseInput(get.operation, { body: [] })).toThrow("not a JSON object");
  });
});

describe("an error that travels", () => {
  it("arrives with its code and its facts", () => {
    const facts = { hint: "h", field: "f", peer: "p", asOf: "2026-11-21T12:00:00Z", notes: ["n"] };
    const arrived = fromErrorBody(JSON.parse(JSON.stringify(toErrorBody(new LabError("NotFound", "gone", facts)))));
    expect([arrived?.code, arrived?.message, arrived?.facts]).toEqual(["NotFound", "gone", facts]);
  });

  it.each([undefined, null, 1, {}, { error: 1 }, { error: { code: 1, message: "m" } }])("is not made of %j", (body) => {
    expect(fromErrorBody(body)).toBeUndefined();
  });
});

describe("OpenAPI", () => {
  const document = openApiDocument(operations) as Record<string, Record<string, Record<string, unknown>>>;

  it("describes every operation once", () => {
    const described = Object.values(document["paths"]!).flatMap((path) =>
      Object.values(path).map((operation) => (operation as { operationId: string }).operationId),
    );
    expect(described.sort()).toEqual(operations.map(({ name }) => name).sort());
  });

  it("refers only to components that it has", () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    const components = Object.keys(document["components"]!["schemas"]!);
    expect(names.filter((name) => !components.includes(name!))).toEqual([]);
    expect(components).toEqual(expect.arrayContaining(["Server", "Peer", "Status", "Meta", "Error"]));
    expect(text).not.toContain("$defs");
  });
});

describe("the contract in docs/cli.json", () => {
  it("is the one of the source (npm run prepare writes it)", () => {
    const written = readFileSync(join(import.meta.dirname, "../../../docs/cli.json"), "utf8");
    expect(written).toBe(printContract());
  });

  it("has an exit code for every error that it names", () => {
    expect(Object.values(ERROR_KINDS).every(({ exit }) => [1, 2, 4, 5, 7, 8, 124, 126, 127, 130].includes(exit))).toBe(
      true,
    );
  });
});
