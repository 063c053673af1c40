import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

/** What is imported by the files below. */
const STANDING: Readonly<Record<string, string>> = {
  "src/core/a.ts": "export const a = 1;",
  "src/core/hen.ts": 'import { egg } from "./egg.ts";\nexport const hen = () => egg;',
  "src/operations/a.ts": "export const a = 1;",
  "src/crdt/a.ts": "export const a = 1;",
  "src/mesh/a.ts": "export const a = 1;",
  "src/mesh/libp2p/a.ts": "export const a = 1;",
  "src/operator/a.ts": "export const a = 1;\nexport interface A { readonly a: number }",
  "src/roles/pxe/index.ts": "export const a = 1;",
  "src/roles/host-agent/index.ts": "export const a = 1;",
  "src/roles/catalogue.ts": 'export { a } from "./pxe/index.ts";',
  "src/node/agent.ts": "export const a = 1;",
  "src/node/platform/a.ts": "export const a = 1;",
  "src/demo/a.ts": "export const a = 1;",
  "src/cli/a.ts": "export const a = 1;",
  "sim/a.ts": "export const a = 1;",
  "test/a.ts": "export const a = 1;",
  "bench/a.ts": "export const a = 1;",
};

const from = (path: string) => `import { a } from "${path}";\nexport const b = a;`;
const all = (module: string) => `import * as x from "${module}";\nexport const b = x;`;

/** Rule → files that break it. */
const PLANTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "core-looks-down": { "src/core/up.ts": from("../operations/a.ts") },
  "operations-looks-down": { "src/operations/up.ts": from("../crdt/a.ts") },
  "crdt-looks-down": { "src/crdt/up.ts": from("../mesh/a.ts") },
  "mesh-looks-down": { "src/mesh/up.ts": from("../crdt/a.ts") },
  "operator-looks-down": { "src/operator/up.ts": from("../mesh/a.ts") },
  "roles-looks-down": { "src/roles/pxe/up.ts": from("../../node/agent.ts") },
  "node-looks-down": { "src/node/up.ts": from("../cli/a.ts"), "src/node/demo-switch.ts": from("../demo/a.ts") },
  "demo-looks-down": { "src/demo/up.ts": from("../cli/a.ts") },
  "cli-looks-down": {
    "src/cli/up.ts": from("../node/agent.ts"),
    "src/cli/lazily-up.ts": 'export const b = () => import("../node/agent.ts");',
    "src/cli/type-up.ts": 'import type { A } from "../crdt/a.ts";\nexport type B = A;',
  },
  "core-names-its-packages": { "src/core/packages.ts": all("yaml") },
  "roles-are-strangers": { "src/roles/pxe/friend.ts": from("../host-agent/index.ts") },
  "node-sees-only-the-role-catalogue": { "src/node/one-role.ts": from("../roles/pxe/index.ts") },
  "one-door-from-cli-to-node": { "src/cli/node-door.ts": `${from("../mesh/a.ts")}\nimport "../demo/a.ts";` },
  "demo-has-its-own-door": { "src/cli/demo-door.ts": from("../node/agent.ts") },
  "only-the-demo-goes-through-its-door": {
    "src/cli/commands/agent.ts": 'export const b = () => import("../demo-door.ts");',
  },
  "effects-live-at-the-edge": {
    "src/core/effect.ts": all("node:fs"),
    "src/node/effect.ts": all("node:crypto"),
    "src/mesh/effect.ts": all("node:net"),
    "src/operator/effect.ts": all("node:fs"),
    "src/roles/pxe/effect.ts": all("node:dgram"),
  },
  "sim-never-touches-the-real-world": {
    "sim/real-platform.ts": from("../src/node/platform/a.ts"),
    "sim/real-link.ts": from("../src/mesh/libp2p/a.ts"),
    "sim/real-cli.ts": from("../src/cli/a.ts"),
    "sim/one-role.ts": from("../src/roles/pxe/index.ts"),
  },
  "nothing-shipped-imports-sim-or-test": {
    "src/node/simulated.ts": from("../../sim/a.ts"),
    "src/core/tested.ts": from("../../test/a.ts"),
    "scripts/measured.ts": from("../bench/a.ts"),
  },
  "sim-never-imports-test": { "sim/tested.ts": from("../test/a.ts") },
  "libp2p-stays-in-mesh": {
    "src/node/libp2p.ts": all("libp2p"),
    "src/mesh/noise.ts": all("@libp2p/noise"),
    "sim/address.ts": all("@multiformats/multiaddr"),
  },
  "yjs-stays-in-crdt": { "src/operator/yjs.ts": all("yjs") },
  "the-store-stays-in-platform": { "src/crdt/level.ts": all("classic-level") },
  "no-circular": {
    "src/core/egg.ts": 'import { hen } from "./hen.ts";\nexport const egg = () => hen;',
  },
  "not-to-unresolvable": { "src/core/nowhere.ts": 'import { a } from "./no-such-file.ts";\nexport const b = a;' },
};

/** The same imports where they belong. */
const ALLOWED: Readonly<Record<string, string>> = {
  "src/core/shape.ts": all("zod"),
  "src/core/bytes.ts": all("cborg"),
  "src/operations/down.ts": from("../core/a.ts"),
  "src/crdt/document.ts": all("yjs"),
  "src/mesh/libp2p/link.ts": `${all("libp2p")}\nexport * as net from "node:net";\nexport { a } from "../a.ts";`,
  "src/operator/files/keys.ts": all("node:fs"),
  "src/operator/sign.ts": from("../crdt/a.ts"),
  "src/roles/pxe/servers/tftp.ts": all("node:dgram"),
  "src/node/roles.ts": from("../roles/catalogue.ts"),
  "src/node/platform/store.ts": `${all("classic-level")}\nexport * as fs from "node:fs";`,
  "src/demo/up-and-down.ts": from("../node/agent.ts"),
  "src/cli/write.ts":
    'import type { A } from "../operator/a.ts";\nexport const b = (): Promise<A> => import("../operator/a.ts");',
  "src/cli/agent.ts": 'export const b = () => import("./node-door.ts");',
  "sim/world.ts": `${from("../src/node/agent.ts")}\nexport * as crypto from "node:crypto";`,
};

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

const depcruise = join(root, "node_modules/.bin/depcruise");
const rules = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs")) as {
  readonly forbidden: readonly { readonly name: string }[];
};

function violationsIn(directory: string): Promise<Violation[]> {
  const folders = ["src", "sim", "test", "scripts", "bench"].filter((folder) => existsSync(join(directory, folder)));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [depcruise, "--config", ".dependency-cruiser.cjs", "--output-type", "json", ...folders],
      { cwd: directory, maxBuffer: 1 << 28 },
      (error, stdout) => {
        if (stdout === "") return reject(error ?? new Error("dependency-cruiser printed nothing"));
        resolve((JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations);
      },
    );
  });
}

describe("the walls between the rooms", () => {
  let house: string;
  let violations: Violation[];

  beforeAll(async () => {
    house = mkdtempSync(join(tmpdir(), "lab-walls-"));
    symlinkSync(join(root, "node_modules"), join(house, "node_modules"));
    for (const file of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"]) {
      cpSync(join(root, file), join(house, file));
    }
    for (const [path, source] of [STANDING, ALLOWED, ...Object.values(PLANTED)].flatMap((files) =>
      Object.entries(files),
    )) {
      mkdirSync(dirname(join(house, path)), { recursive: true });
      writeFileSync(join(house, path), `${source}\n`);
    }
    violations = await violationsIn(house);
  });

  afterAll(() => rmSync(house, { recursive: true, force: true }));

  it("has a planted violation for every rule", () => {
    expect(Object.keys(PLANTED).sort()).toEqual(rules.forbidden.map(({ name }) => name).sort());
  });

  it.each(Object.entries(PLANTED))("reports every file that breaks %s", (rule, files) => {
    const reported = new Set(violations.filter((violation) => violation.rule.name === rule).map(({ from }) => from));
    expect([...reported].sort()).toEqual(expect.arrayContaining(Object.keys(files).sort()));
  });

  it("says nothing about the same imports where they belong", () => {
    const innocent = new Set([...Object.keys(ALLOWED), ...Object.keys(STANDING)]);
    expect(violations.filter(({ from }) => innocent.has(from))).toEqual([]);
  });
});

describe("the house as it stands", () => {
  it("has no import through a wall", async () => {
    expect((await violationsIn(root)).map(({ rule, from }) => `${from}: ${rule.name}`)).toEqual([]);
  });
});
