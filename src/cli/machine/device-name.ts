import { hostname } from "node:os";
import { isServerName } from "../../core/names.ts";

/** A host name as a server's name: its first part, in the letters that names have. */
export function deviceName(host = hostname()): string {
  const name = (host.toLowerCase().split(".")[0] ?? "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  const short = name.slice(0, 63).replace(/-+$/, "");
  return isServerName(short) ? short : "device";
}

/** Who operates, as this device calls its user; nobody is called root, because root of the mesh is somebody else. */
export function operatorNameOf(env: Readonly<Record<string, string | undefined>>, user: string): string {
  const name = deviceName(env["SUDO_USER"] || env["USER"] || user);
  return name === "root" || name === "device" ? "operator" : name;
}
