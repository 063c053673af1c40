import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseOutputFormat } from "../../../src/cli/argv/output-format.ts";
import { wantsColor } from "../../../src/cli/render/paint.ts";
import { valuesAt } from "../../../src/cli/render/path.ts";
import { pillarText } from "../../../src/cli/render/pillar.ts";
import { renderTable, shorten } from "../../../src/cli/render/table.ts";
import { ago, displayWidth, printable, wrap } from "../../../src/cli/render/text.ts";
import { reportError } from "../../../src/cli/report.ts";
import { LabError } from "../../../src/core/errors.ts";

const NOW_MS = Date.parse("2026-11-21T12:00:00Z");

describe("a table", () => {
  const headers = ["NAME", "LABELS", "SIZE"];
  const rows = [
    ["web-1", ["app", "prod", "eu-west"], "medium"],
    ["網站", ["app"], "✓ ok"],
  ];

  it("lines its columns up, wide characters among them", () => {
    expect(renderTable(headers, rows, { headers: true })).toEqual([
      "NAME    LABELS             SIZE",
      "web-1   app,prod,eu-west   medium",
      "網站    app                ✓ ok",
    ]);
  });

  it.each([
    [33, "app,prod,eu-west"],
    [31, "app,prod,eu-west"],
    [30, "app,prod +1"],
    [25, "app +2"],
    [20, "+3"],
  ])("shows at %i columns: %s", (columns, labels) => {
    const lines = renderTable(headers, rows, { headers: true, columns });
    expect(lines[1]).toContain(`${labels} `);
    // Below 21 the headers alone do not fit.
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(Math.max(21, columns));
  });

  it("never shortens what is not a list, nor anything without a terminal", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "語", "✓", "-"), minLength: 1, maxLength: 12 });
    const row = fc.tuple(text, fc.array(text, { minLength: 1, maxLength: 4 }), text);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.integer({ min: 10, max: 60 }), (all, columns) => {
        const narrow = renderTable(headers, all, { headers: true, columns });
        const piped = renderTable(headers, all, { headers: true });
        for (const [i, [name, labels, size]] of all.entries()) {
          expect(narrow[i + 1]?.startsWith(`${name}  `) && narrow[i + 1]?.endsWith(`  ${size}`)).toBe(true);
          expect(piped[i + 1]).toContain(labels.join(","));
        }
        const others = Math.max(...narrow.map(displayWidth)) <= columns;
        const least =
          Math.max(4, ...all.map(([name]) => displayWidth(name))) +
          Math.max(4, ...all.map(([, , size]) => displayWidth(size))) +
          6 +
          4;
        expect(others || least > columns).toBe(true);
      }),
    );
  });

  it("shortens a list to what fits and says how many are left", () => {
    expect(shorten(["app", "prod", "eu"], 99)).toBe("app,prod,eu");
    expect(shorten(["app", "prod", "eu"], 11)).toBe("app,prod,eu");
    expect(shorten(["app", "prod", "eu"], 10)).toBe("app +2");
    expect(shorten(["app", "prod", "eu"], 3)).toBe("+3");
  });
});

describe("text of other machines", () => {
  it("loses what a terminal would obey", () => {
    const text = printable("a\u001b[31mb\u0007c\nd\u202ee\u009bf");
    expect(text).toBe("a\\u001b[31mb\\u0007c\\u000ad\\u202ee\\u009bf");
  });

  it("keeps letters, marks and emoji", () => {
    expect(printable("wéb 網站 ✓ 🖥")).toBe("wéb 網站 ✓ 🖥");
  });

  it.each([
    ["abc", 3],
    ["✓ ok", 4],
    ["⚠ drift", 7],
    ["網站", 4],
    ["🙂", 2],
    ["e\u0301", 1],
  ])("%s is %#: as wide as a terminal shows it", (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it("breaks at spaces only", () => {
    expect(wrap("one two three", 9, "  ")).toEqual(["  one two", "  three"]);
    expect(wrap("averylongword", 5, "")).toEqual(["averylongword"]);
  });
});

describe("an age", () => {
  it.each([
    ["2026-11-21T12:00:30Z", "now"],
    ["2026-11-21T11:59:48Z", "12 s ago"],
    ["2026-11-21T11:57:00Z", "3 m ago"],
    ["2026-11-21T07:00:00Z", "5 h ago"],
    ["2026-11-18T12:00:00Z", "3 d ago"],
    ["yesterday", "–"],
  ])("of %s is %s", (time, age) => {
    expect(ago(time, NOW_MS)).toBe(age);
  });
});

describe("a path into a document", () => {
  const document = {
    items: [
      { name: "a", "odd name": 1 },
      { name: "b", tags: ["x", "y"] },
    ],
    meta: { peer: "p" },
  };

  it.each([
    ["{.items[*].name}", ["a", "b"]],
    ["$.items[0].name", ["a"]],
    ["items[-1].name", ["b"]],
    [".items[0]['odd name']", [1]],
    [".items.*.tags[*]", ["x", "y"]],
    [".meta", [{ peer: "p" }]],
    [".items[7].name", []],
    [".nothing.at.all", []],
    [".constructor", []],
  ])("%s", (path, values) => {
    expect(valuesAt(document, path)).toEqual(values);
  });

  it.each([".items[", ".items[?(@.a)]", "..name", "{.a"])("refuses %s", (path) => {
    expect(() => valuesAt(document, path)).toThrow("cannot be read");
  });
});

describe("marks and colours", () => {
  it("show a pillar by mark and word, and nothing where there is no source", () => {
    expect(pillarText({ state: "ok", detail: "enrolled" })).toBe("✓ enrolled");
    expect(pillarText({ state: "warning", detail: "2 alrt" })).toBe("⚠ 2 alrt");
    expect(pillarText({ state: "drift", detail: "" })).toBe("⚠ drift");
    expect(pillarText({ state: "unknown", detail: "" })).toBe("–");
    expect(pillarText({ state: "later" as "ok", detail: "new" })).toBe("? new");
  });

  it.each([
    ["auto", true, {}, true],
    ["auto", false, {}, false],
    ["auto", true, { NO_COLOR: "1" }, false],
    ["auto", true, { NO_COLOR: "" }, true],
    ["auto", true, { TERM: "dumb" }, false],
    ["auto", true, { CLICOLOR: "0" }, false],
    ["auto", false, { FORCE_COLOR: "1" }, true],
    ["auto", true, { FORCE_COLOR: "0" }, false],
    ["auto", false, { CLICOLOR_FORCE: "1" }, true],
    ["auto", false, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
    ["always", false, { NO_COLOR: "1" }, true],
    ["never", true, { FORCE_COLOR: "1" }, false],
  ])("--color %s, terminal %s, %o: %s", (when, isTerminal, env, wants) => {
    expect(wantsColor(when, isTerminal, env)).toBe(wants);
  });
});

describe("an output format", () => {
  it("is one of the contract's", () => {
    expect(parseOutputFormat("wide")).toEqual({ name: "wide" });
    expect(parseOutputFormat("jsonpath={.a=b}")).toEqual({ name: "jsonpath", spec: "{.a=b}" });
    for (const wrong of ["", "jsonpath", "jsonpath=", "json=1", "xml"]) {
      expect(() => parseOutputFormat(wrong)).toThrow("is not an output format");
    }
  });
});

describe("an error", () => {
  const error = new LabError("NotFound", 'server "web-9" does not exist', {
    peer: "nas-1",
    asOf: "2026-11-21T11:59:48Z",
    notes: ["nearest: web-1, web-2"],
    hint: "lab get servers",
  });

  it("is told in the shape of the contract", () => {
    expect(reportError(error, { json: false, debug: false, nowMs: NOW_MS })).toEqual({
      exit: 5,
      text: `error: server "web-9" does not exist
  seen by peer nas-1, as of 12 s ago
  nearest: web-1, web-2
hint: lab get servers
`,
    });
  });

  it("is one line of JSON with -o json", () => {
    const { text } = reportError(error, { json: true, debug: false, nowMs: NOW_MS });
    expect(text.split("\n")).toHaveLength(2);
    expect(JSON.parse(text)).toEqual({
      error: {
        code: "NotFound",
        message: 'server "web-9" does not exist',
        hint: "lab get servers",
        peer: "nas-1",
        asOf: "2026-11-21T11:59:48Z",
        notes: ["nearest: web-1, web-2"],
      },
    });
  });

  it("shows a stack only with --debug, also of a bug", () => {
    for (const thrown of [error, new TypeError("x is not a function"), "a string"]) {
      const quiet = reportError(thrown, { json: false, debug: false, nowMs: NOW_MS });
      const loud = reportError(thrown, { json: false, debug: true, nowMs: NOW_MS });
      expect(quiet.text).not.toMatch(/^ {4}at /m);
      expect(loud.text).toMatch(/^ {4}at /m);
      expect(loud.text.startsWith(quiet.text)).toBe(true);
    }
  });

  it("cannot steer the terminal by what a peer says", () => {
    const { text } = reportError(new LabError("NotFound", "a\u001b[2Jb"), { json: false, debug: false, nowMs: NOW_MS });
    expect(text).toBe("error: a\\u001b[2Jb\n");
  });
});
