import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** In PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export const ACCESS_KEY = "AKIATEST";
export const SECRET_KEY = "not/a+real/secret";
const REGION = "eu-test-1";

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();

interface Reply {
  readonly status: number;
  readonly body?: string | Buffer;
}

/**
 * As much of an S3 server as backups need: one bucket, pages of three keys, conditions on PUT. It checks signatures by
 * itself, from the request as it came over the wire.
 */
export class S3Server {
  readonly objects = new Map<string, Buffer>();
  readonly requests: string[] = [];
  /** Answers to give before any request is looked at. */
  readonly failures: Reply[] = [];
  conditions: "known" | "unknown" = "known";
  readonly #server: Server;

  readonly #scheme: "http" | "https";

  private constructor(tls: Certificate | undefined) {
    const listen = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/xml" });
        response.end(request.method === "HEAD" ? undefined : body);
      });
    };
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = tls === undefined ? createServer(listen) : createTlsServer(tls, listen);
  }

  static async start(tls?: Certificate): Promise<S3Server> {
    const server = new S3Server(tls);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get endpoint(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get region(): string {
    return REGION;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts);
    this.requests.push(`${request.method} ${request.url}`);
    const failure = this.failures.shift();
    if (failure !== undefined) return failure;
    const refusal = refusalOf(request, body);
    if (refusal !== null) return problem(403, refusal);
    const url = new URL(request.url ?? "/", this.endpoint);
    const [, bucket, ...rest] = url.pathname.split("/");
    if (bucket !== "attic") return problem(404, "NoSuchBucket");
    const key = decodeURIComponent(rest.join("/"));
    if (key === "") return { status: 200, body: this.#page(url.searchParams) };
    return this.#object(request, key, body);
  }

  #object({ method, headers }: IncomingMessage, key: string, body: Buffer): Reply {
    const found = this.objects.get(key);
    switch (method) {
      case "PUT":
        if (headers["if-none-match"] !== undefined && this.conditions === "unknown")
          return problem(501, "NotImplemented");
        if (headers["if-none-match"] === "*" && found !== undefined) return problem(412, "PreconditionFailed");
        this.objects.set(key, body);
        return { status: 200 };
      case "DELETE":
        this.objects.delete(key);
        return { status: 204 };
      default:
        return found === undefined ? problem(404, "NoSuchKey") : { status: 200, body: found };
    }
  }

  #page(query: URLSearchParams): string {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(query.get("prefix") ?? "")).sort();
    const from = Number((query.get("continuation-token") ?? "at+/0=").replace(/\D/g, ""));
    const contents = keys.slice(from, from + 3).map((key) => {
      const name = key.replaceAll("&", "&amp;");
      return `<Contents><Key>${name}</Key><Size>${this.objects.get(key)?.length}</Size></Contents>`;
    });
    const more = from + 3 < keys.length;
    const next = more ? `<NextContinuationToken>at+/${from + 3}=</NextContinuationToken>` : "";
    return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`;
  }
}

function problem(status: number, code: string): Reply {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>` };
}

/** The steps of the specification, from what stands in the request alone. */
function refusalOf(request: IncomingMessage, body: Buffer): string | null {
  const { headers, method, url = "/" } = request;
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, id, day = "", region = "", names = "", signature = ""] = form.exec(headers.authorization ?? "") ?? [];
  if (id !== ACCESS_KEY) return "InvalidAccessKeyId";
  if (region !== REGION) return "AuthorizationHeaderMalformed";
  const signed = names.split(";");
  const amz = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  if (!["host", ...amz].every((name) => signed.includes(name))) return "AccessDenied";
  if (headers["x-amz-content-sha256"] !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const time = String(headers["x-amz-date"]);
  const ms = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(Date.now() - ms) < 900_000)) return "RequestTimeTooSkewed";
  const [path, search = ""] = url.split("?");
  const canonical = [
    method,
    path,
    search.split("&").sort().join("&"),
    signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join(""),
    names,
    sha256(body),
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${SECRET_KEY}`, day), region), "s3"), "aws4_request");
  const own = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`);
  return timingSafeEqual(own, Buffer.from(signature, "hex")) ? null : "SignatureDoesNotMatch";
}
