import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectAgent } from "../../../src/cli/connection/agent-connection.ts";
import type { Connection, ServerEvent } from "../../../src/cli/connection/connection.ts";
import type { LabError } from "../../../src/core/errors.ts";

describe("a connection to an agent", () => {
  let dir: string;
  let path: string;
  let server: Server | undefined;
  let connection: Connection | undefined;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "lab-connection-"));
    path = join(dir, "agent.sock");
  });

  afterEach(async () => {
    await connection?.close();
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    [server, connection] = [undefined, undefined];
    rmSync(dir, { recursive: true, force: true });
  });

  async function connectTo(answer: RequestListener, options: { timeoutMs?: number; peer?: string } = {}) {
    const listening = createServer(answer);
    server = listening;
    await new Promise<void>((resolve) => listening.listen(path, resolve));
    connection = await connectAgent(path, { timeoutMs: 10_000, ...options });
    return connection!;
  }

  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => "done",
      (error: LabError) => error.code,
    );

  it("is nothing where nobody listens", async () => {
    expect(await connectAgent(path, { timeoutMs: 10_000 })).toBeUndefined();
    expect(await connectAgent(join(dir, "x".repeat(200)), { timeoutMs: 10_000 })).toBeUndefined();
  });

  it("carries query, body and peer, and can ask again", async () => {
    const asked: unknown[] = [];
    const agent = await connectTo(
      (request, response) => {
        let body = "";
        request.on("data", (chunk: Buffer) => (body += chunk.toString()));
        request.on("end", () => {
          asked.push([request.method, request.url, request.headers["lab-peer"], body]);
          response.end("{}");
        });
      },
      { peer: "nas-1" },
    );
    await agent.call("GET", "/v1/servers", {
      query: { selector: ["a,b", "c"], names: [], limit: 3, since: undefined },
    });
    await agent.call("POST", "/v1/entries", { body: { entries: ["é"] } });
    expect(asked).toEqual([
      ["GET", "/v1/servers?selector=a%2Cb&selector=c&limit=3", "nas-1", ""],
      ["POST", "/v1/entries", "nas-1", '{"entries":["é"]}'],
    ]);
  });

  it("gives bytes as bytes", async () => {
    const agent = await connectTo((_, response) => {
      response.setHeader("content-type", "application/octet-stream").end(Buffer.from([0, 255, 10]));
    });
    expect(await agent.call("GET", "/v1/secret-values/a")).toEqual(Buffer.from([0, 255, 10]));
  });

  it("throws the agent's own error", async () => {
    const agent = await connectTo((_, response) => {
      response.statusCode = 404;
      response.end(JSON.stringify({ error: { code: "NotFound", message: "gone", hint: "look elsewhere" } }));
    });
    await expect(agent.call("GET", "/v1/servers/a")).rejects.toMatchObject({
      code: "NotFound",
      message: "gone",
      facts: { hint: "look elsewhere" },
    });
  });

  it("gives up after the timeout, while the answer comes, too", async () => {
    const agent = await connectTo((_, response) => void response.write('{"half":'), { timeoutMs: 30 });
    expect(await code(agent.call("GET", "/v1/servers"))).toBe("Timeout");
    const silent = await connectAgent(path, { timeoutMs: 30 });
    expect(await code(silent!.call("GET", "/v1/servers"))).toBe("Timeout");
  });

  it("says that the agent went away", async () => {
    const agent = await connectTo((request) => request.socket.destroy());
    expect(await code(agent.call("GET", "/v1/servers"))).toBe("PeerFailed");
    const half = await connectAgent(path, { timeoutMs: 10_000 });
    server?.removeAllListeners("request").on("request", (_, response) => {
      response.write("{");
      response.socket?.end();
    });
    expect(await code(half!.call("GET", "/v1/servers"))).toBe("PeerFailed");
  });

  it("does not take another program for an agent", async () => {
    const agent = await connectTo((_, response) => response.end("<html>"));
    expect(await code(agent.call("GET", "/v1/servers"))).toBe("PeerFailed");
    const other = createTcpServer((socket) => socket.resume().end("SSH-2.0-odd\r\n"));
    await new Promise<void>((resolve) => other.listen(join(dir, "ssh.sock"), resolve));
    const ssh = await connectAgent(join(dir, "ssh.sock"), { timeoutMs: 10_000 });
    expect(await code(ssh!.call("GET", "/v1/servers"))).toBe("PeerFailed");
    await ssh!.close();
    await new Promise((resolve) => other.close(resolve));
  });

  it("does not take half an answer for a whole one", async () => {
    const other = createTcpServer((socket) => socket.resume().end("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}"));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    const agent = await connectAgent(path, { timeoutMs: 10_000 });
    expect(await code(agent!.call("GET", "/v1/servers"))).toBe("PeerFailed");
    await agent!.close();
    await new Promise((resolve) => other.close(resolve));
  });

  it("lets no line break of a name become another header", async () => {
    const headers: unknown[] = [];
    const answer: RequestListener = (request, response) => {
      headers.push(request.headers["lab-peer"]);
      response.end("{}");
    };
    const agent = await connectTo(answer, { peer: "nas-1\r\nlab-other: 1" });
    expect(await code(agent.call("GET", "/v1/servers"))).toBe("Usage");
    const address = await connectAgent(path, { timeoutMs: 10_000, peer: "[fd00::1]:7444" });
    await address!.call("GET", "/v1/servers");
    await address!.close();
    expect(headers).toEqual(["[fd00::1]:7444"]);
  });

  it("reads events however they are cut into pieces, and ends with the agent", async () => {
    const text = ': hello\n\nevent: view\nid: 7\ndata: {"a":\ndata: "é"}\n\nid: 8\ndata: 1\n\nevent: lost\ndata: 2';
    const agent = await connectTo((_, response) => {
      response.setHeader("content-type", "text/event-stream");
      const bytes = Buffer.from(text);
      const push = (at: number) => {
        if (at >= bytes.length) response.end();
        else response.write(bytes.subarray(at, at + 3), () => push(at + 3));
      };
      push(0);
    });
    const events: ServerEvent[] = [];
    for await (const event of agent.stream("/v1/events")) events.push(event);
    expect(events).toEqual([
      { event: "view", id: "7", data: { a: "é" } },
      { event: "message", id: "8", data: 1 },
    ]);
  });

  it("throws the agent's error instead of events", async () => {
    const agent = await connectTo((_, response) => {
      response.statusCode = 403;
      response.end(JSON.stringify({ error: { code: "NotAuthorised", message: "no" } }));
    });
    expect(await code(agent.stream("/v1/events")[Symbol.asyncIterator]().next())).toBe("NotAuthorised");
  });
});
