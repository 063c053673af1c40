import { LabError } from "./errors.ts";

/** Lower-case DNS label (RFC 1035 §2.3.1, relaxed by RFC 1123 §2.1): 1 to 63 of `a-z 0-9 -`, no hyphen at either end. */
export const SERVER_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export const LABEL_NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
/** Parts of `[a-z0-9][a-z0-9-]*` joined by `/`: at most 8 parts and 200 characters. */
export const SECRET_PATH = /^(?=.{1,200}$)[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*){0,7}$/;

export function isServerName(name: string): boolean {
  return SERVER_NAME.test(name);
}

export function isLabelName(name: string): boolean {
  return LABEL_NAME.test(name);
}

/** The built-in label of every enrolled server. */
export const EVERY_SERVER = "*";

/** A user or a group of a machine, as useradd(8) takes it. */
export function isAccountName(name: string): boolean {
  return /^[a-z_][a-z0-9_-]{0,31}$/.test(name);
}

export function isSecretPath(path: string): boolean {
  return SECRET_PATH.test(path);
}

/** `of` says whose name it is: operators, meshes and devices are named like servers. Throws `InvalidName`. */
export function requireServerName(name: string, field = "name", of = "a server"): string {
  if (isServerName(name)) return name;
  throw new LabError("InvalidName", `"${name}" cannot be the name of ${of}`, {
    field,
    hint: "lower-case letters, digits and hyphens, at most 63, no hyphen at either end (web-1)",
  });
}

export function requireLabelName(name: string, field = "label"): string {
  if (isLabelName(name)) return name;
  const [key = "", value] = name.split("=");
  const hint =
    value === undefined
      ? "lower-case letters, digits, dots, hyphens and underscores, at most 63 (k8s-worker)"
      : (ATTRIBUTES as readonly string[]).includes(key)
        ? `labels have no values; write "lab set server NAME ${name}"`
        : `labels have no values; choose a label like "${isLabelName(value) ? value : "web"}"`;
  throw new LabError("InvalidName", `"${name}" is not a label`, { field, hint });
}

export function requireSecretPath(path: string, field = "path"): string {
  if (isSecretPath(path)) return path;
  throw new LabError("InvalidName", `"${path}" is not a secret's path`, {
    field,
    hint: "parts of lower-case letters, digits and hyphens, joined by slashes (web/tls)",
  });
}

/** The labels that make an agent run a role. Granting one is an authority change. */
export const ROLE_LABELS = ["coordinator", "secret-store", "pxe", "host-agent"] as const;
export type RoleLabel = (typeof ROLE_LABELS)[number];

export function isRoleLabel(name: string): name is RoleLabel {
  return (ROLE_LABELS as readonly string[]).includes(name);
}

/** Single-valued attributes of a server. */
export const ATTRIBUTES = ["environment", "region", "provider", "size"] as const;
