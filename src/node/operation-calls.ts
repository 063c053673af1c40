import { decode, encode, type Plain } from "../core/encoding.ts";
import { LabError, NotFoundError } from "../core/errors.ts";
import { fromErrorBody, toErrorBody } from "../operations/error-body.ts";
import { parseInput } from "../operations/input.ts";
import type { Operation, OutputOf } from "../operations/operation.ts";
import { operations } from "../operations/registry.ts";
import type { Agent } from "./agent.ts";
import { agentHandlers, agentSource, type Handler } from "./handlers/index.ts";
import { memberNamed } from "./handlers/member-named.ts";
import { metaOf } from "./handlers/read-source.ts";

const CHANNEL = "api";
const FORWARD_TIMEOUT_MS = 10_000;

/** Answers operations from this agent, or from another member that is asked through it. */
export class OperationCalls {
  readonly #agent: Agent;
  readonly #handlers: Readonly<Record<string, Handler>>;

  /** `ofMachine` answers what only the machine under the agent knows. */
  constructor(agent: Agent, ofMachine: Readonly<Record<string, Handler>> = {}) {
    this.#agent = agent;
    this.#handlers = { ...agentHandlers(agent), ...ofMachine };
    agent.mesh.handle(CHANNEL, (peer, body) => this.#answer(peer, body));
  }

  async call(operation: Operation, input: unknown, asker?: string): Promise<unknown> {
    const handler = this.#handlers[operation.name];
    if (handler === undefined) throw new NotFoundError("operation", operation.name);
    try {
      return await handler(input as never, asker);
    } catch (error) {
      throw this.#withWitness(error);
    }
  }

  /** That something does not exist is this replica's word, as of its last exchange: the error says so. */
  #withWitness(error: unknown): unknown {
    if (!(error instanceof LabError) || (error.code !== "NotFound" && error.code !== "NothingMatched")) return error;
    const { peer, asOf } = metaOf(agentSource(this.#agent));
    return new LabError(error.code, error.message, { peer, asOf, ...error.facts }, { cause: error });
  }

  /** Asks the member called `peer`, by name or key, in our place. */
  async forward(peer: string, operation: Operation, input: unknown): Promise<unknown> {
    const { key } = memberNamed(this.#agent.view(), peer);
    if (key === this.#agent.platform.link.self) return this.call(operation, input);
    return askMember(this.#agent, key, operation, input);
  }

  async #answer(peer: string, body: Uint8Array): Promise<Uint8Array> {
    try {
      const request = decode(body) as { readonly [name: string]: Plain | undefined };
      const asked = typeof request?.operation === "string" ? request.operation : "";
      const operation = operations.find(({ name }) => name === asked);
      if (operation === undefined) throw new NotFoundError("operation", asked);
      const asker = `node:${this.#agent.view().nodeByKey(peer)?.name ?? peer.slice(0, 12)}`;
      const output = await this.call(operation, parseInput(operation, { body: request.input ?? {} }), asker);
      return encode({ v: 1, output: plainJson(output) });
    } catch (error) {
      const known = error instanceof LabError ? error : new LabError("Failed", "the peer failed to answer");
      return encode({ v: 1, ...(plainJson(toErrorBody(known)) as object) });
    }
  }
}

/** What JSON would make of it: members with the value undefined are gone. */
function plainJson(value: unknown): Plain {
  return JSON.parse(JSON.stringify(value ?? null)) as Plain;
}

/** Asks another member over the mesh. Throws its `LabError`, or as `Mesh.request`. */
export async function askMember(
  { mesh }: Agent,
  key: string,
  operation: Operation,
  input: unknown,
  timeoutMs = FORWARD_TIMEOUT_MS,
): Promise<unknown> {
  const body = encode({ v: 1, operation: operation.name, input: input as Plain });
  const answer = decode(await mesh.request(key, CHANNEL, body, timeoutMs)) as {
    readonly [name: string]: Plain | undefined;
  };
  const error = fromErrorBody(answer);
  if (error !== undefined) throw error;
  return answer.output;
}

/**
 * Asks another member for what this agent itself goes on with: it may answer anything. Throws besides
 * `PeerContradicted` if that is no answer to what was asked.
 */
export async function heardFrom<O extends Operation>(
  agent: Agent,
  key: string,
  operation: O,
  input: unknown,
  timeoutMs?: number,
): Promise<OutputOf<O>> {
  const answer = operation.output.safeParse(await askMember(agent, key, operation, input, timeoutMs));
  if (answer.success) return answer.data as OutputOf<O>;
  throw new LabError("PeerContradicted", `a member's answer to ${operation.name} is none`);
}
