import * as z from "zod";
import { ALARM_KINDS } from "../../core/alarms/kinds.ts";
import { SEVERITIES } from "../../core/model/alert.ts";
import { listOf, time } from "./meta.ts";

export const alarmSchema = z
  .looseObject({
    id: z.string().describe("The same every time that the same thing happens."),
    kind: z.enum(ALARM_KINDS),
    about: z.string().describe("What it concerns: a server, a role, a name, a log, a token, the mesh."),
    server: z.string().nullable().describe("The server that it concerns; null if it concerns none."),
    severity: z.enum(SEVERITIES),
    detail: z.string().describe("What is wrong, and what to do."),
    since: time,
    raisedBy: z.string().nullable().describe("The machine that raised it for all; null until one has."),
    delivered: z
      .array(z.looseObject({ route: z.string(), by: z.string(), at: time }))
      .describe("Who was told, by which route and from which machine."),
    acknowledged: z
      .looseObject({ by: z.string(), at: time, reason: z.string() })
      .nullable()
      .describe("Who has seen it: it is told nobody again."),
    silenced: z
      .looseObject({ by: z.string(), until: time, reason: z.string() })
      .nullable()
      .describe("Until when it is told nobody."),
  })
  .meta({ id: "Alarm" });
export type Alarm = z.infer<typeof alarmSchema>;

export const alarmRouteSchema = z
  .looseObject({
    name: z.string(),
    channel: z.enum(["webhook", "command", "smtp"]).nullable().describe("Null if this release does not know it."),
    to: z.string().describe("The host, the program, or the addresses."),
    kinds: z.array(z.string()).describe("Empty is every kind."),
    severity: z.enum(SEVERITIES).describe("The least severe that it tells."),
    repeatEverySeconds: z.number().nullable(),
    servers: z.array(z.string()).describe("Servers that have what it takes to deliver."),
  })
  .meta({ id: "AlarmRoute" });
export type AlarmRoute = z.infer<typeof alarmRouteSchema>;

export const alarmRouteList = listOf("AlarmRoute", alarmRouteSchema);

export const alarmList = listOf("Alarm", alarmSchema);
