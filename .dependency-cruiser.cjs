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
const door = "^src/cli/node-door[.]ts$";

const layers = Object.entries(floor).map(([name, below]) => ({
  name: `${name}-looks-down`,
  severity: "error",
  comment: `src/${name} may import: ${["itself", ...below].join(", ")}.`,
  from: { path: room(name), ...(name === "cli" ? { pathNot: door } : {}) },
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
      comment: "The door leads to the agent and the demo; what else it needs, it gets as an argument.",
      from: { path: door },
      to: { path: "^src/", pathNot: ["core", "operations", "node", "demo", "cli"].map(room) },
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
    only("fastify-stays-in-api", "(fastify|@fastify)/", "^src/node/api/"),
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
