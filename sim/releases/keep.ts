import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { bundleRelease } from "./bundle.ts";

const USAGE = `npm run sim:keep-release -- COMMIT NAME

Keeps the agent of a commit in test/releases, as a release that machines of
\`npm run sim -- --releases\` may run.

For example:
  npm run sim:keep-release -- v1.2.0 1.2.0`;

const [commit = "", name = ""] = process.argv.slice(2);
if (name === "" || commit.startsWith("-")) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(/^(-h|--help)$/.test(commit) ? 0 : 2);
}
const root = join(import.meta.dirname, "../..");
const sources = mkdtempSync(join(tmpdir(), "lab-release-"));
try {
  const archive = execFileSync("git", ["archive", commit, "src"], { cwd: root, maxBuffer: 1024 ** 3 });
  execFileSync("tar", ["-x", "-C", sources], { input: archive });
  const releases = join(root, "test/releases");
  mkdirSync(releases, { recursive: true });
  const packed = brotliCompressSync(await bundleRelease(sources)).toString("base64");
  writeFileSync(join(releases, `${name}.mjs.br.txt`), `${packed.replaceAll(/.{1000}/g, "$&\n")}\n`);
} finally {
  rmSync(sources, { recursive: true });
}
