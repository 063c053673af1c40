import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");

/** Everything of this project that a module can load, at once or later. */
async function reachableFrom(entry: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    outdir: "unused",
    write: false,
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

const ofTheDemo = (paths: readonly string[]) => paths.filter((path) => /^src[/](demo[/]|cli[/]demo-door)/.test(path));

describe("the link that can be cut", () => {
  it.each(["src/node/host.ts", "src/cli/commands/agent.ts"])("cannot be reached from %s", async (entry) => {
    const reachable = await reachableFrom(entry);
    expect(reachable).toContain("src/mesh/libp2p/link.ts");
    expect(ofTheDemo(reachable)).toEqual([]);
  });

  it("is reached by the demo's command alone", async () => {
    expect(ofTheDemo(await reachableFrom("src/cli/commands/demo.ts"))).toContain("src/demo/cuttable-link.ts");
  });
});
