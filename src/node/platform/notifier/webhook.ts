import { createHmac } from "node:crypto";
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AlarmChannel } from "../../../core/model/alarm-route.ts";
import type { AlarmNotice } from "../../../core/ports/notifier.ts";
import type { Secret } from "../../../core/secret.ts";
import { RELEASE } from "../../release.ts";

type Webhook = AlarmChannel & { readonly kind: "webhook" };

const SIGNATURE_HEADER = "lab-signature";

/**
 * Posts the notice as JSON. Anything but a 2xx is a failure, a redirect as well: it would carry the notice, and what
 * signs it, where no operator sent it.
 */
export async function postWebhook(
  channel: Webhook,
  notice: AlarmNotice,
  secret: Secret | null,
  nowMs: number,
): Promise<void> {
  const body = JSON.stringify(notice);
  const url = new URL(channel.url);
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "user-agent": `lab/${RELEASE}`,
    "idempotency-key": notice.delivery,
    ...(secret === null ? {} : { [SIGNATURE_HEADER]: signatureOf(body, secret, nowMs) }),
  };
  await new Promise<void>((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request: ClientRequest = send(url, { method: "POST", headers, agent: false }, (answer: IncomingMessage) => {
      const { statusCode = 0 } = answer;
      // What it says is of no use; the connection goes with it.
      answer.destroy();
      clearTimeout(timer);
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(new Error(`${url.host} answered ${statusCode}`));
    });
    const timer = setTimeout(() => {
      request.destroy(new Error(`${url.host} has not answered for ${channel.timeoutSeconds} s`));
    }, channel.timeoutSeconds * 1000);
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(body);
  });
}

/**
 * `t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body. The time is signed so that an old
 * notice cannot be sent again much later.
 */
export function signatureOf(body: string, secret: Secret, nowMs: number): string {
  const time = Math.floor(nowMs / 1000);
  return `t=${time},v1=${createHmac("sha256", secret.reveal()).update(`${time}.${body}`).digest("hex")}`;
}
