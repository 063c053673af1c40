import { connect, type Socket } from "node:net";
import { LabError } from "../../core/errors.ts";
import { fromErrorBody } from "../../operations/error-body.ts";
import { socketsOf } from "./place.ts";
import { type Connection, queryPairs, type RequestParts, type ServerEvent } from "./connection.ts";
import { exchange, type HttpAnswer } from "./http.ts";

export interface AgentOptions {
  readonly timeoutMs: number;
  /** The peer that the agent shall ask in our place. */
  readonly peer?: string | undefined;
}

/**
 * Connects to an agent's socket. Nothing when nobody listens there; throws `NotAuthorised` when it may not be opened.
 */
export async function connectAgent(path: string, options: AgentOptions): Promise<Connection | undefined> {
  const socket = await openSocket(path);
  return socket && new AgentConnection(path, socket, options);
}

/** The same for the agent of a home, wherever it had to put its socket. */
export async function connectAgentOf(
  home: string,
  purpose: "agent" | "secrets",
  options: AgentOptions,
): Promise<Connection | undefined> {
  for (const path of socketsOf(home, purpose)) {
    const connection = await connectAgent(path, options);
    if (connection !== undefined) return connection;
  }
  return undefined;
}

function openSocket(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES" || error.code === "EPERM") {
        const hint = "run as the user of the agent, or become a member of the socket's group";
        reject(new LabError("NotAuthorised", `${path} may not be opened by this user`, { hint }, { cause: error }));
      } else {
        resolve(undefined);
      }
    });
  });
}

class AgentConnection implements Connection {
  readonly via = "agent";
  readonly address: string;
  readonly #options: AgentOptions;
  readonly #open = new Set<Socket>();
  /** The socket that proved that the agent is there carries the first request. */
  #first: Socket | undefined;

  constructor(address: string, first: Socket, options: AgentOptions) {
    this.address = address;
    this.#first = first;
    this.#options = options;
    this.#open.add(first);
  }

  async call(method: "GET" | "POST", path: string, parts: RequestParts = {}): Promise<unknown> {
    const { timeoutMs } = this.#options;
    const socket = await this.#socket();
    const timer = setTimeout(() => socket.destroy(late(timeoutMs)), timeoutMs);
    try {
      const { status, headers, body } = await this.#send(socket, method, path, parts);
      const bytes = await readAll(body);
      if (status === 200 && headers.get("content-type")?.startsWith("application/octet-stream")) return bytes;
      const answer = parseJson(bytes);
      if (status === 200 && answer !== undefined) return answer;
      throw fromErrorBody(answer) ?? senseless(`status ${status} for ${method} ${path}`);
    } catch (error) {
      throw asLabError(error);
    } finally {
      clearTimeout(timer);
      this.#drop(socket);
    }
  }

  async *stream(path: string): AsyncIterable<ServerEvent> {
    const socket = await this.#socket();
    try {
      const { status, body } = await this.#send(socket, "GET", path, {});
      if (status !== 200) throw fromErrorBody(parseJson(await readAll(body))) ?? senseless(`status ${status}`);
      yield* serverEvents(body);
    } catch (error) {
      throw asLabError(error);
    } finally {
      this.#drop(socket);
    }
  }

  close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    return Promise.resolve();
  }

  async #socket(): Promise<Socket> {
    const socket = this.#first ?? (await openSocket(this.address));
    this.#first = undefined;
    if (!socket) throw gone();
    this.#open.add(socket);
    return socket;
  }

  #drop(socket: Socket): void {
    socket.destroy();
    this.#open.delete(socket);
  }

  #send(socket: Socket, method: string, path: string, { query, body }: RequestParts): Promise<HttpAnswer> {
    const pairs = queryPairs(query);
    const { peer } = this.#options;
    return exchange(socket, {
      method,
      path: pairs.length > 0 ? `${path}?${new URLSearchParams(pairs).toString()}` : path,
      headers: {
        ...(peer === undefined ? {} : { "lab-peer": peer }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }
}

async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The event stream format of the HTML standard, §9.2.6, as far as an agent writes it: LF line ends. */
async function* serverEvents(body: AsyncIterable<Buffer>): AsyncIterable<ServerEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const event = readEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) yield event;
    }
  }
}

function readEvent(block: string): ServerEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    fields.set(name, fields.has(name) ? `${fields.get(name)}\n${value}` : value);
  }
  const data = fields.get("data");
  // A block of comments only is the agent saying that it is still there.
  if (data === undefined) return undefined;
  return { event: fields.get("event") ?? "message", id: fields.get("id") ?? "", data: JSON.parse(data) as unknown };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

function late(timeoutMs: number): LabError {
  const hint = "lab status, or a longer --timeout";
  return new LabError("Timeout", `no answer within ${timeoutMs / 1000} s`, { hint });
}

function senseless(why: string): LabError {
  return new LabError("PeerFailed", `the agent's answer makes no sense: ${why}`, {
    hint: "is another program behind the socket?",
  });
}

function gone(cause?: unknown): LabError {
  return new LabError("PeerFailed", "the agent went away before it answered", { hint: "lab status" }, { cause });
}

function asLabError(error: unknown): LabError {
  return error instanceof LabError ? error : gone(error);
}
