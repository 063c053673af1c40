import * as z from "zod";
import { alarmList, alarmRouteList } from "./kinds/alarm.ts";
import { defineOperation } from "./operation.ts";

export const alarmListOperation = defineOperation({
  name: "alarm.list",
  kind: "read",
  method: "GET",
  path: "/v1/alarms",
  summary: "What people are told of: what is wrong for long enough, as the answering peer sees it.",
  input: z.object({}),
  output: alarmList,
  example: {},
});

export const alarmRouteListOperation = defineOperation({
  name: "alarm-route.list",
  kind: "read",
  method: "GET",
  path: "/v1/alarm-routes",
  summary: "Which alarms are told whom, how, and which servers can deliver.",
  input: z.object({}),
  output: alarmRouteList,
  example: {},
});
