import * as z from "zod";
import { ALARM_KINDS } from "../../core/alarms/kinds.ts";
import { durationMs } from "../../core/duration.ts";
import { MOST_TIMEOUT_SECONDS, SMTP_TLS } from "../../core/model/alarm-route.ts";
import { SEVERITIES } from "../../core/model/alert.ts";
import { duration, emptyable, listOf, secretReference } from "./fields.ts";
import { target } from "./target.ts";

const timeout = duration
  .refine((text) => inSeconds(text) >= 1 && inSeconds(text) <= MOST_TIMEOUT_SECONDS, {
    error: () => `between 1s and ${MOST_TIMEOUT_SECONDS}s, so that another machine can take over`,
  })
  .optional()
  .describe("How long the other side may take to answer (default: 10s).");

function inSeconds(text: string): number {
  return (durationMs(text) ?? 0) / 1000;
}

function urlFault(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return "is not an http or https address";
  if (url.username !== "" || url.password !== "") return "has a password in it; everybody could read that here";
  return url.hash === "" ? null : "has a part after #, which nobody would be sent";
}

const url = z
  .string()
  .max(2000)
  .refine((text) => urlFault(text) === null, { error: ({ input }) => `"${String(input)}" ${urlFault(String(input))}` });

/** Of RFC 5321 what mail systems take: no quotes, no spaces, nothing that could end a line. */
const address = z
  .string()
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/, {
    error: ({ input }) => `"${String(input)}" is not an address, such as lab@example.org`,
  });

const recipients = z.preprocess(
  (value) => (Array.isArray(value) || value === undefined ? value : [value]),
  z.array(address).min(1, "at least one address").max(32, "at most 32 addresses"),
);

const webhook = z
  .strictObject({
    url: url.describe("Where the JSON is posted. A redirect is a failure."),
    secret: secretReference.optional().describe("Path of the secret that signs, for the header lab-signature."),
    timeout,
  })
  .describe("A POST of JSON.");

const command = z
  .strictObject({
    program: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
        error: ({ input }) => `"${String(input)}" is not the name of a program: no folders, no arguments`,
      })
      .describe("Its name in alarm.d/ of the home; machines that have it there can deliver."),
    timeout,
  })
  .describe("A program on the machine itself, with the JSON on its standard input.");

const smtp = z
  .strictObject({
    host: z
      .string()
      .regex(/^[A-Za-z0-9:]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$/, {
        error: ({ input }) => `"${String(input)}" is not the name or address of a mail server`,
      })
      .describe("The mail server."),
    port: z.int().min(1).max(65_535).optional().describe("Its port (default: 587)."),
    from: address.describe("The sender."),
    to: recipients.describe("Who gets the mail."),
    tls: z
      .enum(SMTP_TLS)
      .optional()
      .describe("starttls where the server offers it, implicit from the first byte, or none (default: starttls)."),
    username: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/)
      .optional()
      .describe("Who logs in; never without TLS."),
    password: secretReference.optional().describe("Path of the secret that is the password."),
    timeout,
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: "username and password belong together",
  })
  .refine(({ username, tls }) => username === undefined || tls !== "none", {
    error: "nobody logs in without TLS: leave out tls, or username and password",
  })
  .describe("A mail.");

export const alarmRouteSpec = z
  .strictObject({
    webhook: webhook.optional(),
    command: command.optional(),
    smtp: smtp.optional(),
    kinds: listOf(z.enum(ALARM_KINDS)).describe("Only these kinds (default: every kind)."),
    severity: z.enum(SEVERITIES).optional().describe("The least severe that it tells (default: info)."),
    about: emptyable(target).optional().describe("Only alarms about such servers; without it, every alarm."),
    via: emptyable(target).optional().describe("Which servers may deliver (default: all that can)."),
    repeat_every: duration
      .refine((text) => inSeconds(text) >= 60, { error: () => "at least 1m" })
      .optional()
      .describe("How often it is told again while nobody acknowledges it (default: once)."),
  })
  .refine(({ webhook, command, smtp }) => [webhook, command, smtp].filter((one) => one !== undefined).length === 1, {
    error: "exactly one of webhook, command, smtp",
  })
  .describe("Which alarms are told whom, and how.");
