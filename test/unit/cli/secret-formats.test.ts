import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { exportText } from "../../../src/cli/secret-formats.ts";

/** Base64 of some bytes that YAML takes for a number, nothing or a yes where it stands without quotes. */
const WORDS = ["1234", "12e3", "0x1F", "+123", "null", "true", "1200", "99999999", ""];

describe("exported secrets whose base64 reads like something else than text", () => {
  const secrets = WORDS.map((word, i) => ({ path: `app/key-${i}`, value: Buffer.from(word, "base64") }));

  it("are text in a Secret of Kubernetes", () => {
    const { data } = parse(exportText("k8s", secrets)) as { data: Record<string, unknown> };
    expect(data).toEqual(Object.fromEntries(WORDS.map((word, i) => [`app.key-${i}`, word])));
  });

  it("are text in the files of cloud-init", () => {
    const { write_files: files } = parse(exportText("cloud-init", secrets)) as { write_files: { content: unknown }[] };
    expect(files.map(({ content }) => content)).toEqual(WORDS);
  });
});
