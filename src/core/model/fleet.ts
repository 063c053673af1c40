import type { AlarmRoute } from "./alarm-route.ts";
import type { Alert } from "./alert.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Group } from "./group.ts";
import type { Label } from "./label.ts";
import type { ClassScan } from "./scan.ts";
import type { SecretDeclaration } from "./secret-declaration.ts";
import type { ServerRecord } from "./server.ts";
import type { Size } from "./size.ts";

/** Everything that decides what applies where: operators' desired state and who is a member. No observation is in it. */
export interface Fleet {
  /** By name, then id. Nodes that were cut are not among them. */
  readonly servers: readonly ServerRecord[];
  readonly labels: ReadonlyMap<string, Label>;
  readonly groups: ReadonlyMap<string, Group>;
  readonly alerts: ReadonlyMap<string, Alert>;
  readonly sizes: ReadonlyMap<string, Size>;
  readonly secrets: ReadonlyMap<string, SecretDeclaration>;
  readonly alarmRoutes: ReadonlyMap<string, AlarmRoute>;
  /** By class. */
  readonly scans: ReadonlyMap<string, ClassScan>;
  /** What in the records could not be read. */
  readonly problems: readonly Diagnostic[];
}
