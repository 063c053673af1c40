import { explainDeclarations } from "../src/operations/declarations/explain.ts";

/** The text of docs/declarations.md: every kind and field that a file can declare. */
export function printDeclarations(): string {
  const all = explainDeclarations();
  const kinds = all.filter(({ path }) => !path.includes("."));
  const sections = kinds.map(({ path, summary, example }) => {
    const fields = all.filter((one) => one.path.startsWith(`${path}.`));
    const rows = fields.map((one) => {
      const name = one.path.slice(path.length + 1);
      return `| \`${name}\`${one.need === "required" ? ", required" : ""} | ${cell(one.type)} | ${cell(one.summary)} |`;
    });
    const table = ["| field | what it is | |", "|---|---|---|", ...rows].join("\n");
    return `## ${path}\n\n${summary}\n\n\`\`\`yaml\n${example}\`\`\`\n\n${table}\n`;
  });
  return `${INTRODUCTION}\n${sections.join("\n")}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

const INTRODUCTION = `# Declarations

What \`lab apply -f\` reads. Made of the schemas that check it, by \`npm run prepare\`; \`lab explain label.ports\` tells the
same at the command line.

A file is YAML 1.2 or JSON in UTF-8. It holds sections in shorthand, as the examples below do, or one record in envelope
form: \`kind: Label\`, \`metadata: { name: web }\`, \`spec: { … }\`. Several documents may stand in a file, a directory is the
union of its \`*.yaml\`, \`*.yml\` and \`*.json\` files at any depth, \`-\` is standard input. Order means nothing; the same name
twice is an error that names both places.

- A scalar is a list of one. A key without a value is an empty map or list.
- Keys that are not known are errors. So are merge keys, tags, tabs that indent, and YAML 1.1. \`no\` and \`on\` are text.
- Sizes in bytes have a unit: \`8GB\` is 8·10⁹, \`8GiB\` is 8·2³⁰. Durations have one, too: \`30s\`, \`5m\`, \`24h\`, \`90d\`, \`1h30m\`.
- Nothing is applied unless all of it is valid. What is wrong is told at once, as \`file:line:column path - what is wrong\`.
- At most 1 MiB and 250,000 values a file, 16 MiB and 1000 files at once, 64 levels, 10,000 values that aliases repeat.

**Who manages what.** What \`lab apply\` writes bears the mark of the files: \`--owner MARK\`, \`files\` unless another one is
given. A record is replaced whole, and its mark changes with it. A server is shared: files only add labels and set
attributes, and what they gave is kept in mind. What bears the mark and is gone from the files stays and is shown by
\`lab plan\`; \`--prune\` removes it, and nothing else. What is in use is not removed: \`--force\` does it all the same.
What no file mentions is left alone.

**Puppet code.** \`lab apply --modules DIR\`, with or without \`-f\`, signs which secrets the classes in DIR name, as \`lab puppet
scan DIR\` shows them. DIR is the whole truth of its mark: a class that names a secret no more loses it. What the code alone
does not tell is listed and grants nothing.

**One apply is one batch.** Every peer sees all of it or nothing ([what one apply is](decisions/0007-what-one-apply-is.md)).

For editors: \`lab validate --schema --out .lab/schema.json\`, and \`# yaml-language-server: $schema=.lab/schema.json\` as the
first line of a file.
`;
