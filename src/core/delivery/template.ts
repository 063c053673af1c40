import { concat, fromCodes } from "../bytes.ts";
import { LabError } from "../errors.ts";
import { isAccountName, isSecretPath } from "../names.ts";
import { Secret } from "../secret.ts";

/**
 * A configuration file with places for secrets: `{{ secret mail/relay-password }}`. A word behind a bar says how the
 * value is written: `{{ secret db/password | json }}`. Everything else is copied byte for byte.
 *
 * Lines at the very beginning that start with `#lab ` say how the file is made and are not copied:
 * `#lab owner: postfix`, `group`, `mode`, `readers`, `reload`.
 */
export interface Template {
  readonly name: string;
  readonly header: TemplateHeader;
  readonly parts: readonly TemplatePart[];
}

export interface TemplateHeader {
  readonly owner: string | null;
  readonly group: string | null;
  /** As chmod reads it. */
  readonly mode: string | null;
  readonly readers: readonly string[];
  readonly reload: string | null;
}

export type TemplatePart =
  | { readonly kind: "text"; readonly bytes: Uint8Array }
  | { readonly kind: "secret"; readonly path: string; readonly form: Form };

/**
 * - `plain`: as it is · `line`: without line breaks at its end · `json`: as the inside of a JSON string, which is right
 *   for YAML in double quotes, too · `base64`: RFC 4648 §4
 */
export type Form = "plain" | "line" | "json" | "base64";

const FORMS: readonly Form[] = ["plain", "line", "json", "base64"];
const HEADER_FIELDS = ["owner", "group", "mode", "readers", "reload"] as const;
const UNIT = /^[A-Za-z0-9@:._-]{1,200}$/;
const MODE = /^0?[0-7]{3}$/;
const TEMPLATE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const MARKER = "#lab ";

export function isTemplateName(name: string): boolean {
  return TEMPLATE_NAME.test(name);
}

/** One code unit for each byte, so that both count alike. */
function latin1(bytes: Uint8Array): string {
  return fromCodes([...bytes]);
}

/** Throws `InvalidFile` with the place. */
export function parseTemplate(name: string, bytes: Uint8Array): Template {
  const text = latin1(bytes);
  const { header, rest, line } = readHeader(name, text);
  const body = bytes.subarray(text.length - rest.length);
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const found of rest.matchAll(/\{\{\s*secret\b([^}]*)\}\}/g)) {
    if (found.index > end) parts.push({ kind: "text", bytes: body.subarray(end, found.index) });
    const [path = "", form = "plain", ...more] = (found[1] ?? "").split("|").map((word) => word.trim());
    const at = line + count(rest.slice(0, found.index));
    if (!isSecretPath(path))
      throw wrong(name, at, `"${path}" is not a secret's path`, "{{ secret mail/relay-password }}");
    if (!isForm(form) || more.length > 0) {
      throw wrong(name, at, `"${[form, ...more].join(" | ")}" is not a form`, `one of: ${FORMS.join(", ")}`);
    }
    parts.push({ kind: "secret", path, form });
    end = found.index + found[0].length;
  }
  if (end < rest.length) parts.push({ kind: "text", bytes: body.subarray(end) });
  return { name, header, parts };
}

/** The secrets that a template needs, sorted. */
export function secretsOf({ parts }: Template): readonly string[] {
  return [...new Set(parts.flatMap((part) => (part.kind === "secret" ? [part.path] : [])))].sort();
}

/** The file's content; `value` gives each secret. The caller wipes what it gets. */
export function renderTemplate({ parts }: Template, value: (path: string) => Secret): Secret {
  const made: Uint8Array[] = [];
  try {
    const pieces = parts.map((part) => {
      if (part.kind === "text") return part.bytes;
      const written = writeAs(part.form, value(part.path).reveal());
      made.push(written);
      return written;
    });
    return new Secret(concat(...pieces));
  } finally {
    for (const bytes of made) bytes.fill(0);
  }
}

/** A copy: it is wiped after use. */
function writeAs(form: Form, value: Uint8Array): Uint8Array {
  switch (form) {
    case "plain":
      return value.slice();
    case "line": {
      let end = value.length;
      while (end > 0 && (value[end - 1] === 10 || value[end - 1] === 13)) end--;
      return value.slice(0, end);
    }
    case "json":
      return escapeJson(value);
    case "base64":
      return encodeBase64(value);
  }
}

/** RFC 8259 §7: what must be escaped is; all other bytes are UTF-8 already, or are not this form's business. */
function escapeJson(value: Uint8Array): Uint8Array {
  const escaped = new Uint8Array(value.length * 6);
  let end = 0;
  for (const byte of value) {
    if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) escaped[end++] = byte;
    else {
      for (const unit of JSON.stringify(String.fromCharCode(byte)).slice(1, -1)) escaped[end++] = unit.charCodeAt(0);
    }
  }
  const exact = escaped.slice(0, end);
  escaped.fill(0);
  return exact;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** By hand, because a string of the value could not be wiped. */
function encodeBase64(value: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(Math.ceil(value.length / 3) * 4).fill(0x3d);
  for (let i = 0, out = 0; i < value.length; i += 3, out += 4) {
    const [a, b, c] = [value[i] ?? 0, value[i + 1], value[i + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    encoded[out] = BASE64.charCodeAt(bits >> 18);
    encoded[out + 1] = BASE64.charCodeAt((bits >> 12) & 63);
    if (b !== undefined) encoded[out + 2] = BASE64.charCodeAt((bits >> 6) & 63);
    if (c !== undefined) encoded[out + 3] = BASE64.charCodeAt(bits & 63);
  }
  return encoded;
}

function readHeader(name: string, text: string): { header: TemplateHeader; rest: string; line: number } {
  const fields = new Map<string, string>();
  let rest = text;
  let line = 1;
  for (; rest.startsWith(MARKER); line++) {
    const end = rest.indexOf("\n");
    const said = rest.slice(MARKER.length, end < 0 ? undefined : end).trim();
    rest = end < 0 ? "" : rest.slice(end + 1);
    const [, field = "", value = ""] = /^([a-z]+):\s*(.*)$/.exec(said) ?? [];
    const isKnown = (HEADER_FIELDS as readonly string[]).includes(field);
    if (!isKnown) throw wrong(name, line, `"${said}" says nothing`, `one of: ${HEADER_FIELDS.join(", ")}`);
    fields.set(field, value);
    if (!isGood(field, value)) throw wrong(name, line, `${field} cannot be "${value}"`, "#lab mode: 0440");
  }
  const one = (field: string) => fields.get(field) ?? null;
  const readers = (fields.get("readers") ?? "").split(/[\s,]+/).filter((reader) => reader !== "");
  return {
    header: { owner: one("owner"), group: one("group"), mode: one("mode"), readers, reload: one("reload") },
    rest,
    line,
  };
}

function isGood(field: string, value: string): boolean {
  switch (field) {
    case "mode":
      return MODE.test(value);
    case "reload":
      return UNIT.test(value);
    case "readers":
      return value.split(/[\s,]+/).every((reader) => isAccountName(reader));
    default:
      return isAccountName(value);
  }
}

function isForm(word: string): word is Form {
  return (FORMS as readonly string[]).includes(word);
}

function count(text: string): number {
  return text.split("\n").length - 1;
}

function wrong(name: string, line: number, what: string, hint: string): LabError {
  return new LabError("InvalidFile", `templates/${name}:${line} - ${what}`, { hint });
}
