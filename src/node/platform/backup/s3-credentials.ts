import { readFile } from "node:fs/promises";
import { LabError } from "../../../core/errors.ts";
import { Secret } from "../../../core/secret.ts";
import type { Credentials } from "./sigv4.ts";

const HINT = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --s3-credentials FILE";

/**
 * From a file as the AWS tools write it (the profile of `AWS_PROFILE`, else `default`), else from the environment.
 * Throws `Usage`, `InvalidFile`; no message repeats what is in the file.
 */
export async function readCredentials(
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): Promise<Credentials> {
  const path = file ?? (env["AWS_ACCESS_KEY_ID"] ? undefined : env["AWS_SHARED_CREDENTIALS_FILE"] || undefined);
  if (path === undefined)
    return complete(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"]);
  const profile = env["AWS_PROFILE"] || "default";
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new LabError(
      "InvalidFile",
      `${path} cannot be read: ${cause.message}`,
      { field: "s3-credentials" },
      { cause },
    );
  });
  const found = profileIn(text, profile);
  if (found === null) {
    throw new LabError("InvalidFile", `${path} has no profile [${profile}]`, { hint: "AWS_PROFILE names another" });
  }
  return complete(found.get("aws_access_key_id"), found.get("aws_secret_access_key"), found.get("aws_session_token"));
}

function complete(id: string | undefined, secret: string | undefined, token: string | undefined): Credentials {
  if (!id || !secret) throw new LabError("Usage", "there are no credentials for S3", { hint: HINT });
  return { accessKeyId: id, secretAccessKey: secretOf(secret), sessionToken: token ? secretOf(token) : null };
}

function secretOf(text: string): Secret {
  return new Secret(new TextEncoder().encode(text));
}

function profileIn(text: string, profile: string): ReadonlyMap<string, string> | null {
  let section: Map<string, string> | null = null;
  let found: Map<string, string> | null = null;
  for (const line of text.split(/\r?\n/)) {
    const title = /^\s*\[\s*([^\]]*?)\s*\]\s*$/.exec(line)?.[1];
    if (title !== undefined) section = title === profile ? (found ??= new Map()) : null;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) section?.set(name, value);
  }
  return found;
}
