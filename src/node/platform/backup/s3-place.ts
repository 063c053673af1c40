import { setTimeout as sleep } from "node:timers/promises";
import { BackupPlaceError } from "../../../core/backup/errors.ts";
import { type BackupPlace, isPlaceFile, type PlaceAddress, type PlaceFile } from "../../../core/backup/place.ts";
import { amzTime, authorization, type Credentials, queryText, sha256Hex, uriEncode } from "./sigv4.ts";

const TIMEOUT_MS = 60_000;
/** A server that is restarted or has too much to do answers with 5xx; the waits double from the first. */
const TRIES = 4;
const FIRST_WAIT_MS = 250;
/** Enough to fill a line whose other end is far away. */
const AT_ONCE = 8;

export interface S3Options {
  readonly address: PlaceAddress & { readonly kind: "s3" };
  readonly credentials: Credentials;
  readonly region: string;
  readonly now: () => Date;
}

interface Parts {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Backups in a bucket that speaks the S3 protocol, with the bucket in the path, as every such server takes it. */
export class S3Place implements BackupPlace {
  readonly name: string;
  readonly #options: S3Options;
  readonly #prefix: string;

  constructor(options: S3Options) {
    const { endpoint, bucket, prefix } = options.address;
    this.#options = options;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.name = `s3:${endpoint}/${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  }

  async list(): Promise<ReadonlyMap<string, number>> {
    const files = new Map<string, number>();
    let token: string | null = null;
    do {
      const query: Record<string, string> = { "list-type": "2", prefix: this.#prefix };
      if (token !== null) query["continuation-token"] = token;
      const answer = await this.#send("GET", "", { query });
      if (answer.status !== 200) throw this.#refused(answer);
      const text = Buffer.from(answer.body).toString("utf8");
      for (const [, item = ""] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const name = element(item, "Key")?.slice(this.#prefix.length) ?? "";
        if (isPlaceFile(name)) files.set(name, Number(element(item, "Size")));
      }
      token = element(text, "IsTruncated") === "true" ? element(text, "NextContinuationToken") : null;
    } while (token !== null);
    return files;
  }

  async read(names: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    return inParallel(names, async (name) => {
      const answer = await this.#send("GET", name, {});
      if (answer.status === 200) return answer.body;
      if (answer.status === 404 && codeOf(answer) !== "NoSuchBucket") return null;
      throw this.#refused(answer);
    });
  }

  async write(chunks: readonly PlaceFile[], manifest: PlaceFile): Promise<"written" | "taken"> {
    await inParallel(chunks, async ({ name, content }) => {
      const answer = await this.#send("PUT", name, { body: content });
      if (answer.status !== 200) throw this.#refused(answer);
    });
    return this.#publish(manifest);
  }

  async remove(names: readonly string[]): Promise<void> {
    await inParallel(names, async (name) => {
      const answer = await this.#send("DELETE", name, {});
      if (answer.status !== 204 && answer.status !== 200 && answer.status !== 404) throw this.#refused(answer);
    });
  }

  async close(): Promise<void> {}

  async #publish({ name, content }: PlaceFile): Promise<"written" | "taken"> {
    // Also for servers that do not know the condition, where only two at the same moment get past it.
    if ((await this.#send("HEAD", name, {})).status === 200) return "taken";
    let answer = await this.#send("PUT", name, { body: content, headers: { "if-none-match": "*" } });
    if (answer.status === 412 || answer.status === 409) return "taken";
    if (answer.status === 501) answer = await this.#send("PUT", name, { body: content });
    if (answer.status !== 200) throw this.#refused(answer);
    return "written";
  }

  async #send(method: string, name: string, parts: Parts): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#sendOnce(method, name, parts).catch((cause: unknown) => cause as Error);
      const isOver = !(answer instanceof Error) && (answer.status < 500 || answer.status === 501);
      if (isOver) return answer;
      if (tries === TRIES) throw answer instanceof Error ? this.#unreachable(answer) : this.#refused(answer);
      await sleep(FIRST_WAIT_MS * 2 ** (tries - 1));
    }
  }

  async #sendOnce(
    method: string,
    name: string,
    { query = {}, headers = {}, body = new Uint8Array(0) }: Parts,
  ): Promise<Answer> {
    const { address, credentials, region, now } = this.#options;
    const url = new URL(address.endpoint);
    const path = `/${address.bucket}${name === "" ? "" : `/${uriEncode(this.#prefix + name, "kept")}`}`;
    const payloadHash = sha256Hex(body);
    const time = amzTime(now());
    const token = credentials.sessionToken;
    const sent = {
      ...headers,
      "x-amz-content-sha256": payloadHash,
      "x-amz-date": time,
      ...(token === null ? {} : { "x-amz-security-token": Buffer.from(token.reveal()).toString("utf8") }),
    };
    const request = { method, path, query, headers: { ...sent, host: url.host }, payloadHash };
    const search = queryText(query);
    const response = await fetch(`${url.origin}${path}${search === "" ? "" : `?${search}`}`, {
      method,
      headers: { ...sent, authorization: authorization(request, { region, service: "s3", time }, credentials) },
      ...(method === "PUT" ? { body: Buffer.from(body) } : {}),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  }

  #unreachable(cause: Error): BackupPlaceError {
    const deeper = cause.cause instanceof Error ? cause.cause.message : "";
    const why = cause.name === "TimeoutError" ? `no answer within ${TIMEOUT_MS / 1000} s` : deeper || cause.message;
    return new BackupPlaceError(`${this.name} cannot be reached: ${why}`, { hint: "try again later" }, { cause });
  }

  #refused(answer: Answer): BackupPlaceError {
    const code = codeOf(answer);
    const hints: Readonly<Record<string, string>> = {
      NoSuchBucket: "make the bucket first",
      InvalidAccessKeyId: "the access key is not known there: AWS_ACCESS_KEY_ID or --s3-credentials",
      SignatureDoesNotMatch:
        "the secret key is another one than the server's: AWS_SECRET_ACCESS_KEY or --s3-credentials",
      AccessDenied: "the key needs to list, read, write and delete in this bucket",
      RequestTimeTooSkewed: "the clock of this machine or of the server is off",
      PermanentRedirect: "the bucket is in another region: AWS_REGION",
      AuthorizationHeaderMalformed: "the bucket is in another region: AWS_REGION",
    };
    const what = code ?? `status ${answer.status}`;
    return new BackupPlaceError(`${this.name} says ${what}`, hints[what] === undefined ? {} : { hint: hints[what] });
  }
}

function codeOf({ body }: Answer): string | null {
  const code = element(Buffer.from(body).toString("utf8"), "Code");
  return code !== null && /^[A-Za-z0-9.]{1,60}$/.test(code) ? code : null;
}

/** The text of the first element of this name; the answers of S3 have no attributes there. */
function element(xml: string, name: string): string | null {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? null : unescaped(text);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (all, decimal, hex, name: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return hex === undefined ? (ENTITIES[name] ?? all) : String.fromCodePoint(Number.parseInt(hex, 16));
  });
}

async function inParallel<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await run(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}
