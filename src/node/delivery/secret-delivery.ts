import { planGeneration, type FileAccess, type Generation, type PlacedFile } from "../../core/delivery/generation.ts";
import { renderTemplate, secretsOf, type Template } from "../../core/delivery/template.ts";
import { LabError } from "../../core/errors.ts";
import { readSecretDeclaration } from "../../core/model/secret-declaration.ts";
import { ABOUT_SERVERS, aboutServer, secretPath } from "../../core/paths.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Log } from "../../core/ports/log.ts";
import type { SecretDirectory } from "../../core/ports/secret-directory.ts";
import { toHex } from "../../core/bytes.ts";
import { encode } from "../../core/encoding.ts";
import { type PassOutcome, RepeatedPass } from "../../core/repeated-pass.ts";
import type { Secret } from "../../core/secret.ts";
import type { View } from "../../core/view.ts";
import type { CachedSecret, SecretCache } from "../secrets/secret-cache.ts";
import type { Accounts } from "../platform/accounts.ts";

const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;
const DEFAULT_MODE = "0400";
/** Below the directory; a secret's path has no dot. */
const TEMPLATES = "templates.d/";
/** Behind a secret's path: the value before, while it is valid. */
const BEFORE = ".before";

export interface DeliveryOptions {
  readonly cache: Pick<SecretCache, "list" | "held" | "heldBefore" | "onChange">;
  readonly self: { readonly id: string };
  readonly view: () => View;
  readonly directory: SecretDirectory;
  readonly accounts: Accounts;
  /** Uid and gid of this process, which is who owns what nobody else is declared to own. */
  readonly own: { readonly uid: number; readonly gid: number };
  readonly templates: () => Promise<TemplateReading>;
  /** Tells a unit that a secret of its has changed. Never gets a value. Throws `LabError`. */
  readonly reload: (unit: string) => Promise<void>;
  readonly keys: Pick<Keys, "hash">;
  readonly clock: Clock;
  readonly log: Log;
  /** What is in place has changed. */
  readonly placed: (files: readonly PlacedFile[]) => Promise<void>;
}

export interface TemplateReading {
  readonly templates: readonly Template[];
  /** Those that cannot be used, with the reason. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

/** What was to be put in place, and is not or not as declared. */
export interface DeliveryProblem {
  readonly name: string;
  readonly reason: string;
}

/**
 * Puts what the cache holds in front of this machine's programs: one file for each secret, and files made from templates.
 * Acts on the level: whatever changed, the directory is brought in line with cache and declarations as they are now.
 */
export class SecretDelivery {
  readonly #options: DeliveryOptions;
  readonly #passes: RepeatedPass;
  #problems: readonly DeliveryProblem[] = [];
  #files: readonly PlacedFile[] = [];
  #failure: LabError | null = null;
  #end: (() => void) | null = null;
  #view: View | null = null;
  #busy: Promise<void> = Promise.resolve();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#passes = new RepeatedPass({
      clock,
      run: () => this.#run(),
      failed: (error) => log.write("error", "delivery.pass-failed", { error }),
      retryFirstMs: RETRY_FIRST_MS,
      retryMostMs: RETRY_MOST_MS,
    });
  }

  /** Puts in place what the cache has; returns when it is. What cannot be is tried again later. */
  async start(): Promise<void> {
    // First of all: what comes while the first pass is under way is for the next one.
    this.#end = this.#options.cache.onChange(() => this.#passes.request());
    await this.#options.directory.tidy();
    const outcome = await this.#run().catch((error: unknown): PassOutcome => {
      this.#options.log.write("error", "delivery.pass-failed", { error });
      return "unsettled";
    });
    if (outcome === "unsettled") this.#passes.request();
  }

  /** What is in place stays: programs go on while the agent does not. */
  async stop(): Promise<void> {
    this.#end?.();
    this.#passes.stop();
    await this.idle();
  }

  /** Resolves when no pass is under way. */
  async idle(): Promise<void> {
    await this.#busy;
  }

  /** Asks for a pass. */
  request(): void {
    this.#passes.request();
  }

  /** The view has changed: asks for a pass unless only other servers were written about. */
  viewChanged(): void {
    const view = this.#options.view();
    const before = this.#view;
    this.#view = view;
    const changed = before === null || before.nodes !== view.nodes ? null : view.changedSince(before.mark);
    const own = aboutServer(this.#options.self.id);
    if (changed?.every((path) => path.startsWith(ABOUT_SERVERS) && !path.startsWith(own)) !== true) this.request();
  }

  /** What is in place now. */
  get files(): readonly PlacedFile[] {
    return this.#files;
  }

  get problems(): readonly DeliveryProblem[] {
    const { cache } = this.#options;
    const missing = cache.list().flatMap(({ path, state }): DeliveryProblem[] => {
      if (state === "missing") return [{ name: path, reason: "no store has given it yet" }];
      return state === "expired" ? [{ name: path, reason: "it is older than its max_stale" }] : [];
    });
    const failure = this.#failure === null ? [] : [{ name: "all", reason: this.#failure.message }];
    return [...failure, ...missing, ...this.#problems];
  }

  /** One after the other: the first of a start is under way when the view changes, and a pass counts on what is in place. */
  #run(): Promise<PassOutcome> {
    const pass = this.#busy.then(() => this.#pass());
    this.#busy = pass.then(
      () => undefined,
      () => undefined,
    );
    return pass;
  }

  async #pass(): Promise<PassOutcome> {
    const { directory, log } = this.#options;
    const problems: DeliveryProblem[] = [];
    try {
      const { wanted, content } = await this.#wanted(problems);
      const before = await directory.current();
      const plan = planGeneration(before, wanted);
      if (plan.state === "next") await directory.replace(plan.generation, plan.kept, content);
      const now: Generation | null = plan.state === "next" ? plan.generation : before;
      if (plan.state === "next") {
        log.write("info", "delivery.placed", { files: wanted.length, written: wanted.length - plan.kept.size });
      }
      this.#files = now?.files ?? [];
      this.#failure = null;
      await this.#options.placed(this.#files);
      await this.#tell(now?.owed ?? [], problems);
    } catch (error) {
      // A newer version came while this one was being placed: the next pass is about that one.
      if (error instanceof VersionMovedError) this.#passes.request();
      else if (error instanceof LabError) {
        this.#failure = error;
        log.write("error", "delivery.failed", { error });
      } else throw error;
      return "unsettled";
    } finally {
      this.#problems = problems;
    }
    return problems.length === 0 ? "settled" : "unsettled";
  }

  /** Once for every change that it has not heard of. After a crash it may hear twice, and never not at all. */
  async #tell(owed: readonly string[], problems: DeliveryProblem[]): Promise<void> {
    if (owed.length === 0) return;
    const { directory, log, reload } = this.#options;
    for (const unit of owed) {
      try {
        await reload(unit);
        log.write("info", "delivery.reloaded", { unit });
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        problems.push({ name: unit, reason: error.message });
        log.write("error", "delivery.reload-failed", { unit, error });
      }
    }
    // A unit that does not come up again is told of, and not told again and again.
    await directory.settle();
  }

  async #wanted(problems: DeliveryProblem[]) {
    const view = this.#options.view();
    const versions = new Map<string, string>();
    const overlapping = new Map<string, string>();
    for (const { path, version, state, before } of this.#options.cache.list()) {
      if (version !== null && (state === "fresh" || state === "stale")) {
        versions.set(path, version);
        if (before !== null) overlapping.set(path, before.version);
      }
    }
    const wanted: PlacedFile[] = [];
    for (const [path, version] of versions) {
      const declared = readSecretDeclaration(path, view.desired(secretPath(path))?.value ?? {}, []);
      const access = await this.#access(path, declared, problems);
      wanted.push({ name: path, version, access, reload: declared.reload });
      const before = overlapping.get(path);
      // Nobody is told of it: what changed is the value that took its place.
      if (before !== undefined) wanted.push({ name: path + BEFORE, version: before, access, reload: null });
    }
    const templates = new Map<string, Template>();
    const { templates: read, refused } = await this.#options.templates();
    for (const { name, reason } of refused) problems.push({ name: TEMPLATES + name, reason });
    for (const template of read) {
      const name = TEMPLATES + template.name;
      const lacking = secretsOf(template).filter((path) => !versions.has(path));
      if (lacking.length > 0) {
        problems.push({ name, reason: `this machine does not have ${lacking.join(", ")}` });
        continue;
      }
      const { header } = template;
      const version = this.#templateVersion(template, versions);
      wanted.push({ name, version, access: await this.#access(name, header, problems), reload: header.reload });
      templates.set(name, template);
    }
    const { cache } = this.#options;
    const valueOf = (path: string) => valueIfSame(path, cache.held(path), versions.get(path));
    const content = async (name: string): Promise<Secret> => {
      const template = templates.get(name);
      if (template === undefined) {
        const path = name.endsWith(BEFORE) ? name.slice(0, -BEFORE.length) : null;
        return path === null ? valueOf(name) : valueIfSame(path, cache.heldBefore(path), overlapping.get(path));
      }
      const values = new Map(secretsOf(template).map((path) => [path, valueOf(path)]));
      try {
        return renderTemplate(template, (path) => values.get(path) as Secret);
      } finally {
        for (const value of values.values()) value.wipe();
      }
    };
    return { wanted, content };
  }

  /** Of its text and of the versions of its secrets, never of a value. */
  #templateVersion({ parts }: Template, versions: ReadonlyMap<string, string>): string {
    const told = parts.map((part) =>
      part.kind === "text" ? part.bytes : [part.path, part.form, versions.get(part.path) ?? ""],
    );
    return toHex(this.#options.keys.hash(encode(["lab/1/template", told])));
  }

  /** What cannot be as declared is as narrow as possible instead, and said. */
  async #access(
    name: string,
    declared: {
      readonly owner: string | null;
      readonly group: string | null;
      readonly mode: string | null;
      readonly readers: readonly string[];
    },
    problems: DeliveryProblem[],
  ): Promise<FileAccess> {
    const { accounts, own } = this.#options;
    const unknown: string[] = [];
    const numberOf = async (account: string | null, find: (name: string) => Promise<number | null>, other: number) => {
      if (account === null) return other;
      const id = await find(account);
      if (id === null || (own.uid !== 0 && id !== other)) unknown.push(account);
      return id ?? other;
    };
    const uid = await numberOf(declared.owner, (account) => accounts.uidOf(account), own.uid);
    const gid = await numberOf(declared.group, (account) => accounts.gidOf(account), own.gid);
    const readers = await Promise.all(
      declared.readers.map((account) => numberOf(account, (one) => accounts.uidOf(one), -1)),
    );
    if (unknown.length > 0) {
      const what = own.uid === 0 ? "no such account here" : "only root can give files to others";
      problems.push({ name, reason: `${unknown.join(", ")}: ${what}` });
      return { uid: own.uid, gid: own.gid, mode: 0o400, readers: [] };
    }
    const mode = Number.parseInt(declared.mode ?? DEFAULT_MODE, 8);
    return { uid, gid, mode, readers: [...new Set(readers)].sort((a, b) => a - b) };
  }
}

function valueIfSame(path: string, held: CachedSecret | null, version: string | undefined): Secret {
  if (held !== null && held.version === version) return held.value;
  held?.value.wipe();
  throw new VersionMovedError(path);
}

class VersionMovedError extends Error {
  constructor(path: string) {
    super(`"${path}" has another version by now`);
  }
}
