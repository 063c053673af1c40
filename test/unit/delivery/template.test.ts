import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTemplate, renderTemplate, secretsOf } from "../../../src/core/delivery/template.ts";
import { Secret } from "../../../src/core/secret.ts";

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "utf8"));
const parse = (text: string) => parseTemplate("app.conf", bytesOf(text));

function render(text: string, values: Readonly<Record<string, string | Uint8Array>>): Buffer {
  return Buffer.from(
    renderTemplate(parse(text), (path) => {
      const value = values[path] ?? "";
      return new Secret(typeof value === "string" ? bytesOf(value) : value.slice());
    }).reveal(),
  );
}

describe("a template", () => {
  it("puts values where they are named and leaves everything else as it is", () => {
    const text = "[db]\nuser = app\npassword = {{ secret db/password }}\nurl = x://{{secret db/password}}@{{ db }}\n";
    expect(render(text, { "db/password": "p{{ secret a/b }}" }).toString()).toBe(
      "[db]\nuser = app\npassword = p{{ secret a/b }}\nurl = x://p{{ secret a/b }}@{{ db }}\n",
    );
    expect(secretsOf(parse(`${text}{{ secret a/b | line }}`))).toEqual(["a/b", "db/password"]);
  });

  it("is copied byte for byte where it names no secret, and values are, too", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (around, value) => {
        const isTemplate = /\{\{|^#lab /.test(Buffer.from(around).toString("latin1"));
        fc.pre(!isTemplate);
        const template = parseTemplate("x", Buffer.concat([around, bytesOf("{{ secret a/b }}"), around]));
        const made = renderTemplate(template, () => new Secret(value.slice())).reveal();
        expect(Buffer.from(made)).toEqual(Buffer.concat([around, value, around]));
      }),
    );
  });

  it("writes a value so that JSON and base64 give it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.uint8Array(), (text, value) => {
        const json = render('"{{ secret a/b | json }}"', { "a/b": bytesOf(text) }).toString("utf8");
        expect(JSON.parse(json)).toBe(Buffer.from(text, "utf8").toString("utf8"));
        const base64 = render("{{ secret a/b | base64 }}", { "a/b": value }).toString("ascii");
        expect(base64).toBe(Buffer.from(value).toString("base64"));
      }),
    );
    expect(render("[{{ secret a/b | line }}]", { "a/b": "one\ntwo\r\n\n" }).toString()).toBe("[one\ntwo]");
  });

  it("says at its head how the file is made", () => {
    const text =
      "#lab owner: postfix\n#lab mode: 0440\n#lab readers: www-data, dovecot\n#lab reload: postfix@-.service\n# kept\n";
    const { header } = parse(text);
    expect(header).toEqual({
      owner: "postfix",
      group: null,
      mode: "0440",
      readers: ["www-data", "dovecot"],
      reload: "postfix@-.service",
    });
    expect(render(text, {}).toString()).toBe("# kept\n");
    expect(render("#lab owner: x", {}).toString()).toBe("");
  });

  it.each([
    ["a\n\n{{ secret }}", 3, '"" is not a secret\'s path'],
    ["{{ secret ../etc }}", 1, '"../etc" is not'],
    ["{{ secret a/b | shell }}", 1, '"shell" is not a form'],
    ["{{ secret a/b | json | line }}", 1, '"json | line" is not a form'],
    ["#lab mode: 9999\n", 1, 'mode cannot be "9999"'],
    ["#lab owner: x\n#lab user: x\n", 2, '"user: x" says nothing'],
    ["#lab readers: a;b\n", 1, 'readers cannot be "a;b"'],
    ["#lab reload: a b\n", 1, 'reload cannot be "a b"'],
  ])("that is wrong is refused with its line: %j", (text, line, what) => {
    expect(() => parse(text)).toThrow(`templates/app.conf:${line} - `);
    expect(() => parse(text)).toThrow(what);
  });
});
