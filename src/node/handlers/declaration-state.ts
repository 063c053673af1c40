import type { ServerRecord } from "../../core/model/server.ts";
import {
  alarmRoutePath,
  alertPath,
  declaredServerPath,
  groupPath,
  labelPath,
  scanPath,
  secretPath,
  sizePath,
} from "../../core/paths.ts";
import type { View } from "../../core/view.ts";
import type { declarationStateOperation } from "../../operations/declaration.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import { metaOf, type ReadSource } from "./read-source.ts";

type Input = InputOf<typeof declarationStateOperation>;
type Output = OutputOf<typeof declarationStateOperation>;

const OTHERS_NAMED = 20;
const USERS_NAMED = 1000;
/** What `lab set server` sets and a file may declare. */
const ATTRIBUTES = ["environment", "region", "provider", "size", "availability", "alarm_after"];
const PREFIXES = [
  labelPath(""),
  groupPath(""),
  alertPath(""),
  sizePath(""),
  secretPath(""),
  alarmRoutePath(""),
  scanPath(""),
];

/** All that a plan has to know: what stands in the way of the declarations, and what they would leave alone. */
export function declarationState(source: ReadSource, { servers, managedBy, usersOf }: Input): Output {
  const view = source.replica.view();
  const { servers: fleet } = source.targeting().fleet;
  const asked = new Set(servers);
  const owned = fleet.filter((server) => managedBy !== null && server.managedBy === managedBy);
  for (const { name } of owned) asked.add(name);
  const others = fleet.filter(({ name }) => !asked.has(name));
  return {
    meta: metaOf(source),
    mesh: view.mesh,
    records: Object.fromEntries(
      PREFIXES.flatMap((prefix) => view.desiredUnder(prefix).map(([path, { value }]) => [path, value])),
    ) as Output["records"],
    servers: Object.fromEntries([...asked].map((name) => [name, serverState(view, name)])),
    others: { count: others.length, names: others.slice(0, OTHERS_NAMED).map(({ name }) => name) },
    users: {
      labels: usersBy(usersOf.labels, fleet, ({ labels }, label) => labels.includes(label)),
      sizes: usersBy(usersOf.sizes, fleet, ({ size }, wanted) => size === wanted),
    },
  };
}

function serverState(view: View, name: string): Output["servers"][string] {
  const node = view.nodeByName(name);
  const record = (view.desired(declaredServerPath(name))?.value ?? null) as Output["servers"][string]["record"];
  if (node === undefined) return { id: null, state: null, labels: [], attributes: {}, record };
  const attributes = ATTRIBUTES.flatMap((attribute) => {
    const value = view.attributeOf(node.id, attribute);
    return value === undefined ? [] : [[attribute, value] as const];
  });
  const labels = [...view.labelsOf(node.id)];
  return { id: node.id, state: node.state, labels, attributes: Object.fromEntries(attributes), record };
}

function usersBy(
  names: readonly string[],
  fleet: readonly ServerRecord[],
  uses: (server: ServerRecord, name: string) => boolean,
): Output["users"]["labels"] {
  return Object.fromEntries(
    names.map((name) => {
      const found = fleet.filter((server) => uses(server, name)).map((server) => server.name);
      return [name, { count: found.length, servers: found.slice(0, USERS_NAMED) }];
    }),
  );
}
