import type { Socket } from "node:net";
import { LabError } from "../../core/errors.ts";

export interface HttpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body as it comes. Throws when it ends before its announced length. */
  readonly body: AsyncIterable<Buffer>;
}

/** What comes before the body never needs more. */
const LONGEST_HEAD_BYTES = 64 * 1024;

/** The other side does not speak HTTP, or it stopped in the middle. */
export class HttpError extends Error {
  override name = "HttpError";
}

/**
 * One request over a connected socket, which is used up. HTTP/1.0 (RFC 1945): no chunks, and the end of the
 * connection is the end of the body. `node:http` does the same and takes a third of the time of a bare start of Node.
 * Throws {@link HttpError}, or what the socket was destroyed with.
 */
export async function exchange(socket: Socket, { method, path, headers, body }: HttpRequest): Promise<HttpAnswer> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${headerValue(value)}\r\n`);
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}\r\n`);
  socket.write(`${method} ${path} HTTP/1.0\r\nhost: lab\r\n${lines.join("")}\r\n${body ?? ""}`);
  const chunks = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let received = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const { done, value } = await chunks.next();
    if (done) throw new HttpError("the connection ended before an answer");
    received = Buffer.concat([received, value]);
    end = received.indexOf("\r\n\r\n");
    if (end < 0 && received.length > LONGEST_HEAD_BYTES) throw new HttpError("this is not an HTTP answer");
  }
  const { status, headers: fields } = readHead(received.subarray(0, end).toString("latin1"));
  return { status, headers: fields, body: readBody(received.subarray(end + 4), chunks, fields.get("content-length")) };
}

/** A line break in a value would begin another header. */
function headerValue(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  throw new LabError("Usage", `"${value}" cannot be sent to the agent: it is not plain text`);
}

function readHead(text: string): Pick<HttpAnswer, "status" | "headers"> {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) throw new HttpError("this is not an HTTP answer");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}

async function* readBody(
  first: Buffer,
  rest: AsyncIterator<Buffer>,
  announced: string | undefined,
): AsyncIterable<Buffer> {
  let length = first.length;
  if (length > 0) yield first;
  while (announced === undefined || length < Number(announced)) {
    const { done, value } = await rest.next();
    if (done) break;
    length += value.length;
    yield value;
  }
  if (announced !== undefined && length < Number(announced)) throw new HttpError("the answer ended too early");
}
