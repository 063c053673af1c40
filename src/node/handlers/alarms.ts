import { canDeliver } from "../../core/alarms/plan.ts";
import type { AlarmRoute as DeclaredRoute } from "../../core/model/alarm-route.ts";
import type { Alarm, AlarmRoute } from "../../operations/kinds/alarm.ts";
import { deliveryGround } from "../alarms/ground.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

export function listAlarms(source: ReadSource): unknown {
  const items = source.alarms().map(({ sinceMs, deliveries, acknowledged, silenced, ...alarm }): Alarm => {
    const told = deliveries.filter((delivery) => delivery.told === "raised");
    return {
      ...alarm,
      since: isoTime(sinceMs),
      delivered: told.map(({ route, by, atMs }) => ({ route, by, at: isoTime(atMs) })),
      acknowledged: acknowledged && {
        by: acknowledged.by,
        at: isoTime(acknowledged.atMs),
        reason: acknowledged.reason,
      },
      silenced: silenced && { by: silenced.by, until: isoTime(silenced.untilMs), reason: silenced.reason },
    };
  });
  return { kind: "AlarmList", meta: metaOf(source), items };
}

export function listAlarmRoutes(source: ReadSource): unknown {
  const ground = deliveryGround(source, () => source.targeting());
  const routes = [...ground.routes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const items = routes.map((route): AlarmRoute => {
    const { name, channel, kinds, severity, repeatEverySeconds } = route;
    const able = ground.members.filter((member) => canDeliver(ground, route, member));
    const servers = able.map((member) => member.name).sort();
    const told = { kinds: [...kinds], severity, repeatEverySeconds, servers };
    return { name, channel: channel?.kind ?? null, to: receiverOf(channel), ...told };
  });
  return { kind: "AlarmRouteList", meta: metaOf(source), items };
}

function receiverOf(channel: DeclaredRoute["channel"]): string {
  switch (channel?.kind) {
    case "webhook":
      return URL.parse(channel.url)?.host ?? "";
    case "command":
      return channel.program;
    case "smtp":
      return channel.to.join(", ");
    case undefined:
      return "";
  }
}
