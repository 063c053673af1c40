import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { httpStatusOf, LabError } from "../../src/core/errors.ts";
import { readHandlers } from "../../src/node/handlers/index.ts";
import { metaOf } from "../../src/node/handlers/read-source.ts";
import { toErrorBody } from "../../src/operations/error-body.ts";
import { parseInput } from "../../src/operations/input.ts";
import { matchRoute } from "../../src/operations/registry.ts";
import { enrolBody } from "../../src/operator/authority.ts";
import { Household, keys, LAPTOP_SEAL, seed } from "../unit/operator/household.ts";
import type { ReplicaPeer } from "../unit/operator/replica-peer.ts";
import { NOW_MS } from "./transcript.ts";

/**
 * alice's laptop and nas-1 as real replicas behind one socket, with her key in {@link config}. What the laptop takes, it
 * hands on at once; `--peer nas-1` asks the other one.
 */
export class HouseholdAgent {
  readonly #house: Household;
  readonly #nas: ReplicaPeer;
  readonly #socket: string;
  readonly #server: Server;

  private constructor(socket: string, house: Household, nas: ReplicaPeer) {
    this.#socket = socket;
    this.#house = house;
    this.#nas = nas;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async open(socket: string): Promise<HouseholdAgent> {
    const house = await Household.create(NOW_MS);
    const { mesh } = house.founded;
    const session = await house.session();
    const nas = { name: "nas-1", signer: keys.signer(seed(20)), seal: LAPTOP_SEAL };
    await session.sign({ acts: [enrolBody(mesh, nas, NOW_MS)] });
    session.close();
    const peer = await house.peer("nas-1");
    peer.nowMs = NOW_MS;
    return new HouseholdAgent(socket, house, peer);
  }

  get config(): string {
    return this.#house.dir;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.#socket, resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#house.remove();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const peer = request.headers["lab-peer"] === "nas-1" ? this.#nas : this.#house.laptop;
    try {
      const url = new URL(request.url ?? "", "http://lab");
      const route = matchRoute(request.method ?? "", url.pathname);
      if (!route) throw new LabError("NotFound", `${url.pathname} does not exist`);
      const body = request.method === "POST" ? await json(request) : undefined;
      const input = parseInput(route.operation, { params: route.params, query: url.searchParams, body });
      send(response, 200, await this.#ask(peer, route.operation.name, input));
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      const { peer: name, asOf } = metaOf(peer.source());
      const facts = ["NotFound", "NothingMatched"].includes(error.code) ? { peer: name, asOf } : {};
      const told = new LabError(error.code, error.message, { ...facts, ...error.facts });
      send(response, httpStatusOf(error.code), toErrorBody(told));
    }
  }

  async #ask(peer: ReplicaPeer, operation: string, input: unknown): Promise<unknown> {
    if (operation === "entry.submit") {
      const answer = await peer.call("POST", "/v1/entries", { body: input });
      await this.#nas.call("POST", "/v1/entries", { body: input });
      return answer;
    }
    return readHandlers(peer.source())[operation]?.(input as never);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
