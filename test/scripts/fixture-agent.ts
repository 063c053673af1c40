import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { httpStatusOf, LabError, NotFoundError } from "../../src/core/errors.ts";
import type { Json } from "../../src/core/json.ts";
import { nearest } from "../../src/core/nearest.ts";
import { labelPath } from "../../src/core/paths.ts";
import { type ServerLike, selectServers } from "../../src/core/selector/select.ts";
import { toErrorBody } from "../../src/operations/error-body.ts";
import { parseInput } from "../../src/operations/input.ts";
import { matchRoute } from "../../src/operations/registry.ts";

/** What the agent of a golden script knows: one of the files under `worlds/`. */
export interface World {
  readonly meta: { readonly peer: string; readonly asOf: string };
  readonly servers: readonly ServerLike[];
  readonly values: Readonly<Record<string, string>>;
  /** What it answers to an operation, where that is neither one of its lists nor derived from them. */
  readonly answers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [list: string]: unknown;
}

export function readWorld(name: string): World {
  return JSON.parse(readFileSync(join(import.meta.dirname, "worlds", `${name}.json`), "utf8")) as World;
}

/** A real HTTP server on a unix socket that answers by the operations' contracts. */
export class FixtureAgent {
  readonly socket: string;
  /** Set to change what it knows; followers are told. */
  world: World;
  readonly requests: { readonly url: string; readonly peer: string | undefined }[] = [];
  readonly #server: Server;
  readonly #followers = new Set<ServerResponse>();
  #events = 0;

  constructor(socket: string, world: World) {
    this.socket = socket;
    this.world = world;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socket, resolve));
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  get followers(): number {
    return this.#followers.size;
  }

  tell(event: string, data: unknown): void {
    this.#events++;
    const text = `: still here\n\nevent: ${event}\nid: ${this.#events}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const follower of this.#followers) follower.write(text);
  }

  hangUp(): void {
    for (const follower of this.#followers) follower.end();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://lab");
    const peer = request.headers["lab-peer"];
    this.requests.push({ url: request.url ?? "", peer: typeof peer === "string" ? peer : undefined });
    try {
      const route = matchRoute(request.method ?? "", url.pathname);
      if (!route) throw new LabError("NotFound", `${url.pathname} does not exist`);
      const input = parseInput(route.operation, { params: route.params, query: url.searchParams });
      if (route.operation.kind === "stream") {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.flushHeaders();
        this.#followers.add(response);
        response.on("close", () => this.#followers.delete(response));
        return;
      }
      const answer = this.#ask(route.operation.name, input as Record<string, never>);
      if (answer instanceof Uint8Array) {
        response.writeHead(200, { "content-type": "application/octet-stream" }).end(answer);
      } else {
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      }
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      const body = JSON.stringify(toErrorBody(error));
      response.writeHead(httpStatusOf(error.code), { "content-type": "application/json" }).end(body);
    }
  }

  #ask(operation: string, input: Readonly<Record<string, never>>): unknown {
    const { meta, servers, status, values, answers } = this.world;
    const answer = answers?.[operation];
    if (answer !== undefined) return { meta, ...answer };
    const list = (kind: string, items: unknown) => ({ kind: `${kind}List`, meta, items });
    switch (operation) {
      case "server.list": {
        const { selector, names, allowEmpty } = input;
        return list(
          "Server",
          this.#withFreshness(() => selectServers(servers, { selectors: selector, names, allowEmpty })),
        );
      }
      case "server.get":
        return { kind: "Server", meta, item: this.#withFreshness(() => requireServer(servers, input["name"] ?? "")) };
      case "status.get":
        return { kind: "Status", meta, item: status };
      case "declaration.state":
        return this.#declarations();
      case "secret.value": {
        const value = values[input["path"] ?? ""];
        if (value === undefined) throw new LabError("NotFound", "no such secret for this machine");
        return Buffer.from(value);
      }
      default: {
        const kind = operation.split(".")[0] ?? "";
        const name = kind === "audit" ? "AuditEntry" : (kind[0] ?? "").toUpperCase() + kind.slice(1);
        return list(name, this.world[kind === "audit" ? kind : `${kind}s`]);
      }
    }
  }

  /** Every label of the world is declared, and every server is a member that no file mentions. */
  #declarations(): unknown {
    const { meta, servers } = this.world;
    const labels = this.world["labels"] as readonly (Record<string, Json> & { readonly name: string })[];
    const states = servers.map((server) => {
      const { id, name, labels: carried, provider, environment, region, size } = server;
      const given = Object.entries({ provider, environment, region, size }).filter(([, value]) => value !== null);
      return [name, { id, state: "active", labels: carried, attributes: Object.fromEntries(given), record: null }];
    });
    const users = { labels: {}, sizes: {} };
    const records = Object.fromEntries(labels.map(({ name, ...value }) => [labelPath(name), value]));
    return { meta, mesh: "", records, servers: Object.fromEntries(states), others: { count: 0, names: [] }, users };
  }

  /** An agent says whose word an error is. */
  #withFreshness<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      const { peer, asOf } = this.world.meta;
      throw new LabError(error.code, error.message, { ...error.facts, peer, asOf });
    }
  }
}

function requireServer(servers: readonly ServerLike[], name: string): ServerLike {
  const server = servers.find((one) => one.name === name);
  if (server) return server;
  const names = servers.map((one) => one.name);
  throw new NotFoundError("server", name, nearest(name, names));
}
