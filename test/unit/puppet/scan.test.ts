import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanPuppet } from "../../../src/core/puppet/scan.ts";
import { NAMES_NONE, NAMES_ONE } from "./samples.ts";
import { createSimKeys } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";

const keys = createSimKeys(seededRandom("puppet"));

function scan(files: Readonly<Record<string, string>>) {
  return scanPuppet(
    Object.entries(files).map(([path, text]) => ({ path, text })),
    keys,
  );
}

/** Which paths the class `web` needs, and what of its code cannot be told. */
function web(code: string, more: Readonly<Record<string, string>> = {}) {
  const found = scan({ "web/manifests/init.pp": code, ...more });
  return {
    paths: found.classes.find(({ name }) => name === "web")?.references.map(({ path }) => path) ?? [],
    unresolved: found.unresolved.map(({ line, why }) => `${line}: ${why}`),
  };
}

const inClass = (body: string) => web(`class web {\n${body}\n}\n`);

describe("a secret that a class names", () => {
  it("is found with its place, as the example of a mail server names it", () => {
    const { classes } = scan({
      "modules/postfix/manifests/init.pp": `
# Mail.
class postfix {
  $relay_creds = lab::secret('mail/relay-credentials')

  file { '/etc/postfix/sasl_passwd':
    content => $relay_creds,
    mode    => '0600',
  }
}
`,
    });
    expect(classes).toEqual([
      {
        name: "postfix",
        references: [
          {
            path: "mail/relay-credentials",
            via: null,
            text: "lab::secret('mail/relay-credentials')",
            file: "modules/postfix/manifests/init.pp",
            line: 4,
          },
        ],
      },
    ]);
  });

  it.each(NAMES_ONE)("%s", (_, body) => {
    expect(inClass(body)).toEqual({ paths: ["web/tls"], unresolved: [] });
  });

  it.each(NAMES_NONE)("is not %s", (_, body) => {
    expect(inClass(body)).toEqual({ paths: [], unresolved: [] });
  });

  it.each([
    ["a variable", "$a = lab::secret($path)", "which secret it means is computed"],
    ["a string with code", '$a = lab::secret("web/${name}")', "which secret it means is computed"],
    ["a string with a variable", '$a = lab::secret("web/$name")', "which secret it means is computed"],
    ["a sum of strings", "$a = lab::secret('web' + '/tls')", "which secret it means is computed"],
    ["a method of a variable", "$a = $path.lab::secret", "which secret it means is computed"],
    ["a variable later", "$a = Deferred('lab::secret', [$path])", "which secret it means is computed"],
    ["a list that is computed", "$a = Deferred('lab::secret', $paths)", "which secret it means is computed"],
    ["a key with code", '$a = lookup("lab::secret::web/${name}")', "which secret it means is computed"],
    ["a name that is no path", "$a = lab::secret('Web/TLS')", '"Web/TLS" is not a secret\'s path'],
    ["a path that goes up", "$a = lab::secret('../x')", '"../x" is not a secret\'s path'],
    [
      "the function by its name",
      "$a = call('lab::secret', 'web/tls')",
      "the function is called by its name, with what cannot be told",
    ],
    ["a resource of that name", "lab::secret { 'web/tls': }", "which secret it means cannot be told"],
    ["a template that is computed", "$a = inline_epp($text)", "the template is computed"],
  ])("is told and not guessed where it is %s", (_, body, why) => {
    expect(inClass(body)).toEqual({ paths: [], unresolved: [`2: ${why}`] });
  });

  it.each([
    ["a string", "class web {\n  $a = 'no end\n}\n", 2, "a string in single quotes has no end"],
    ["a string with code", 'class web {\n  $a = "no end\n}\n', 2, "a string in double quotes has no end"],
    ["code in a string", 'class web { $a = "${lab::secret("x")\n', 2, "the code in a string has no end"],
    ["a comment", "class web {\n/* no end\n}\n", 2, "a comment has no end"],
    ["a heredoc", "class web {\n  $a = @(END)\n text\n}\n", 2, "the heredoc END has no end"],
    ["strings in strings", `class web { $a = ${'"${'.repeat(50)}` + "\n", 1, "strings and code are nested too deeply"],
  ])("makes a file whose %s has no end say nothing at all", (_, code, line, message) => {
    expect(web(`${code}`)).toEqual({ paths: [], unresolved: [`${line}: the file cannot be read: ${message}`] });
  });

  it("that stands in no class grants nothing, and is told", () => {
    expect(web("$a = lab::secret('web/tls')\nnode default { $b = lab::secret('web/tls') }\n")).toEqual({
      paths: [],
      unresolved: ["1: it stands in no class", "2: it stands in no class"],
    });
  });
});

describe("a class that applies other code", () => {
  const config = { "web/manifests/config.pp": "class web::config { $a = lab::secret('web/tls') }" };

  it.each([
    ["include", "include web::config"],
    ["include with a leading ::", "include ::web::config"],
    ["include in quotes", "include 'web::config'"],
    ["several", "include stdlib, web::config"],
    ["a list", "include ['stdlib', 'web::config']"],
    ["a reference", "include Class['web::config']"],
    ["with parentheses", "include(web::config,)"],
    ["contain", "contain web::config"],
    ["require", "require web::config"],
    ["a method", "'web::config'.contain"],
    ["a resource", "class { 'web::config': port => { a => 1 }; }"],
    ["one of two resources", "class { 'stdlib': ; ['web::config']: stage => main }"],
    ["a condition", "if $x { include web::config }"],
  ])("needs what that needs: %s", (_, body) => {
    expect(web(`class web {\n${body}\n}`, config)).toEqual({ paths: ["web/tls"], unresolved: [] });
  });

  it("needs what the class needs from which it inherits, and what its own parameters name", () => {
    const inherits = "class web(\n  Hash $a = { 'b' => lab::secret('web/own') },\n) inherits web::config { }";
    expect(web(inherits, config)).toEqual({ paths: ["web/own", "web/tls"], unresolved: [] });
  });

  it("needs what types, functions and templates need that it uses, over any number of steps", () => {
    const files = {
      "web/manifests/site.pp": "define web::site($x) { file { '/a': content => epp('web/site.conf.epp') } }",
      "web/templates/site.conf.epp": "<%- | String $a | -%>\n<%# lab::secret('no/one') %>\nkey <%= web::key($a) %>\n",
      "web/functions/key.pp": "function web::key(String $a) >> Hash[String, Any] {\n  lab::secret('web/tls')\n}",
    };
    const { classes } = scan({ "web/manifests/init.pp": "class web { web::site { 'a': x => 1 } }", ...files });
    expect(classes).toEqual([
      {
        name: "web",
        references: [
          {
            path: "web/tls",
            via: "web::key",
            text: "lab::secret('web/tls')",
            file: "web/functions/key.pp",
            line: 2,
          },
        ],
      },
    ]);
  });

  it("that applies itself through others comes to an end", () => {
    const other = { "web/manifests/b.pp": "class web::b { include web $a = lab::secret('web/tls') }" };
    expect(web("class web { include web::b }", other).paths).toEqual(["web/tls"]);
  });

  it("is told where what it applies is computed, if any code there could need a secret", () => {
    expect(web("class web {\n  include $classes\n}", config).unresolved).toEqual([
      "2: which classes this includes cannot be told",
    ]);
    expect(web("class web {\n  include $classes\n}").unresolved).toEqual([]);
    expect(web("class web {\n  class { $x: }\n}", config).unresolved).toEqual([
      "2: which class is declared here cannot be told",
    ]);
  });

  it("does not take an attribute or a variable for a call", () => {
    const body = "file { '/a': require => File['/b'], include => $include }\n  $a = \"${include} ${contain[0]}\"";
    expect(web(`class web {\n${body}\n}`, config)).toEqual({ paths: [], unresolved: [] });
  });

  it("names classes that are not in the tree", () => {
    const { absent } = scan({ "web/manifests/init.pp": "class web { include stdlib, web::b }\nclass web::b { }" });
    expect(absent).toEqual(["stdlib"]);
  });

  it("that is declared in two files counts in neither, if it matters", () => {
    const twice = {
      "a/web/manifests/init.pp": "class web { $a = lab::secret('web/tls') }",
      "b/web/manifests/init.pp": "class web { }",
    };
    const { classes, unresolved } = scan(twice);
    expect(classes).toEqual([]);
    expect(unresolved.map(({ file, text }) => `${file} ${text}`)).toEqual([
      "a/web/manifests/init.pp class web",
      "b/web/manifests/init.pp class web",
    ]);
    expect(scan({ "a/x.pp": "class x { }", "b/x.pp": "class x { }" }).unresolved).toEqual([]);
  });
});

describe("a tree of modules", () => {
  it("names a template in Ruby that asks for a secret, as nobody can read it", () => {
    const { unresolved } = scan({
      "web/templates/a.erb": "a\n<%= scope.call_function('lab::secret', ['web/tls']) %>\n",
    });
    expect(unresolved.map(({ line, why }) => [line, why])).toEqual([
      [2, "a template in Ruby cannot be read: give the secret to it as a variable"],
    ]);
  });

  it("has one hash, whatever order its files come in, and another one when a byte differs", () => {
    const files = { "a.pp": "class a { }", "b.pp": "class b { }" };
    const { tree } = scan(files);
    expect(scan(Object.fromEntries(Object.entries(files).reverse())).tree).toBe(tree);
    expect(scan({ ...files, "b.pp": "class b {  }" }).tree).not.toBe(tree);
  });

  it("classes nested in a class have its name before theirs", () => {
    const { classes } = scan({ "a.pp": "class a {\n class b { $x = lab::secret('a/b') }\n $y = lab::secret('a/a') }" });
    expect(classes.map(({ name, references }) => [name, references.map(({ path }) => path)])).toEqual([
      ["a", ["a/a"]],
      ["a::b", ["a/b"]],
    ]);
  });

  it("may hold anything: every text is read or refused, and names only paths that stand in it", () => {
    const pieces = [
      ...[
        "class web {",
        "}",
        "lab::secret('a/b')",
        'lab::secret("a/${x}")',
        '"${',
        '"',
        "'",
        "@(END)",
        '@("E")',
        "\nEND\n",
      ],
      ...[
        "include ",
        "x::y",
        "$v",
        "(",
        ")",
        "[",
        "]",
        ",",
        "=>",
        "/",
        "/*",
        "*/",
        "#",
        "\n",
        "|",
        ".",
        "E\n",
        "<%",
        "%>",
        " ",
      ],
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), (drawn) => {
        const text = drawn.join("");
        const { classes } = scan({ "a.pp": text, "m/templates/a.epp": text });
        const paths = classes.flatMap(({ references }) => references.map(({ path }) => path));
        expect(paths.every((path) => text.includes(path))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
