import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { labelPath, declaredServerPath } from "../../../src/core/paths.ts";
import { declarationSubjects, planDeclarations } from "../../../src/operator/declarations/plan.ts";
import { readDeclarations } from "../../../src/operator/declarations/read.ts";
import { describeChange } from "../../../src/operator/change.ts";
import { LabError } from "../../../src/core/errors.ts";
import { Household } from "./household.ts";

function problemsOf(...texts: readonly string[]): string[] {
  const names = ["web.yaml", "more.yaml"];
  try {
    readDeclarations(texts.map((text, i) => ({ name: names[i] ?? `${i}.yaml`, text })));
    return [];
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== "InvalidFile") throw error;
    return [error.message, ...(error.facts.notes ?? [])];
  }
}

describe("what is wrong in a declaration", () => {
  test("is told with file, line, column, path and the nearest word, all of it at once", () => {
    const text = `labels:
  web:
    puppet_clases: [nginx]
    ports: [80, 70000]
    size: [1, 2]
  k8s_x:
    puppet_classes: [{a: {x: 1}, b: {}}, 7, "Bad Class"]
servers:
  web-1: { labels: [Web], disks: [500GB] }
  Web_2: 3
secrets:
  a/b: { type: dynamic }
groups: {}
lables: {}
`;
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      [
        "web.yaml:3:5 labels.web.puppet_clases - is not known here, did you mean puppet_classes?",
        "web.yaml:4:17 labels.web.ports.1 - a port is between 1 and 65535",
        "web.yaml:5:11 labels.web.size - expected text, received list",
        "web.yaml:7:22 labels.k8s_x.puppet_classes.0 - a class with parameters is a map with one key",
        "web.yaml:7:42 labels.k8s_x.puppet_classes.1 - expected text, received number",
        "web.yaml:7:45 labels.k8s_x.puppet_classes.2 - "Bad Class" is not the name of a Puppet class",
        "web.yaml:9:21 servers.web-1.labels.0 - "Web" is not a label: lower-case letters, digits, dots, hyphens and underscores",
        "web.yaml:9:27 servers.web-1.disks - is not supported by this release",
        "web.yaml:10:10 servers.Web_2 - expected map, received number",
        "web.yaml:12:16 secrets.a/b.type - only "static" is supported by this release",
        "web.yaml:13:1 groups - is not supported by this release",
        "web.yaml:14:1 lables - is not known here, did you mean labels?",
      ]
    `);
  });

  test("is a name that cannot be one", () => {
    expect(
      problemsOf("labels: {Web: {}}\nservers: {web_1: {}}\nsecrets: {/tls: {type: static}}\n"),
    ).toMatchInlineSnapshot(`
      [
        "web.yaml:1:10 labels.Web - is not a label: lower-case letters, digits, dots, hyphens and underscores, at most 63",
        "web.yaml:2:11 servers.web_1 - is not a server name: lower-case letters, digits and hyphens, at most 63",
        "web.yaml:3:11 secrets./tls - is not a secret's path: lower-case parts joined by slashes, such as web/tls",
      ]
    `);
  });

  test("is a name that stands twice, in one map, in two documents or in two files: both places are told", () => {
    expect(problemsOf("labels:\n  web: {}\n  web: {}\n")).toEqual([
      "web.yaml:3:3 web - stands here twice, first at 2:3",
    ]);
    expect(problemsOf("labels: {web: }\n---\nlabels: {web: }\n")).toEqual([
      "web.yaml:3:10 labels.web - is declared twice, first at web.yaml:1:10",
    ]);
    expect(problemsOf("labels: {web: }", "\nlabels: {web: }")).toEqual([
      "more.yaml:2:10 labels.web - is declared twice, first at web.yaml:1:10",
    ]);
  });

  test.each([
    ["an envelope", "kind: Label\nmetadata: {name: web}\n", /^web.yaml:1:1 kind - is not supported by this release$/],
    ["a list", "- a\n", /^web.yaml:1:1 - expected map, received list$/],
    ["text that is not YAML", "labels: {web: [\n", /^web.yaml:2:1 - Flow sequence/],
    ["a tag", "labels: !!python/object {}\n", /^web.yaml:1:9 - Unresolved tag/],
    ["an alias of nothing", "labels: *x\n", /^web.yaml:1:9 \*x - is an alias of nothing$/],
    ["a merge", "labels:\n  web: {<<: {size: big}}\n", /^web.yaml:2:9 labels.web.<< - is not known here$/],
    ["a date in a class parameter", "labels: {web: {puppet_classes: {a: {t: .nan}}}}\n", /labels.web.puppet_classes/],
    ["a key that objects have", "labels: {__proto__: {}}\n", /^web.yaml:1:10 __proto__ - is not a name$/],
  ])("is %s", (_, text, problem) => {
    expect(problemsOf(text)[0]).toMatch(problem);
  });

  test("is a bomb of aliases, which is not blown up", () => {
    const bomb = ["a: &a0 [x,x,x,x,x,x,x,x,x]"];
    for (let i = 1; i < 12; i++)
      bomb.push(
        `b${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(",")}]`,
      );
    expect(problemsOf(bomb.join("\n"))).toEqual([expect.stringMatching(/^web.yaml:1:1 - more than 100 uses/)]);
  });

  test("never lets a part of the rest through", () => {
    expect(() => readDeclarations([{ name: "a.yaml", text: "labels: {web: {}, Bad: {}}" }])).toThrow(/Bad/);
  });
});

describe("declarations", () => {
  let house: Household;
  beforeEach(async () => {
    house = await Household.create();
  });
  afterEach(() => house.remove());

  async function apply(text: string): Promise<string[]> {
    const declarations = readDeclarations([{ name: "homelab.yaml", text }]);
    const session = await house.session(declarationSubjects(declarations));
    try {
      const plan = planDeclarations(declarations, session.context, house.nowMs);
      if (plan.changes.length > 0) await session.sign(plan);
      return plan.changes.map(describeChange);
    } finally {
      session.close();
    }
  }

  const TEXT = `
labels:
  web: { puppet_classes: [nginx, {certbot: {email: me@example.org}}], ports: 443, secrets: [web/tls] }
  prod:
secrets:
  web/tls: { type: static }
servers:
  laptop: { provider: ssh, labels: [web, secret-store, pxe], environment: prod }
  nas-1: { provider: baremetal, labels: storage, size: large }
`;

  test("are applied as one batch and change nothing the second time", async () => {
    expect(await apply(TEXT)).toEqual([
      "+ label web",
      "+ label prod",
      "+ secret web/tls",
      "+ server laptop label web",
      "+ server laptop role pxe",
      "+ server laptop environment prod",
      "+ server laptop provider ssh",
      "+ server nas-1 (pending)",
    ]);
    expect(await apply(TEXT)).toEqual([]);
    const view = house.laptop.replica.view();
    expect(view.desired(labelPath("web"))?.value).toEqual({
      puppetClasses: ["nginx", { name: "certbot", parameters: { email: "me@example.org" } }],
      ports: [443],
      secrets: ["web/tls"],
    });
    expect(view.labelsOf(view.nodeByName("laptop")?.id ?? "")).toEqual(["coordinator", "pxe", "secret-store", "web"]);
    expect(view.desired(declaredServerPath("nas-1"))?.value).toEqual({
      labels: ["storage"],
      provider: "baremetal",
      size: "large",
    });
    expect(house.ownLog().head?.seq).toBe(1);
  });

  test("tell what changes, member by member, and leave alone what they do not mention", async () => {
    await apply(TEXT);
    const changed = `
labels: { web: { ports: [80, 443], size: small } }
servers: { laptop: { labels: [eu], environment: staging } }
`;
    expect(await apply(changed)).toEqual([
      "- label web puppetClasses",
      "~ label web ports [443] → [80,443]",
      "- label web secrets",
      "+ label web size small",
      "+ server laptop label eu",
      "~ server laptop environment prod → staging",
    ]);
    const view = house.laptop.replica.view();
    expect(view.labelsOf(view.nodeByName("laptop")?.id ?? "")).toContain("web");
  });

  test("of the example homelab are valid", async () => {
    const dir = join(import.meta.dirname, "../../../examples/homelab");
    const files = readdirSync(dir).filter((name) => name.endsWith(".yaml"));
    const text = files.map((name) => readFileSync(join(dir, name), "utf8")).join("---\n");
    expect(await apply(text)).toContain("+ server dgx-spark (pending)");
    expect(await apply(text)).toEqual([]);
  });
});
