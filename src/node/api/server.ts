import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { httpStatusOf, LabError } from "../../core/errors.ts";
import { isSecretPath } from "../../core/names.ts";
import { toErrorBody } from "../../operations/error-body.ts";
import { parseInput } from "../../operations/input.ts";
import { matchRoute, openApiDocument, operations } from "../../operations/registry.ts";
import { notGiven } from "../secrets/secret-cache.ts";
import type { Agent } from "../agent.ts";
import { agentSource } from "../handlers/index.ts";
import { listSecretCache } from "../handlers/secret-cache.ts";
import { apiEvents } from "../handlers/events.ts";
import type { OperationCalls } from "../operation-calls.ts";

/** Largest request: a batch of entries or one secret's envelope, in base64. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** A comment that keeps proxies and clients from taking a quiet stream for a dead one. */
const STREAM_BEAT_MS = 15_000;
/** A client that says nothing more is let go. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface ApiServer {
  close(): Promise<void>;
}

type Respond = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The API on a unix socket. Whoever may open the socket may read desired state and audit, never values of secrets. */
export function serveApi(agent: Agent, calls: OperationCalls, socket: string): Promise<ApiServer> {
  return serve(socket, 0o660, (request, response) => answerOperation(agent, calls, request, response));
}

/** Values of secrets: a socket of its own, 0600, so that the kernel's permission check is the authentication. */
export function serveSecrets(agent: Agent, socket: string): Promise<ApiServer> {
  return serve(socket, 0o600, (request, response) => answerSecret(agent, "all", request, response));
}

/** Who reads secrets on a socket, and which. */
export interface SecretConsumer {
  /** The actor of the audit. */
  readonly name: string;
  mayRead(path: string): boolean;
}

/** The same for one account, whose the socket has to be made by the caller: it gets what is declared to be its own. */
export function serveConsumer(agent: Agent, socket: string, consumer: SecretConsumer): Promise<ApiServer> {
  return serve(socket, 0o600, (request, response) => answerSecret(agent, consumer, request, response));
}

async function answerOperation(
  agent: Agent,
  calls: OperationCalls,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = urlOf(request);
  const route = matchRoute(request.method ?? "GET", pathname);
  // Values have a socket of their own.
  if (route === undefined || route.operation.name === "secret.value") throw unknownRoute(request);
  const { operation, params } = route;
  if (operation.name === "openapi") return sendJson(response, openApiDocument(operations));
  if (operation.kind === "stream") return streamEvents(agent, response);
  const body = operation.method === "POST" ? await readJson(request) : undefined;
  const input = parseInput(operation, { params, query: searchParams, body });
  const peer = request.headers["lab-peer"];
  const asked = typeof peer === "string" ? calls.forward(peer, operation, input) : calls.call(operation, input);
  const output = await asked;
  if (operation.produces === undefined) sendJson(response, output);
  else send(response, output instanceof Uint8Array ? output : String(output), operation.produces);
}

async function answerSecret(
  agent: Agent,
  consumer: SecretConsumer | "all",
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = urlOf(request);
  const route = matchRoute(request.method ?? "GET", pathname);
  // Whoever is given the values may know which there are.
  if (route?.operation.name === "secret-cache.list") {
    const only = (path: string) => consumer === "all" || consumer.mayRead(path);
    return sendJson(response, listSecretCache(agentSource(agent), agent.cache, only));
  }
  if (route?.operation.name !== "secret.value") throw unknownRoute(request);
  const path = route.params.path ?? "";
  const actor = consumer === "all" ? "local" : consumer.name;
  // What is another account's and what does not exist are answered alike.
  const asked = consumer === "all" || consumer.mayRead(path) ? agent.cache.get(path) : Promise.reject(notGiven(path));
  const { value, version, state, fetchedMs } = await asked.catch(async (error: unknown) => {
    if (error instanceof LabError && error.code === "NotAuthorised") {
      const object = isSecretPath(path) ? path : "(not a path)";
      const reason = "not entitled, or no such secret";
      await agent.audit({ actor, action: "secret.read", object, decision: "denied", reason });
    }
    throw error;
  });
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": value.byteLength,
    "cache-control": "no-store",
    "lab-secret-version": version,
    "lab-secret-state": state,
    "lab-secret-fetched": new Date(fetchedMs).toISOString(),
  });
  response.end(value.reveal(), () => value.wipe());
}

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? "/", "http://lab");
  } catch {
    throw unknownRoute(request);
  }
}

function unknownRoute(request: IncomingMessage): LabError {
  return new LabError("NotFound", `nothing answers ${request.method} ${request.url}`, { hint: "GET /v1/openapi.json" });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new LabError("TooLarge", `a request has at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch (cause) {
    throw new LabError("Invalid", "the body is not JSON", {}, { cause });
  }
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  send(response, JSON.stringify(value), "application/json; charset=utf-8", status);
}

function send(response: ServerResponse, content: string | Uint8Array, type: string, status = 200): void {
  const body = typeof content === "string" ? Buffer.from(content) : content;
  response.writeHead(status, { "content-type": type, "content-length": body.length });
  response.end(body);
}

function sendError(response: ServerResponse, error: unknown): void {
  const detail = error instanceof Error ? error.message : String(error);
  const failed = (): LabError =>
    new LabError("Failed", `the agent failed to answer: ${detail}`, { hint: "lab agent logs" });
  const known = error instanceof LabError ? error : failed();
  if (response.headersSent) response.destroy();
  else sendJson(response, toErrorBody(known), httpStatusOf(known.code));
}

function streamEvents(agent: Agent, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": lab\n\n");
  const end = agent.watch((event) => {
    for (const { event: name, id, data } of apiEvents(agent, event)) {
      response.write(`event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  });
  const beat = setInterval(() => response.write(": still here\n\n"), STREAM_BEAT_MS);
  response.once("close", () => {
    clearInterval(beat);
    end();
  });
}

async function serve(socket: string, mode: number, respond: Respond): Promise<ApiServer> {
  if (await isAnswered(socket)) {
    throw new LabError("SocketInUse", `another agent listens on ${socket}`, { hint: "lab agent stop" });
  }
  await rm(socket, { force: true });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    respond(request, response).catch((error: unknown) => sendError(response, error));
  });
  await listen(server, socket);
  await chmod(socket, mode);
  return { close: () => close(server) };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new LabError("Failed", `cannot listen on ${socket}: ${cause.message}`, {}, { cause })),
    );
    server.listen(socket, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A socket file whose agent is gone refuses the connection; only a living one is in use. */
function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
