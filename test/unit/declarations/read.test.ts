import { describe, expect, test } from "vitest";
import { declaredKinds } from "../../../src/operations/declarations/registry.ts";
import { readDeclarations } from "../../../src/operator/declarations/read.ts";
import { problemsOf, read } from "./problems-of.ts";

describe("what is wrong in a declaration", () => {
  test("is told with file, line, column, path and the nearest word, all of it at once", () => {
    const text = `labels:
  web:
    puppet_clases: [nginx]
    ports: [80, 70000]
    size: [1, 2]
  k8s_x:
    puppet_classes: [{a: {x: 1}, b: {}}, 7, "Bad Class", {Bad: {}}]
groups:
  prod: { match: { enviroment: prod, labels: yes }, exclude: { all_labels: [a] } }
alerts:
  - { name: disk_low, condition: 7, severity: crit, for: 5 minutes }
  - { name: no_condition }
  - disk_full
sizes:
  big: { abstract: { cores: 0, memory: 8, disk: 8 gigs }, providers: { aws: [t3] } }
secrets:
  a/b: { type: dynamic, rotate_every: 90, strict: yes, mode: 999 }
servers:
  web-1: { labels: [Web], region: 1.10, disks: 500GB, availability: sometimes }
  Web_2: 3
lables: {}
`;
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      [
        "web.yaml:3:5 labels.web.puppet_clases - is not known here, did you mean puppet_classes?",
        "web.yaml:4:17 labels.web.ports.1 - a port is between 1 and 65535",
        "web.yaml:5:11 labels.web.size - expected text, found a list",
        "web.yaml:7:22 labels.k8s_x.puppet_classes.0 - a class with parameters is a map with one key",
        "web.yaml:7:42 labels.k8s_x.puppet_classes.1 - expected text or a map, found a number; in quotes it is text: "7"",
        "web.yaml:7:45 labels.k8s_x.puppet_classes.2 - "Bad Class" is not the name of a Puppet class",
        "web.yaml:7:59 labels.k8s_x.puppet_classes.3.Bad - "Bad" is not the name of a Puppet class",
        "web.yaml:9:20 groups.prod.match.enviroment - is not known here, did you mean environment?",
        "web.yaml:9:64 groups.prod.exclude.all_labels - is not known here",
        "web.yaml:11:34 alerts.0.condition - expected text, found a number; in quotes it is text: "7"",
        "web.yaml:11:47 alerts.0.severity - "crit" is not one of info, warning, critical, did you mean critical?",
        "web.yaml:11:58 alerts.0.for - "5 minutes" is not a duration of whole seconds, such as 30s, 5m, 24h, 90d",
        "web.yaml:12:5 alerts.1.condition - is missing: text",
        "web.yaml:13:5 alerts.2 - expected a map with a name",
        "web.yaml:15:29 sizes.big.abstract.cores - at least one core",
        "web.yaml:15:40 sizes.big.abstract.memory - 8 needs a unit, such as 8GB or 8GiB",
        "web.yaml:15:49 sizes.big.abstract.disk - "8 gigs" is not a size, such as 8GB (8·10⁹ bytes) or 8GiB (8·2³⁰)",
        "web.yaml:15:77 sizes.big.providers.aws - expected a map, found a list",
        "web.yaml:17:39 secrets.a/b.rotate_every - 90 needs a unit, such as 30s, 5m or 90d",
        "web.yaml:17:51 secrets.a/b.strict - expected true or false, found text",
        "and 7 more",
      ]
    `);
  });

  test("is a name that cannot be one", () => {
    expect(
      problemsOf("labels: {Web: {}}\nservers: {web_1: {}}\nsecrets: {/tls: {}, a/../b: {}}\ngroups: {'': {}}\n"),
    ).toMatchInlineSnapshot(`
      [
        "web.yaml:1:10 labels.Web - is not a label: lower-case letters, digits, dots, hyphens and underscores, at most 63",
        "web.yaml:2:11 servers.web_1 - is not a server name: lower-case letters, digits and hyphens, at most 63",
        "web.yaml:3:11 secrets./tls - is not a secret's path: lower-case parts joined by slashes, such as web/tls",
        "web.yaml:3:21 secrets.a/../b - is not a secret's path: lower-case parts joined by slashes, such as web/tls",
        "web.yaml:4:10 groups - has a key that is no text",
      ]
    `);
  });

  test("is a name that stands twice, in one map, in two documents, in two forms or in two files: both places are told", () => {
    expect(problemsOf("labels:\n  web: {}\n  web: {}\n")).toEqual([
      "web.yaml:3:3 labels.web - stands here twice, first at 2:3",
    ]);
    expect(problemsOf("labels: {web: }\n---\nlabels: {web: }\n")).toEqual([
      "web.yaml:3:10 labels.web - is declared twice, first at web.yaml:1:10",
    ]);
    expect(problemsOf("labels: {web: }", "\nlabels: {web: }")).toEqual([
      "more.yaml:2:10 labels.web - is declared twice, first at web.yaml:1:10",
    ]);
    expect(problemsOf("labels: {web: }\n---\nkind: Label\nmetadata: { name: web }\n")).toEqual([
      "web.yaml:4:19 metadata.name - is declared twice, first at web.yaml:1:10",
    ]);
    expect(problemsOf("alerts:\n  - {name: a, condition: ssh_up < 1}\n  - {name: a, condition: ssh_up < 1}\n")).toEqual(
      ["web.yaml:3:12 alerts.1.name - is declared twice, first at web.yaml:2:12"],
    );
  });

  test("is an envelope that is not whole", () => {
    expect(problemsOf("kind: label\nmetadata: {name: web}\n")).toEqual([
      "web.yaml:1:7 kind - is not one of Label, Group, Alert, Size, Secret, Server, AlarmRoute, did you mean Label?",
    ]);
    expect(problemsOf("kind: Label\nspec: {ports: 80}\n")).toEqual([
      "web.yaml:1:1 metadata - expected a map with name",
    ]);
    expect(problemsOf("kind: Label\nmetadata: {name: 8, namespace: x}\nspec: {}\nstatus: {}\n")).toEqual([
      "web.yaml:2:18 metadata.name - expected text; in quotes everything is text",
      "web.yaml:2:21 metadata.namespace - is not known here",
      "web.yaml:4:1 status - is not known here",
    ]);
    expect(problemsOf("kind: Label\nmetadata: {name: web}\nspec: {prots: 80}\n")).toEqual([
      "web.yaml:3:8 spec.prots - is not known here, did you mean ports?",
    ]);
  });

  test.each([
    [
      "a list",
      "- a\n",
      "web.yaml:1:1 - expected a map of labels, groups, alerts, sizes, secrets, servers, alarm_routes",
    ],
    ["a section that is a list", "labels: [web]\n", "web.yaml:1:9 labels - expected a map from names to labels"],
    ["alerts that are a map", "alerts: {a: {}}\n", "web.yaml:1:9 alerts - expected a list of maps, each with a name"],
    ["text that is not YAML", "labels: {web: [\n", /^web.yaml:2:1 - Flow sequence/],
    ["a tag", "labels: !!python/object {}\n", /^web.yaml:1:9 - Unresolved tag/],
    ["tabs that indent", "labels:\n\tweb: {}\n", /^web.yaml:2:1 - Tabs are not allowed as indentation/],
  ])("is %s", (_, text, problem) => {
    expect(problemsOf(text)[0]).toEqual(typeof problem === "string" ? problem : expect.stringMatching(problem));
  });

  test("is told once for each, up to twenty, and the rest is counted", () => {
    const labels = Array.from({ length: 30 }, (_, i) => `  l${i}: { prots: 1 }\n`).join("");
    const problems = problemsOf(`labels:\n${labels}`);
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toBe("and 10 more");
  });

  test("never lets a part of the rest through", () => {
    expect(() => readDeclarations([{ name: "a.yaml", text: "labels: {web: {}, Bad: {}}" }])).toThrow(/Bad/);
  });
});

describe("what is right", () => {
  test.each(declaredKinds.map((kind) => [kind.kind, kind] as const))("is the example of %s", (_, kind) => {
    expect(problemsOf(kind.example)).toEqual([]);
    expect(read(kind.example).get(kind.singular)?.size).toBeGreaterThan(0);
  });

  test("a scalar is a list of one, and nothing an empty map or list", () => {
    const spec = (text: string) => read(text).get("label")?.get("web")?.spec;
    expect(spec("labels: {web: {ports: 80, puppet_classes: nginx}}")).toEqual({
      ports: [80],
      puppet_classes: ["nginx"],
    });
    expect(spec("labels: {web: }")).toEqual({});
    expect(spec("labels: {web: {ports: }}")).toEqual({ ports: undefined });
    expect(read("labels:\ngroups: {g: {match: }}\nalerts: []\n").get("group")?.get("g")?.spec).toEqual({ match: {} });
  });

  test("names are text as they are written, whatever YAML would make of them", () => {
    const text = "labels: {007: {}, 1e3: {}, 0x1F: {}, 1.10: {}, no: {}, true: {}, null: {}, 2026-01-01: {}}";
    expect(problemsOf(text)).toEqual([
      "web.yaml:1:28 labels.0x1F - is not a label: lower-case letters, digits, dots, hyphens and underscores, at most 63",
    ]);
    const names = read(text.replace("0x1F", "0x1f")).get("label")?.keys() ?? [];
    expect([...names].sort()).toEqual(["007", "0x1f", "1.10", "1e3", "2026-01-01", "no", "null", "true"]);
  });

  test("no, yes, on and off are text, as YAML 1.2 has it", () => {
    const text = "servers: {a: {environment: no, region: off, provider: on}}";
    expect(read(text).get("server")?.get("a")?.spec).toMatchObject({
      environment: "no",
      region: "off",
      provider: "on",
    });
  });

  test("both forms and JSON say the same", () => {
    const shorthand = read("labels: {web: {ports: [80]}}").get("label")?.get("web")?.spec;
    expect(read("kind: Label\nmetadata: {name: web}\nspec: {ports: [80]}").get("label")?.get("web")?.spec).toEqual(
      shorthand,
    );
    expect(
      read('{\n\t"$schema": "x",\n\t"labels": {\n\t\t"web": {"ports": [80]}\n\t}\n}\n').get("label")?.get("web")?.spec,
    ).toEqual(shorthand);
  });

  test("an alias repeats what it stands for", () => {
    const text = "labels: {a: &web {ports: [80]}, b: *web}";
    expect(read(text).get("label")?.get("b")?.spec).toEqual({ ports: [80] });
  });

  test("empty documents and comments say nothing", () => {
    expect(problemsOf("", "# nothing\n---\n---\n")).toEqual([]);
  });
});
