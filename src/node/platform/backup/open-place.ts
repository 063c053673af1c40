import type { BackupPlace, PlaceAddress } from "../../../core/backup/place.ts";
import { DirectoryPlace } from "./directory-place.ts";
import { GitPlace } from "./git-place.ts";
import { readCredentials } from "./s3-credentials.ts";
import { S3Place } from "./s3-place.ts";

const DEFAULT_REGION = "us-east-1";

export interface PlaceSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the AWS tools' form. */
  readonly s3Credentials: string | undefined;
}

/** Nothing is asked of the place yet. Throws `Usage` where credentials are missing. */
export async function openPlace(
  address: PlaceAddress,
  { env, s3Credentials }: PlaceSurroundings,
): Promise<BackupPlace> {
  switch (address.kind) {
    case "dir":
      return new DirectoryPlace(address.path);
    case "git":
      return new GitPlace(address.repository, address.branch);
    case "s3":
      return new S3Place({
        address,
        credentials: await readCredentials(env, s3Credentials),
        region: env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || DEFAULT_REGION,
        now: () => new Date(),
      });
  }
}
