import type { FileTree } from "../../core/ports/file-tree.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import type { SecretBackend } from "../../core/ports/secret-backend.ts";
import { entitledPaths, isRemoved, storeRecipients } from "../../core/policy/entitlement.ts";
import { readSecretDeclaration } from "../../core/model/secret-declaration.ts";
import { secretPath, secretVersionPath } from "../../core/paths.ts";
import { type PassOutcome, RepeatedPass } from "../../core/repeated-pass.ts";
import { READ_ACTION } from "../../core/secrets/grant-log.ts";
import type { HeldVersion } from "../../core/secrets/messages.ts";
import { type CurrentVersion, currentVersion, currentVersions, STORE_CLASS } from "../../core/secrets/version.ts";
import type { Node, View } from "../../core/view.ts";
import { AgeDirectory } from "./age-directory.ts";
import type { Dataset } from "./dataset.ts";
import { judgeEnvelope } from "./judge.ts";
import type { RequestLog } from "./request-log.ts";

const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;

export interface CopiesParts {
  readonly context: RoleContext;
  readonly tree: FileTree;
  readonly dataset: Dataset;
  readonly requests: RequestLog;
  readonly isStore: () => boolean;
}

/**
 * Keeps a second place beside the dataset: the current value of every secret, sealed to the stores, the recovery code and
 * the machines that the policy grants it to. A machine that it is sealed to counts as one that was given the value, so
 * that is on record first. What a machine may only have while a store answers is not kept there.
 */
export class Copies {
  readonly #parts: CopiesParts;
  readonly #place: SecretBackend;
  readonly #passes: RepeatedPass;
  #loaded: "no" | "yes" = "no";
  #running: Promise<unknown> = Promise.resolve();
  #failure: string | null = null;
  /** Revision of the view by which everything there is sealed. */
  #sealedAt = -1;
  #readers: { readonly view: View; readonly machines: ReadonlyMap<string, readonly Node[]> } | null = null;

  constructor(parts: CopiesParts) {
    const { context, tree } = parts;
    this.#parts = parts;
    this.#place = new AgeDirectory({
      context,
      tree,
      readers: (path) => this.#recipients(path),
      giving: (held, readers) => this.#giving(held, readers),
    });
    this.#passes = new RepeatedPass({
      clock: context.clock,
      run: () => this.#run(),
      failed: (error) => this.#failed(error),
      retryFirstMs: RETRY_FIRST_MS,
      retryMostMs: RETRY_MOST_MS,
    });
  }

  /** Why the last pass did not do all that there was to do; null if it did. */
  get failure(): string | null {
    return this.#failure === null ? null : `the copies in ${this.#place.name} are behind: ${this.#failure}`;
  }

  request(): void {
    this.#passes.request();
  }

  async stop(): Promise<void> {
    this.#passes.stop();
    await this.#running;
  }

  #run(): Promise<PassOutcome> {
    const pass = this.#bringInLine();
    this.#running = pass.catch(() => undefined);
    return pass;
  }

  async #bringInLine(): Promise<PassOutcome> {
    const { context, dataset, isStore } = this.#parts;
    const place = this.#place;
    if (this.#loaded === "no") {
      const damaged = await place.load();
      if (damaged > 0) context.log.write("error", "secret-store.damaged-copies", { place: place.name, damaged });
      this.#loaded = "yes";
    }
    let failure: unknown = null;
    const trying = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failure ??= error;
      }
    };
    // What somebody must not read any more goes first. The policy is in the view and nowhere else.
    const { revision } = context.view();
    if (revision !== this.#sealedAt) {
      for (const held of place.list()) {
        if (!isStore()) return "settled";
        if (!this.#isToStay(held.path)) await trying(() => place.drop(held));
      }
      for (const held of place.sealedOtherwise()) {
        if (!isStore()) return "settled";
        await trying(() => place.reseal(held));
      }
      if (failure === null) this.#sealedAt = revision;
    }
    for (const current of currentVersions(context.view())) {
      if (!isStore()) return "settled";
      if (place.has(current) || !this.#isToStay(current.path) || !dataset.has(current)) continue;
      await trying(() => this.#copy(current));
    }
    if (failure !== null) throw failure;
    if (this.#failure !== null) {
      this.#failure = null;
      context.requestReconcile();
    }
    return "settled";
  }

  /** Nothing that is not what its writer signed. */
  async #copy(current: CurrentVersion): Promise<void> {
    const envelope = await this.#parts.dataset.read(current);
    if (envelope === undefined) return;
    const judged = await judgeEnvelope(this.#parts.context, envelope, current);
    if (judged.verdict === "refused") return;
    judged.committed?.value.wipe();
    await this.#place.put(envelope, [current.version]);
  }

  async #giving({ path, version }: HeldVersion, readers: readonly string[]): Promise<void> {
    for (const { id, name, seal } of this.#machines(path)) {
      if (!readers.includes(seal)) continue;
      await this.#parts.requests.allowed({
        ...{ actor: `node:${name}`, action: READ_ACTION, object: path, decision: "allowed" },
        reason: `sealed to it in ${this.#place.name}`,
        facts: { node: id, version },
      });
    }
  }

  /** What became void stays, as the dataset keeps it; to whom it is sealed follows the policy all the same. */
  #isToStay(path: string): boolean {
    const view = this.#parts.context.view();
    if (isRemoved(view, secretVersionPath(path))) return false;
    const current = currentVersion(view, path);
    if (current !== undefined && current.metadata.class !== STORE_CLASS) return false;
    const declared = view.desired(secretPath(path));
    if (declared === undefined) return true;
    const { strict, maxStaleSeconds } = readSecretDeclaration(path, declared.value, []);
    return !strict && maxStaleSeconds === null;
  }

  #recipients(path: string): readonly string[] {
    const machines = this.#machines(path).map(({ seal }) => seal);
    return [...new Set([...storeRecipients(this.#parts.context.view()), ...machines])].sort();
  }

  /** Those that may read it by the policy. */
  #machines(path: string): readonly Node[] {
    const view = this.#parts.context.view();
    if (this.#readers?.view !== view) this.#readers = { view, machines: machinesByPath(view) };
    return this.#readers.machines.get(path) ?? [];
  }

  #failed(error: unknown): void {
    this.#parts.context.log.write("error", "secret-store.copies-behind", { place: this.#place.name, error });
    const isNew = this.#failure === null;
    this.#failure = error instanceof Error ? error.message : String(error);
    if (isNew) this.#parts.context.requestReconcile();
  }
}

/** Takes away what a store kept there; it is to be tried again where that is `kept`. */
export async function forgetCopies(context: RoleContext): Promise<"clear" | "kept"> {
  const tree = context.secretCopies;
  if (tree === null) return "clear";
  const place = new AgeDirectory({ context, tree, readers: () => [], giving: () => Promise.resolve() });
  try {
    await place.forget();
    return "clear";
  } catch (error) {
    context.log.write("error", "secret-store.copies-left", { place: place.name, error });
    return "kept";
  }
}

function machinesByPath(view: View): ReadonlyMap<string, readonly Node[]> {
  const machines = new Map<string, Node[]>();
  for (const node of view.nodes.values()) {
    for (const path of entitledPaths(view, node.id)) machines.set(path, [...(machines.get(path) ?? []), node]);
  }
  return machines;
}
