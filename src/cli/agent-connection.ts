import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { LabError } from "../core/errors.ts";
import { fromErrorBody } from "../operations/error-body.ts";
import { type Connection, queryPairs, type RequestParts, type ServerEvent } from "./connection.ts";

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
  readonly #open = new Set<ClientRequest>();
  /** The socket that proved that the agent is there carries the first request. */
  #first: Socket | undefined;

  constructor(address: string, first: Socket, options: AgentOptions) {
    this.address = address;
    this.#first = first;
    this.#options = options;
  }

  async call(method: "GET" | "POST", path: string, parts: RequestParts = {}): Promise<unknown> {
    const response = await this.#send(method, path, parts, this.#options.timeoutMs);
    const body = await readAll(response);
    const isBytes = response.headers["content-type"]?.startsWith("application/octet-stream");
    if (response.statusCode === 200 && isBytes) return body;
    const answer = parseJson(body);
    if (response.statusCode === 200 && answer !== undefined) return answer;
    throw fromErrorBody(answer) ?? senseless(`it answered ${method} ${path} with status ${response.statusCode}`);
  }

  async *stream(path: string): AsyncIterable<ServerEvent> {
    const response = await this.#send("GET", path, {}, undefined);
    if (response.statusCode !== 200) {
      throw fromErrorBody(parseJson(await readAll(response))) ?? senseless(`it answered with ${response.statusCode}`);
    }
    yield* serverEvents(response);
  }

  close(): Promise<void> {
    this.#first?.destroy();
    for (const open of this.#open) open.destroy();
    return Promise.resolve();
  }

  #send(method: string, path: string, parts: RequestParts, timeoutMs: number | undefined): Promise<IncomingMessage> {
    const pairs = queryPairs(parts.query);
    const query = pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : "";
    const body = parts.body === undefined ? undefined : JSON.stringify(parts.body);
    const first = this.#first;
    this.#first = undefined;
    return new Promise((resolve, reject) => {
      const sent = request({
        ...(first ? { createConnection: () => first } : { socketPath: this.address, agent: false }),
        method,
        path: path + query,
        headers: {
          host: "lab",
          connection: "close",
          ...(this.#options.peer === undefined ? {} : { "lab-peer": this.#options.peer }),
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        },
      });
      this.#open.add(sent);
      let response: IncomingMessage | undefined;
      const giveUp = () => (response ?? sent).destroy(late(timeoutMs ?? 0));
      const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
      sent.once("close", () => {
        clearTimeout(timer);
        this.#open.delete(sent);
      });
      sent.once("response", (incoming) => {
        response = incoming;
        resolve(incoming);
      });
      sent.once("error", (error) => reject(asLabError(error)));
      sent.end(body);
    });
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw asLabError(error as Error);
  }
  return Buffer.concat(chunks);
}

/** The event stream format of the HTML standard, §9.2.6, as far as an agent writes it: LF line ends. */
async function* serverEvents(response: IncomingMessage): AsyncIterable<ServerEvent> {
  response.setEncoding("utf8");
  let text = "";
  try {
    for await (const chunk of response) {
      text += chunk as string;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = readEvent(text.slice(0, end));
        text = text.slice(end + 2);
        if (event) yield event;
      }
    }
  } catch (error) {
    throw asLabError(error as Error);
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

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
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

function asLabError(error: Error): LabError {
  if (error instanceof LabError) return error;
  return new LabError("PeerFailed", "the agent went away before it answered", { hint: "lab status" }, { cause: error });
}
