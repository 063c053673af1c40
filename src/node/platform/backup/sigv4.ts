import { createHash, createHmac } from "node:crypto";
import type { Secret } from "../../../core/secret.ts";

/**
 * AWS Signature Version 4 in the Authorization header
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Its published examples are in
 * `test/unit/backup/sigv4.test.ts`.
 */

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | null;
}

export interface SignedRequest {
  readonly method: string;
  /** Encoded as it is sent. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** All that are signed, by lower-case name; `host` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex of the SHA-256 of the body. */
  readonly payloadHash: string;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
  /** `20130524T000000Z`. */
  readonly time: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

export function authorization(request: SignedRequest, scope: SigningScope, credentials: Credentials): string {
  const { region, service, time } = scope;
  const day = time.slice(0, 8);
  const scopeText = `${day}/${region}/${service}/aws4_request`;
  const names = Object.keys(request.headers).sort();
  const canonical = [
    request.method,
    request.path,
    queryText(request.query),
    ...names.map((name) => `${name}:${(request.headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names.join(";"),
    request.payloadHash,
  ].join("\n");
  const toSign = [ALGORITHM, time, scopeText, sha256Hex(canonical)].join("\n");
  const secret = Buffer.concat([Buffer.from("AWS4"), credentials.secretAccessKey.reveal()]);
  const key = [day, region, service, "aws4_request"].reduce<Uint8Array>(hmac, secret);
  secret.fill(0);
  const signature = Buffer.from(hmac(key, toSign)).toString("hex");
  const credential = `Credential=${credentials.accessKeyId}/${scopeText}`;
  return `${ALGORITHM} ${credential},SignedHeaders=${names.join(";")},Signature=${signature}`;
}

/** Sorted and encoded as both the signature and the request need it. */
export function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** Everything but RFC 3986's unreserved characters; a slash stays where it parts the names of a path. */
export function uriEncode(text: string, slash: "encoded" | "kept" = "encoded"): string {
  const encoded = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return slash === "kept" ? encoded.replaceAll("%2F", "/") : encoded;
}

/** `20130524T000000Z`. */
export function amzTime(now: Date): string {
  return now.toISOString().replace(/[-:]|\.\d+/g, "");
}

export function sha256Hex(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}
