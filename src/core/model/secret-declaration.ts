import type { Json } from "../json.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { isAccountName } from "../names.ts";
import { type JsonMap, RecordReader, told } from "./record-reader.ts";

/** What is declared about a secret, never its value. Stands at `secret/<path>`. */
export interface SecretDeclaration {
  readonly path: string;
  /** - `static`: somebody sets it · - `dynamic`: a generator makes it */
  readonly type: "static" | "dynamic";
  /** - `store`: stores can read it · - `sealed`: only its consumers and operators can */
  readonly class: "store" | "sealed";
  readonly generator: string | null;
  /** What the generator is told: how long, and of which characters. */
  readonly length: number | null;
  readonly alphabet: string | null;
  readonly rotateEverySeconds: number | null;
  /** How long the value before the current one still holds. */
  readonly overlapSeconds: number | null;
  /** Each machine has its own value, and reads no other. */
  readonly perMachine: boolean;
  /** After this a cached value is fetched anew. */
  readonly ttlSeconds: number | null;
  /** After this a cached value that could not be fetched anew is no longer given. */
  readonly maxStaleSeconds: number | null;
  /** Served only by a store that knows itself to be up to date. */
  readonly strict: boolean;
  /** Of the file on the machine, like `group` and `mode`. */
  readonly owner: string | null;
  readonly group: string | null;
  /** As chmod reads it: `0640`. */
  readonly mode: string | null;
  /** Accounts that may read the file besides owner and group. */
  readonly readers: readonly string[];
  /** The unit that is reloaded when the value has changed. */
  readonly reload: string | null;
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readSecretDeclaration(path: string, value: Json, problems: Diagnostic[]): SecretDeclaration {
  const reader = new RecordReader("secret", path, value, problems);
  return {
    path,
    type: reader.word("type", ["static", "dynamic"]) ?? "static",
    class: reader.word("class", ["store", "sealed"]) ?? "store",
    generator: reader.text("generator"),
    length: reader.amount("length"),
    alphabet: reader.text("alphabet"),
    rotateEverySeconds: reader.amount("rotateEverySeconds"),
    overlapSeconds: reader.amount("overlapSeconds"),
    perMachine: reader.flag("perMachine"),
    ttlSeconds: reader.amount("ttlSeconds"),
    maxStaleSeconds: reader.amount("maxStaleSeconds"),
    strict: reader.flag("strict"),
    owner: reader.text("owner"),
    group: reader.text("group"),
    mode: reader.text("mode"),
    readers: reader.texts("readers", "the name of an account", isAccountName),
    reload: reader.text("reload"),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeSecretDeclaration({ path: _, rest, class: kind, ...fields }: SecretDeclaration): Json {
  return told({ ...rest, ...fields, class: kind === "store" ? null : kind });
}
