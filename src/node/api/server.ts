import { chmod, rm } from "node:fs/promises";
import { connect } from "node:net";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { httpStatusOf, LabError } from "../../core/errors.ts";
import { toErrorBody } from "../../operations/error-body.ts";
import { parseInput } from "../../operations/input.ts";
import type { Operation } from "../../operations/operation.ts";
import { openApiDocument, operations } from "../../operations/registry.ts";
import type { Agent } from "../agent.ts";
import { apiEvents } from "../handlers/events.ts";
import type { OperationCalls } from "../operation-calls.ts";

/** Largest request: a batch of entries or one secret's envelope, in base64. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** A comment that keeps proxies and clients from taking a quiet stream for a dead one. */
const STREAM_BEAT_MS = 15_000;

export interface ApiServer {
  close(): Promise<void>;
}

/** The API on a unix socket. Whoever may open the socket may read desired state and audit, never values of secrets. */
export async function serveApi(agent: Agent, calls: OperationCalls, socket: string): Promise<ApiServer> {
  const app = newServer();
  for (const operation of operations) {
    if (operation.name === "secret.value") continue;
    const url = operation.path.replace(/\{(\w+)\+\}/g, "*").replace(/\{(\w+)\}/g, ":$1");
    app.route({ method: operation.method, url, handler: handlerOf(operation, agent, calls) });
  }
  await listen(app, socket, 0o660);
  return app;
}

/** Values of secrets: a socket of its own, 0600, so that the kernel's permission check is the authentication. */
export async function serveSecrets(agent: Agent, socket: string): Promise<ApiServer> {
  const app = newServer();
  app.get("/v1/secret-values/*", async (request, reply) => {
    const path = (request.params as { readonly "*": string })["*"];
    const { value, version, state, fetchedMs } = await agent.cache.get(path);
    return reply
      .header("content-type", "application/octet-stream")
      .header("cache-control", "no-store")
      .header("lab-secret-version", version)
      .header("lab-secret-state", state)
      .header("lab-secret-fetched", new Date(fetchedMs).toISOString())
      .send(Buffer.from(value.reveal()));
  });
  await listen(app, socket, 0o600);
  return app;
}

function newServer(): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.setNotFoundHandler((request, reply) =>
    sendError(reply, new LabError("NotFound", `nothing answers ${request.method} ${request.url}`)),
  );
  return app;
}

function handlerOf(operation: Operation, agent: Agent, calls: OperationCalls) {
  if (operation.name === "openapi") return async () => openApiDocument(operations);
  if (operation.kind === "stream") {
    return (_request: FastifyRequest, reply: FastifyReply) => streamEvents(agent, reply);
  }
  return async (request: FastifyRequest) => {
    const { searchParams } = new URL(request.url, "http://lab");
    const input = parseInput(operation, {
      params: request.params as Record<string, string>,
      query: searchParams,
      body: request.body ?? undefined,
    });
    const peer = request.headers["lab-peer"];
    return typeof peer === "string" ? calls.forward(peer, operation, input) : calls.call(operation, input);
  };
}

function streamEvents(agent: Agent, reply: FastifyReply): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  raw.write(": lab\n\n");
  const end = agent.watch((event) => {
    for (const { event: name, id, data } of apiEvents(agent, event)) {
      raw.write(`event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  });
  const beat = setInterval(() => raw.write(": still here\n\n"), STREAM_BEAT_MS);
  raw.once("close", () => {
    clearInterval(beat);
    end();
  });
}

function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const known = error instanceof LabError ? error : fromFastify(error);
  return reply.code(httpStatusOf(known.code)).send(toErrorBody(known));
}

function fromFastify(error: unknown): LabError {
  const { statusCode = 500, message = "failed" } = error as { statusCode?: number; message?: string };
  if (statusCode === 413) return new LabError("TooLarge", `a request has at most ${MAX_BODY_BYTES} bytes`);
  if (statusCode < 500) return new LabError("Invalid", message);
  return new LabError("Failed", `the agent failed to answer: ${message}`, { hint: "lab agent logs" });
}

async function listen(app: FastifyInstance, socket: string, mode: number): Promise<void> {
  if (await isAnswered(socket)) {
    throw new LabError("SocketInUse", `another agent listens on ${socket}`, { hint: "lab agent stop" });
  }
  await rm(socket, { force: true });
  try {
    await app.listen({ path: socket });
  } catch (cause) {
    throw new LabError("Failed", `cannot listen on ${socket}: ${(cause as Error).message}`, {}, { cause });
  }
  await chmod(socket, mode);
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
