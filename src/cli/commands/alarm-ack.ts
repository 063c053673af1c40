import { writeAck } from "../../core/alarms/handled.ts";
import { LabError, NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { alarmAckPath } from "../../core/paths.ts";
import type { Alarm } from "../../operations/kinds/alarm.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { Change } from "../../operator/change.ts";
import type { CommandContext } from "../command.ts";
import { printChanges, withSigning } from "../signing/signing.ts";

/** `lab alarm ack ID...`: all of them or none. The beginning of an id is enough where no other begins so. */
export async function run(ctx: CommandContext): Promise<number> {
  const reason = ctx.flags.value("reason") ?? "";
  const connection = await ctx.connect("replica");
  const { items } = (await connection.call("GET", "/v1/alarms")) as ListDocument<Alarm>;
  const meant = [...new Set(ctx.args.all("ID").map((id) => alarmNamed(items, id)))];
  const unseen = meant.filter(({ acknowledged }) => acknowledged === null);
  const paths = unseen.map(({ id }) => alarmAckPath(id));
  const signing = async ({ session }: Parameters<Parameters<typeof withSigning>[2]>[0]) => {
    const writes = unseen.map(({ id, since }) => ({
      path: alarmAckPath(id),
      value: writeAck(Date.parse(since), reason),
    }));
    if (writes.length > 0) await session.sign({ writes });
    await printChanges(ctx, session.context, unseen.map(changeOf));
  };
  await withSigning(ctx, { paths }, signing, connection);
  return 0;
}

function alarmNamed(alarms: readonly Alarm[], id: string): Alarm {
  const found = alarms.filter((alarm) => alarm.id.startsWith(id));
  const [first] = found;
  if (first === undefined) {
    const known = alarms.map((alarm) => alarm.id);
    throw new NotFoundError("alarm", id, nearest(id, known));
  }
  if (found.length === 1) return first;
  throw new LabError("Usage", `${found.length} alarms begin with "${id}"`, {
    field: "ID",
    notes: found.map((alarm) => `${alarm.id} ${alarm.kind} ${alarm.about}`),
  });
}

function changeOf({ id, kind, about }: Alarm): Change {
  const to = `${kind} ${about}`;
  return { action: "create", kind: "alarm", name: id, field: "acknowledged", from: null, to, why: null };
}
