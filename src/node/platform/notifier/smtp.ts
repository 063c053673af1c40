import { createHash } from "node:crypto";
import type { AlarmChannel } from "../../../core/model/alarm-route.ts";
import type { AlarmNotice } from "../../../core/ports/notifier.ts";
import type { Secret } from "../../../core/secret.ts";
import { utf8Decode, utf8Encode } from "../../../core/utf8.ts";
import { SmtpSession } from "./smtp-session.ts";

type Smtp = AlarmChannel & { readonly kind: "smtp" };

/** Sends the notice as a mail. A password leaves this machine under TLS only, and only to a server that proves its name. */
export async function sendMail(channel: Smtp, notice: AlarmNotice, password: Secret | null): Promise<void> {
  const { host, from, to, username, timeoutSeconds } = channel;
  let session: SmtpSession | null = null;
  const talk = async (): Promise<void> => {
    const open = await SmtpSession.open(channel, (begun) => {
      session = begun;
    });
    if (username !== null && password !== null) {
      await open.logIn({ username, password: utf8Decode(password.reveal()) });
    }
    await open.send(from, to, mailOf(channel, notice));
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${host} has not taken the mail within ${timeoutSeconds} s`);
    timer = setTimeout(() => reject(error), timeoutSeconds * 1000);
  });
  try {
    await Promise.race([talk(), late]);
  } finally {
    clearTimeout(timer);
    (session as SmtpSession | null)?.end();
  }
}

/** Words that UTF-8 in a header is cut into (RFC 2047 allows 75 characters in all). */
const WORD_BYTES = 42;
/** Of base64 on one line (RFC 2045). */
const LINE_LETTERS = 76;

/**
 * The mail, with lines ended by `\n` (RFC 5322, RFC 2045). What machines and people called things ends up in it: in
 * headers as encoded words, in the body as base64, so that no part of it can begin a header or end the mail.
 */
export function mailOf({ from, to }: Pick<Smtp, "from" | "to">, notice: AlarmNotice): string {
  const { alarm, mesh, state } = notice;
  const what = state === "resolved" ? "resolved" : alarm.severity;
  const since = `since ${alarm.since}${alarm.until === null ? "" : ` until ${alarm.until}`}`;
  const body = [
    alarm.detail,
    "",
    `${state === "resolved" ? "This is over" : "This goes on"}, ${since}.`,
    `mesh ${mesh}, alarm ${alarm.id} (${alarm.kind} ${alarm.about}), told by ${notice.from}`,
    ...(state === "resolved" ? [] : ["", `Seen it: lab alarm ack ${alarm.id}`]),
  ];
  const id = createHash("sha256").update(notice.delivery).digest("hex").slice(0, 32);
  return [
    `From: <${oneLine(from)}>`,
    `To: ${to.map((address) => `<${oneLine(address)}>`).join(",\n ")}`,
    `Subject: ${encodedWords(oneLine(`[${mesh}] ${what}: ${alarm.kind} ${alarm.about}`))}`,
    `Date: ${new Date(notice.time).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}@${oneLine(from.slice(from.indexOf("@") + 1))}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...inLines(Buffer.from(`${body.map(oneLine).join("\r\n")}\r\n`, "utf8").toString("base64")),
  ].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

/** Plain where it is short and plain, else words of RFC 2047; no letter is cut in two. */
function encodedWords(text: string): string {
  if (/^[\x20-\x7e]{0,60}$/.test(text) && !text.includes("=?")) return text;
  const words: string[] = [""];
  for (const letter of text) {
    const word = (words.at(-1) ?? "") + letter;
    if (utf8Encode(word).length > WORD_BYTES) words.push(letter);
    else words[words.length - 1] = word;
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word, "utf8").toString("base64")}?=`).join("\n ");
}

function inLines(letters: string): string[] {
  return letters.match(new RegExp(`.{1,${LINE_LETTERS}}`, "g")) ?? [];
}
