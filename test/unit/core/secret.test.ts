import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { format, inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ascii, toBase64Url, toHex } from "../../../src/core/bytes.ts";
import { LabError } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";

const PASSWORD = "correct horse battery staple";
const SECRET_MODULE = join(import.meta.dirname, "../../../src/core/secret.ts");

/** Every spelling under which the bytes could show up in a text. */
const SPELLINGS = [
  PASSWORD,
  toHex(ascii(PASSWORD)),
  toHex(ascii(PASSWORD)).toUpperCase(),
  toBase64Url(ascii(PASSWORD)),
  btoa(PASSWORD),
  [...ascii(PASSWORD)].slice(0, 5).join(","),
  [...ascii(PASSWORD)].map((byte, at) => `"${at}":${byte}`).join(","),
  [...ascii(PASSWORD)].map((byte, at) => `'${at}':${byte}`).join(","),
  "636f727265",
];

describe("a secret", () => {
  const secret = new Secret(ascii(PASSWORD));
  // The linter refuses a secret in a text; here is somebody who told the compiler that it is one.
  const text = secret as unknown as string;

  const texts: Record<string, () => string> = {
    "as a string": () => String(secret),
    "in a template": () => `${text}`,
    "added to a string": () => "" + text,
    "added to a number": () => String(1 + (secret as unknown as number)),
    "joined in an array": () => [secret, secret].join("-"),
    "as a property name": () => Object.keys({ [text]: 1 }).join(),
    "by toString": () => secret.toString(),
    "by toLocaleString": () => secret.toLocaleString(),
    "as JSON": () => JSON.stringify(secret),
    "as JSON inside something": () => JSON.stringify({ a: [secret, { secret }] }),
    "by inspect": () => inspect(secret),
    "by inspect with everything shown": () =>
      inspect({ secret }, { depth: null, showHidden: true, showProxy: true, getters: true, maxArrayLength: null }),
    "by inspect in collections": () =>
      inspect([new Map([[secret, secret]]), new Set([secret]), { deep: { er: [secret] } }]),
    "by format": () => format("%s %o %O %j %d", secret, secret, secret, secret, secret),
    "in an error's message": () => inspect(new Error(`cannot use ${text}`)),
    "as an error's cause": () => inspect(new LabError("Failed", "no", {}, { cause: secret }), { showHidden: true }),
    "as an error's property": () => inspect(Object.assign(new Error("no"), { secret })),
    "in an error's facts": () => {
      const error = new LabError("Failed", "no", { hint: `${text}`, notes: [String(secret)] });
      return `${inspect(error, { depth: null })} ${JSON.stringify(error)} ${error.stack ?? ""}`;
    },
    "by its own properties": () => JSON.stringify([Object.keys(secret), Object.entries(secret), { ...secret }]),
    "by every symbol and name it has": () => inspect(Reflect.ownKeys(secret).map((key) => Reflect.get(secret, key))),
    "as a structured clone": () => inspect(structuredClone({ secret }), { showHidden: true }),
    "on a console or in an uncaught error": () => {
      const child = spawnSync(process.execPath, ["--input-type=module", "-e", consoleScript()], { encoding: "utf8" });
      expect(child.stdout).toContain("[secret]");
      return child.stdout + child.stderr;
    },
  };

  test.each(Object.keys(texts))("does not show %s", (way) => {
    // Without the spaces and line breaks that printers put between bytes.
    const shown = `${texts[way]?.() ?? ""}`.replaceAll(/\s+/g, "");
    expect(SPELLINGS.filter((spelling) => shown.includes(spelling.replaceAll(" ", "")))).toEqual([]);
  });

  test("says that it is one where its value would stand", () => {
    expect([String(secret), `${text}`, JSON.stringify(secret), inspect(secret)]).toEqual([
      "[secret]",
      "[secret]",
      '"[secret]"',
      "[secret]",
    ]);
  });

  test("shows its bytes to whoever says so", () => {
    expect(secret.reveal()).toEqual(ascii(PASSWORD));
    expect(secret.byteLength).toBe(PASSWORD.length);
  });

  test("is overwritten when it is wiped", () => {
    const bytes = ascii(PASSWORD);
    const wiped = new Secret(bytes);
    wiped.wipe();
    expect(bytes).toEqual(new Uint8Array(PASSWORD.length));
    expect(wiped.reveal()).toBe(bytes);
  });

  /** What a process really prints, uncaught errors included. */
  function consoleScript(): string {
    return `import { Secret } from ${JSON.stringify(SECRET_MODULE)};
      const secret = new Secret(new TextEncoder().encode(${JSON.stringify(PASSWORD.split(""))}.join("")));
      console.log(secret, { secret }, "%s", secret); console.error(secret); console.dir({ secret }, { showHidden: true });
      console.table([{ secret }]);
      throw Object.assign(new Error("cannot use " + secret, { cause: secret }), { secret });`;
  }
});
