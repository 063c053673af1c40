import type { RoleDefinition } from "../core/ports/role.ts";
import { coordinator } from "./coordinator/index.ts";
import { secretStore } from "./secret-store/index.ts";

/** Every role that a label can give a machine. What is not here is not done by anybody. */
export const roles: readonly RoleDefinition[] = [coordinator, secretStore];
