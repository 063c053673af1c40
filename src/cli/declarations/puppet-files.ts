import { relative, resolve, sep } from "node:path";
import { LabError } from "../../core/errors.ts";
import { PUPPET_EXTENSIONS, type PuppetFile } from "../../core/puppet/scan.ts";
import { decodeText, type FileChoice, filesUnder, readBytes } from "./files-under.ts";

const MODULES: Omit<FileChoice, "usage"> = {
  matches: new RegExp(`(${PUPPET_EXTENSIONS.map((end) => `[.]${end.slice(1)}`).join("|")})$`),
  what: "Puppet manifests or templates",
  hint: "manifests end in .pp, templates in .epp",
};
/** The largest manifest of a hundred well-known modules has a tenth of that. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 20_000;

/** The code of a tree of modules. What stands under `spec/` and `fixtures/` is tried by nobody but tests. */
export function readPuppetFiles(dir: string, cwd: string, usage: string): PuppetFile[] {
  let bytes = 0;
  const paths = filesUnder(dir, cwd, { ...MODULES, usage }).filter((path) => !isTest(pathIn(dir, cwd, path)));
  if (paths.length > MAX_FILES) throw tooMuch(dir, `more than ${MAX_FILES} files`);
  return paths.map((path) => {
    const content = readBytes(path, cwd, MAX_FILE_BYTES, usage);
    bytes += content.length;
    if (bytes > MAX_BYTES) throw tooMuch(dir, `more than ${MAX_BYTES / 1024 / 1024} MiB`);
    return { path: pathIn(dir, cwd, path), text: decodeText(path, content) };
  });
}

function pathIn(dir: string, cwd: string, path: string): string {
  const inside = relative(resolve(cwd, dir), resolve(cwd, path)).split(sep).join("/");
  return inside === "" ? path : inside;
}

function isTest(path: string): boolean {
  return /(^|[/])(spec|fixtures)[/]/.test(path);
}

function tooMuch(dir: string, what: string): LabError {
  return new LabError("TooLarge", `${dir} has ${what}`, { hint: "scan one directory of modules at a time" });
}
