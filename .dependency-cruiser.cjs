// The floor plan. Each room lists the rooms that it may look down into: one table, read by people and by `npm run check`.
// test/house/walls.test.ts plants a violation of every rule below and sees it reported.
const floor = {
  core: [],
  operations: ["core"],
  crdt: ["core"],
  mesh: ["core"],
  operator: ["core", "operations", "crdt"],
  roles: ["core", "operations"],
  node: ["core", "operations", "crdt", "mesh", "roles"],
  demo: ["core", "operations", "crdt", "operator", "mesh", "node"],
  cli: ["core", "operations", "operator"],
};

const room = (name) => `^src/${name}/`;
const doors = "^src/cli/(node|demo)-door[.]ts$";

const layers = Object.entries(floor).map(([name, below]) => ({
  name: `${name}-looks-down`,
  severity: "error",
  comment: `src/${name} may import: ${["itself", ...below].join(", ")}.`,
  from: { path: room(name), ...(name === "cli" ? { pathNot: doors } : {}) },
  to: { path: "^src/", pathNot: [name, ...below].map(room) },
}));

const only = (name, packages, home) => ({
  name,
  severity: "error",
  comment: `${packages} is imported only under ${home}.`,
  from: { path: "^(src|sim)/", pathNot: home },
  to: { path: `node_modules/${packages}` },
});

module.exports = {
  forbidden: [
    ...layers,
    {
      name: "core-names-its-packages",
      severity: "error",
      comment: "core may use zod and cborg, nothing else from npm.",
      from: { path: "^src/core/" },
      to: { path: "node_modules/", pathNot: "node_modules/(zod|cborg)/" },
    },
    {
      name: "roles-are-strangers",
      severity: "error",
      comment: "Roles talk through state and operations, never by imports.",
      from: { path: "^src/roles/([^/]+)/" },
      to: { path: "^src/roles/[^/]+/", pathNot: "^src/roles/$1/" },
    },
    {
      name: "node-sees-only-the-role-catalogue",
      severity: "error",
      from: { path: "^src/node/" },
      to: { path: "^src/roles/", pathNot: "^src/roles/catalogue[.]ts$" },
    },
    {
      name: "one-door-from-cli-to-node",
      severity: "error",
      comment: "One door leads to the agent and one to the demo; what else they need, they get as arguments.",
      from: { path: "^src/cli/node-door[.]ts$" },
      to: { path: "^src/", pathNot: ["core", "operations", "node", "cli"].map(room) },
    },
    {
      name: "demo-has-its-own-door",
      severity: "error",
      comment: "The link that can be cut is behind it: no other command has a way to it.",
      from: { path: "^src/cli/demo-door[.]ts$" },
      to: { path: "^src/", pathNot: ["core", "operations", "demo", "cli"].map(room) },
    },
    {
      name: "only-the-demo-goes-through-its-door",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli/commands/demo[.]ts$" },
      to: { path: "^src/cli/demo-door[.]ts$" },
    },
    {
      name: "effects-live-at-the-edge",
      severity: "error",
      comment: "node: built-ins only where effects are allowed.",
      from: {
        path: "^src/",
        pathNot: [
          "^src/node/(platform|api|config)/",
          "^src/mesh/libp2p/",
          "^src/(cli|demo)/",
          "^src/operator/files(/|[.]ts$)",
          "^src/roles/[^/]+/(providers|backends|servers|health-sources)/",
        ],
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "sim-never-touches-the-real-world",
      severity: "error",
      from: { path: "^sim/" },
      to: { path: ["^src/node/(platform|api|config)/", "^src/(mesh/libp2p|operator|demo|cli)/", "^src/roles/[^/]+/"] },
    },
    {
      name: "nothing-shipped-imports-sim-or-test",
      severity: "error",
      from: { path: "^(src|scripts)/" },
      to: { path: "^(sim|test|bench)/" },
    },
    { name: "sim-never-imports-test", severity: "error", from: { path: "^sim/" }, to: { path: "^test/" } },
    only("libp2p-stays-in-mesh", "(libp2p|@libp2p|@chainsafe|@multiformats)/", "^src/mesh/libp2p/"),
    only("yjs-stays-in-crdt", "(yjs|y-protocols|lib0)/", "^src/crdt/"),
    only("the-store-stays-in-platform", "classic-level/", "^src/node/platform/"),
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "not-to-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    // Packages that are ES modules only (libp2p) resolve by the `import` condition; without it their rule is blind.
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
