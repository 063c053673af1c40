import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clearHome, SECRETS_NOTE, writeNote } from "../../../src/node/platform/home.ts";
import { claimSecretPlace } from "../../../src/node/platform/secret-place.ts";
import { systemSecretDirectory } from "../../../src/node/platform/secret-directory.ts";
import { bring } from "./bring.ts";

describe("the place of a home's secrets", () => {
  let top: string;
  let [home, place] = ["", ""];
  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), "lab-secret-place-"));
    [home, place] = [join(top, "home"), join(top, "secrets")];
    mkdirSync(join(home, "run"), { recursive: true });
    mkdirSync(place);
    await claimSecretPlace(place, home);
    await writeNote(home, SECRETS_NOTE, place);
    await bring(systemSecretDirectory(place), { "web/tls": "one" });
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it("is empty when the member is taken out of the home", async () => {
    await clearHome(home);
    expect(readdirSync(place)).toEqual([]);
    await clearHome(home);
  });

  it("is left alone when it is another home's by now", async () => {
    writeFileSync(join(place, "..home"), `${top}/other\n`);
    await clearHome(home);
    expect(existsSync(join(place, "web/tls"))).toBe(true);
  });

  it("is refused to another home while it is taken", async () => {
    await claimSecretPlace(place, home);
    await expect(claimSecretPlace(place, join(top, "other"))).rejects.toMatchObject({
      code: "AlreadyExists",
      message: `${place} holds the secrets of the agent of ${home}`,
    });
  });
});
