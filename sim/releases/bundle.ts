import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

/** What a world gives an agent and what an agent throws at it: there is one of each, whatever releases meet there. */
const SHARED = ["core/errors.ts", "core/secret.ts", "core/ports/disk.ts", "core/ports/link.ts"];
const ENTRY = `
export { Agent } from "./src/node/agent.ts";
export { noteLoss } from "./src/node/loss.ts";
export { OperationCalls } from "./src/node/operation-calls.ts";
export { roles } from "./src/roles/catalogue.ts";
`;

/**
 * The agent of the sources below `root` as one module. What it shares with the world, and its packages, are imported as
 * `shared:core/errors.ts` and `package:yaml`: whoever loads it says where these are.
 */
export async function bundleRelease(
  root: string,
  change: (path: string, source: string) => string = (_, source) => source,
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: root, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    write: false,
    tsconfigRaw: {},
    plugins: [boundary(root), changed(root, change)],
  });
  return outputFiles[0]?.text ?? "";
}

function boundary(root: string): Plugin {
  return {
    name: "boundary",
    setup(building) {
      building.onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
        if (path.startsWith("node:")) return { path, external: true };
        if (!path.startsWith(".")) return { path: `package:${path}`, external: true };
        const shared = SHARED.find((one) => resolve(resolveDir, path) === join(root, "src", one));
        return shared === undefined ? undefined : { path: `shared:${shared}`, external: true };
      });
    },
  };
}

function changed(root: string, change: (path: string, source: string) => string): Plugin {
  return {
    name: "changed",
    setup(building) {
      building.onLoad({ filter: /[.]ts$/ }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        return { contents: change(path.slice(root.length + 1), source), loader: "ts" };
      });
    },
  };
}
