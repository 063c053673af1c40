import { equalBytes, fromBase64Url, fromHex, toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import type { Signable, Signature } from "../core/signature.ts";
import type { CheckpointBody, KnownBody } from "../crdt/authority/bodies.ts";
import type { AuthorityHeader, Entry } from "../crdt/entry/entry.ts";
import { draftActs, type SignedAct, signAct } from "./authority.ts";
import { checkContext } from "./check-context.ts";
import { isDue, type LedgerSize, ledgerSize, ownCheckpoint } from "./checkpoint.ts";
import { describeBody, describeWrite } from "./describe.ts";
import { keyFileNames, type OperatorKey, ownLogDir, readKeyFile } from "./files/key-file.ts";
import { type Lock, lockDirectory } from "./files/lock.ts";
import { OwnLog } from "./files/own-log.ts";
import { KnownAuthority } from "./known-authority.ts";
import { Outbox } from "./outbox.ts";
import { askContext, type Courier, type OperatorContext } from "./requests.ts";
import { type OperatorSigner, signWith } from "./signer.ts";
import { requireCommonClock, type SignedLink, signWrites, type Write } from "./write.ts";

export interface SessionSurroundings {
  readonly keys: Keys;
  /** Where `operators/` lies. */
  readonly operatorDir: string;
  /** Which of several keys; without it the one of the agent's mesh. */
  readonly operator: string | undefined;
  readonly courier: Courier;
  /** Called before the first signature of a session, and only then: it may ask its person for something. */
  readonly unlock: (key: OperatorKey) => Promise<OperatorSigner>;
  /** Wall clock. */
  readonly now: () => number;
  /** Progress for people. */
  readonly note: (text: string) => void;
}

/** What the operator is going to write about. */
export interface Subjects {
  readonly servers?: readonly string[];
  /** With `{name}` in place of a server's id. */
  readonly paths?: readonly string[];
}

/** What shall be signed: acts of authority first, then writes as one batch. */
export interface Order {
  readonly acts?: readonly KnownBody[];
  readonly writes?: readonly Write[];
}

/** As it was read back from the signed bytes. */
export interface Signed {
  readonly acts: readonly SignedAct[];
  readonly links: readonly SignedLink[];
  /** - `signed`: it has all the signatures that it takes · `waiting`: acts count only when others approve them */
  readonly state: "signed" | "waiting";
}

/** Another command of the same key takes a fraction of a second. */
const LOCK_WAIT_MS = 10_000;
/** Loose ends that are told in one question; more of them cost a longer answer, and no more. */
const MAX_KNOWS = 1000;
/**
 * One operator's key at work: holds its lock, knows that its own log and the peer agree, signs, keeps what it signed
 * before anybody else has it, and hands it over. Throws `NotAuthorised`, `WrongMesh`, `Conflict`, `ClockOff`.
 */
export async function openSession(surroundings: SessionSurroundings, subjects: Subjects): Promise<Session> {
  const { operatorDir, operator } = surroundings;
  const names = operator === undefined ? keyFileNames(operatorDir) : [operator];
  const [first] = names;
  if (first === undefined) {
    throw new LabError("NotAuthorised", `there is no operator's key in ${operatorDir}`, {
      hint: "lab init --local makes a mesh of your own; for another one, run this where its operator's key is",
    });
  }
  const session = new Session(surroundings, readKeyFile(operatorDir, first), subjects);
  const mesh = await session.begin();
  if (mesh === "own" && names.length === 1) return session;
  const wanted = mesh === "own" ? session.mesh : mesh;
  const fitting = names.filter((name) => equalBytes(readKeyFile(operatorDir, name).mesh, wanted));
  if (mesh === "own" && fitting.length === 1) return session;
  session.close();
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) throw ambiguous(operatorDir, names, fitting, wanted);
  const other = new Session(surroundings, readKeyFile(operatorDir, only), subjects);
  await other.begin();
  return other;
}

function ambiguous(dir: string, names: readonly string[], fitting: readonly string[], mesh: Uint8Array): LabError {
  if (fitting.length > 1) {
    return new LabError("Usage", `several operators' keys are here: ${fitting.join(", ")}`, {
      hint: `LAB_OPERATOR=${fitting[0]} in front of the command`,
    });
  }
  return new LabError("WrongMesh", `no operator's key in ${dir} is for the mesh of this agent`, {
    notes: [`keys: ${names.join(", ")}`, `the agent's mesh: ${toHex(mesh).slice(0, 16)}…`],
    hint: "LAB_CONFIG or --context names where the right key is",
  });
}

/** A key that signs and lies in no file of this device, such as the one behind the recovery code. */
export interface LooseKey {
  /** Of the directory for what it signs; no operator can be called so. */
  readonly directory: string;
  readonly name: string;
  readonly mesh: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A session of a key without a file. Throws what {@link openSession} does. */
export async function openLooseSession(
  surroundings: SessionSurroundings,
  { directory, ...key }: LooseKey,
  subjects: Subjects,
): Promise<Session> {
  const custody = { kind: "elsewhere", application: null } as const;
  const session = new Session(surroundings, { ...key, custody }, subjects, directory);
  const mesh = await session.begin();
  if (mesh === "own") return session;
  session.close();
  throw new LabError("WrongMesh", "the agent answers for another mesh than it did a moment ago", {
    hint: "lab status",
  });
}

export class Session {
  readonly #surroundings: SessionSurroundings;
  readonly #key: OperatorKey;
  #signer: Promise<OperatorSigner> | null = null;
  readonly #subjects: Subjects;
  readonly #dir: string;
  #known: KnownAuthority | null = null;
  #lock: Lock | null = null;
  #context: OperatorContext | null = null;
  readonly #logs = new Map<string, OwnLog>();
  readonly #outbox: Outbox;
  #standing: "operator" | "root" = "operator";

  constructor(surroundings: SessionSurroundings, key: OperatorKey, subjects: Subjects, directory = key.name) {
    this.#surroundings = surroundings;
    this.#key = key;
    this.#subjects = subjects;
    this.#dir = ownLogDir(surroundings.operatorDir, directory);
    this.#outbox = new Outbox(surroundings);
  }

  /** Acts of authority are from now on those of root. Throws `NotAuthorised` if the key is none. */
  actAsRoot(): void {
    if (this.context.logs.every(({ rank }) => rank > 0)) {
      throw new LabError("NotAuthorised", `this key is not the root of mesh ${this.context.meshName}`, {
        hint: "the root is the recovery code that was shown when the mesh was made, if it had one",
      });
    }
    this.#standing = "root";
  }

  /** Rank of the log that acts of authority go into. Throws `NotAuthorised`. */
  get rank(): number {
    const log = this.logWith("admin");
    return this.context.logs.find((one) => one.log === log)?.rank ?? 0;
  }

  get operator(): string {
    return this.#key.name;
  }

  get publicKey(): Uint8Array {
    return this.#key.publicKey;
  }

  get mesh(): Uint8Array {
    return this.#key.mesh;
  }

  /** What the peer knows, as of the beginning or the last {@link refresh}. */
  get context(): OperatorContext {
    if (this.#context === null) throw new Error("the session has not begun");
    return this.#context;
  }

  /** Who may do what, as far as it was checked here. */
  get known(): KnownAuthority {
    if (this.#known === null) throw new Error("the session has not begun");
    return this.#known;
  }

  /** Hex of the most senior live log that has a right; a root log is for acts of root alone. Throws `NotAuthorised`. */
  logWith(right: "admin" | "ops"): string {
    const { logs, meshName } = this.context;
    const isRoot = right === "admin" && this.#standing === "root";
    const found = logs.find(({ rank, rights }) => (isRoot ? rank === 0 : rank > 0) && rights.includes(right));
    if (found !== undefined) return found.log;
    const why = logs.length === 0 ? "is no operator" : `has no right "${right}"`;
    throw new LabError("NotAuthorised", `the key of ${this.operator} ${why} in mesh ${meshName}`, {
      hint: "lab get operators",
    });
  }

  /** `own` once key and peer agree; the peer's mesh if the key is for another one. */
  async begin(): Promise<"own" | Uint8Array> {
    const { now } = this.#surroundings;
    this.#lock = await lockDirectory(this.#dir, { waitMs: LOCK_WAIT_MS, now });
    try {
      this.#known = new KnownAuthority(this.#surroundings.keys, this.#dir, this.#key.mesh);
      await this.#ask(this.#subjects);
      const mesh = unhex(this.context.mesh);
      if (!equalBytes(mesh, this.#key.mesh)) return mesh;
      requireCommonClock(now(), this.context.nowMs, this.context.meta.peer);
      if (await this.#handOverWhatIsMissing()) await this.#ask(this.#subjects);
      checkContext(this.context, this.known, this.context.lacks.length > 0);
      for (const { log, head } of this.context.logs) this.#requireSameHead(log, head);
      return "own";
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Asks again, for other subjects. */
  async refresh(subjects: Subjects): Promise<OperatorContext> {
    await this.#ask(subjects);
    checkContext(this.context, this.known, this.context.lacks.length > 0);
    return this.context;
  }

  /**
   * Signs, keeps and hands over: acts first, and writes only when the peer took those. What can be refused goes before
   * what cannot, so that nothing half of it is left. Returns when all is durable at the peer. Throws `EntryRefused`.
   */
  async sign({ acts = [], writes = [] }: Order): Promise<Signed> {
    const logs = {
      acts: acts.length === 0 ? null : this.logWith("admin"),
      writes: writes.length === 0 ? null : this.logWith("ops"),
    };
    const signedActs = logs.acts === null ? [] : await this.#signActs(acts);
    const nameOf = this.#nameOf();
    this.#tell(signedActs.map(({ body }) => describeBody(body, nameOf)));
    let state: Signed["state"] = "signed";
    if (logs.acts !== null) {
      const entries = signedActs.map(({ entry }) => entry);
      this.#own(logs.acts).append(entries);
      this.known.learnOwn(entries.map(({ bytes }) => bytes));
      await this.#outbox.handOver(entries, this.context.meta.peer);
      state = this.#tellOfApprovals(logs.acts, signedActs);
    }
    const due = logs.writes === null ? [] : await this.#signDueCheckpoint(logs.writes);
    const links = logs.writes === null ? [] : await this.#signWrites(writes);
    this.#tell(links.flatMap((link) => link.writes.map((write) => describeWrite(write, nameOf))));
    if (logs.writes !== null) {
      const entries: Entry[] = [...due, ...links].map(({ entry }) => entry);
      this.#own(logs.writes).append(entries);
      this.known.learnOwn(due.map(({ entry }) => entry.bytes));
      await this.#outbox.handOver(entries, this.context.meta.peer);
    }
    return { acts: signedActs, links, state };
  }

  /** Of the ledger that the key writes. Throws `NotAuthorised` where it writes none, or may not pin it. */
  get ledgerSize(): LedgerSize {
    return ledgerSize(this.known, this.#own(this.#pinnable()));
  }

  /** What pins the own ledger where it ends here. Throws what {@link ledgerSize} does. */
  checkpoint(): CheckpointBody {
    return ownCheckpoint(this.#surroundings.keys, this.#own(this.#pinnable()), this.#surroundings.now());
  }

  /** The own ledger, if what this key signs pins it: in the same log, or in a more senior one. */
  #pinnable(): string {
    const [ledger, log] = [this.logWith("ops"), this.logWith("admin")];
    const [own, pinning] = [ledger, log].map((id) => this.known.authority.operators.get(id)?.rank ?? 0);
    if (log === ledger || (pinning ?? 0) < (own ?? 0)) return ledger;
    throw new LabError("NotAuthorised", `no log of ${this.operator} may pin its ledger`, { hint: "lab get operators" });
  }

  /**
   * Pins what stands in the own ledger before the writes of this order, if so much of it holds nothing any more. Not where
   * the peer has another end of it: a pin would decide between branches.
   */
  async #signDueCheckpoint(log: string): Promise<readonly SignedAct[]> {
    const operator = this.known.authority.operators.get(log);
    if (operator === undefined || !operator.rights.has("admin") || operator.need.admin > 1) return [];
    if (this.logWith("admin") !== log) return [];
    const own = this.#own(log);
    const head = this.context.logs.find((one) => one.log === log)?.head;
    if (own.head === null || head?.seq !== own.head.seq) return [];
    const size = ledgerSize(this.known, own);
    if (!isDue(size)) return [];
    const signed = await this.#signActs([ownCheckpoint(this.#surroundings.keys, own, this.#surroundings.now())]);
    this.#tell(signed.map(({ body }) => `${describeBody(body, this.#nameOf())}: ${whatIsDead(size)}`));
    return signed;
  }

  #tell(lines: readonly string[]): void {
    for (const line of lines) this.#surroundings.note(`signing as ${this.operator}: ${line}`);
  }

  #tellOfApprovals(log: string, acts: readonly SignedAct[]): Signed["state"] {
    const { operators, effective } = this.known.authority;
    const need = operators.get(log)?.need.admin ?? 1;
    const waiting = acts.filter(({ entry, body }) => {
      const node = this.known.graph.find(entry.id);
      return body.type !== "approve" && node !== undefined && !effective.has(node.index);
    });
    if (need < 2 || waiting.length === 0) return "signed";
    this.#surroundings.note(
      `it takes ${need} signatures and has this one: nothing has changed yet. Next, for another operator:`,
    );
    const as = this.#standing === "root" ? " --as-root" : "";
    for (const { entry } of waiting) this.#surroundings.note(`  lab approve ${entry.id.slice(0, 12)}${as}`);
    this.#surroundings.note(
      "Where that key has no agent: lab approve … --out FILE, lab sign FILE there, lab submit FILE",
    );
    return "waiting";
  }

  close(): void {
    this.#lock?.release();
    this.#lock = null;
  }

  async #ask({ servers = [], paths = [] }: Subjects): Promise<void> {
    const { keys, courier } = this.#surroundings;
    const { known } = this;
    const own = OwnLog.list(this.#dir).flatMap((log) => {
      const tip = OwnLog.open(keys, this.#dir, log).authorityTip;
      return tip === null ? [] : [toHex(tip)];
    });
    const key = toHex(this.#key.publicKey);
    const about = { key, servers: [...servers], paths: [...paths] };
    for (;;) {
      const knows = known.tips.slice(0, MAX_KNOWS);
      const holds = [...new Set([...own, ...knows])];
      const context = await askContext(courier, { ...about, holds, knows });
      this.#context = context;
      if (context.mesh !== toHex(this.#key.mesh)) return;
      known.learn(context.authority.map(unbase64), context.meta.peer);
      if (!context.more) break;
    }
    this.#learnOwn(own);
    this.#context = { ...this.#context, logs: this.#ownLogs(this.#context), seen: known.seen };
  }

  /** What an earlier release signed and kept, or what came back with a copied directory. */
  #learnOwn(tips: readonly string[]): void {
    if (tips.every((tip) => this.known.graph.find(tip) !== undefined)) return;
    for (const log of OwnLog.list(this.#dir)) {
      const entries = OwnLog.open(this.#surroundings.keys, this.#dir, log).authorityEntries();
      this.known.learnOwn(entries.map(({ bytes }) => bytes));
    }
  }

  /** The key's live logs by the entries themselves, with the ends that the peer knows. */
  #ownLogs({ logs }: OperatorContext): OperatorContext["logs"] {
    const key = toHex(this.#key.publicKey);
    return [...this.known.authority.operators.values()]
      .filter((operator) => operator.key === key && operator.state === "live")
      .sort((a, b) => a.rank - b.rank)
      .map(({ log, name, rank, rights }) => {
        const head = logs.find((one) => one.log === log)?.head ?? null;
        return { log, name, rank, rights: [...rights], head };
      });
  }

  /** Signs what is no entry: a request. */
  async signRequest(signable: Signable): Promise<Signature> {
    return signWith(this.#surroundings.keys, await this.#unlocked(), signable);
  }

  /** What is sealed to this key opens with it. Throws `NotAuthorised` for one that signs and cannot open. */
  async sealIdentity(): Promise<SealIdentity> {
    const { seal } = await this.#unlocked();
    if (seal !== null) return seal(this.mesh);
    throw new LabError("NotAuthorised", `the key of ${this.operator} signs, and opens nothing that is sealed to it`, {
      notes: ["it is in an SSH agent or a token"],
      hint: "a second key of yours, in a file, can: lab operator request",
    });
  }

  /** Acts that have their place among all others and nobody's signature. */
  draft(acts: readonly KnownBody[]): readonly Entry<AuthorityHeader>[] {
    const log = unhex(this.logWith("admin"));
    const position = { mesh: this.mesh, log, parents: this.known.parentsFor(log) };
    return draftActs(this.#surroundings.keys, this.#key.publicKey, position, acts);
  }

  async #signActs(acts: readonly KnownBody[]): Promise<SignedAct[]> {
    const drafts = this.draft(acts);
    const signer = await this.#unlocked();
    const signed: SignedAct[] = [];
    for (const draft of drafts) signed.push(await signAct(this.#surroundings.keys, signer, draft));
    return signed;
  }

  async #signWrites(writes: readonly Write[]): Promise<readonly SignedLink[]> {
    const log = this.logWith("ops");
    const { head, hlc, cursor } = this.#own(log);
    const { newest, seen, others } = this.context;
    return signWrites(
      this.#surroundings.keys,
      await this.#unlocked(),
      {
        mesh: this.mesh,
        log: unhex(log),
        head,
        hlc,
        cursor,
        newest,
        nowMs: this.#surroundings.now(),
        seen: unhex(seen),
        others,
      },
      writes,
    );
  }

  #unlocked(): Promise<OperatorSigner> {
    this.#signer ??= this.#surroundings.unlock(this.#key);
    return this.#signer;
  }

  #own(log: string): OwnLog {
    let own = this.#logs.get(log);
    if (own === undefined) {
      own = OwnLog.open(this.#surroundings.keys, this.#dir, unhex(log));
      this.#logs.set(log, own);
    }
    return own;
  }

  /**
   * What an earlier command signed and could not hand over, or could hand over only to a peer that is not this one; and
   * what others signed that this peer has missed: it may be the removal of somebody.
   */
  async #handOverWhatIsMissing(): Promise<boolean> {
    const { lacks, logs } = this.context;
    const missing = new Map<string, Entry>();
    for (const entry of this.#lackedByPeer()) missing.set(entry.id, entry);
    for (const { log, head } of logs) {
      const own = this.#own(log);
      if (own.authorityTip !== null && lacks.includes(toHex(own.authorityTip))) {
        for (const entry of own.authorityEntries()) missing.set(entry.id, entry);
      }
      if ((own.head?.seq ?? 0) <= (head?.seq ?? 0)) continue;
      if (head !== null) this.#requireOnBranch(own, head);
      for (const entry of own.ledgerAfter(head?.seq ?? 0)) missing.set(entry.id, entry);
    }
    if (missing.size > 0) await this.#outbox.handOver([...missing.values()], this.context.meta.peer);
    return missing.size > 0;
  }

  #lackedByPeer(): Entry[] {
    const { graph } = this.known;
    const { lacks, tips } = this.context;
    const [lacked, had] = [lacks, tips].map((ids) => ids.flatMap((id) => graph.find(id)?.index ?? []));
    const within = (index: number, ends: readonly number[] = []) =>
      ends.some((end) => end === index || graph.isPast(index, end));
    return graph.entries.filter(({ index }) => within(index, lacked) && !within(index, had)).map(({ entry }) => entry);
  }

  #requireSameHead(log: string, head: OperatorContext["logs"][number]["head"]): void {
    const own = this.#own(log);
    const [here, there] = [own.head?.seq ?? 0, head?.seq ?? 0];
    if (head !== null && here >= there) this.#requireOnBranch(own, head);
    if (there <= here) return;
    throw new LabError(
      "Conflict",
      `this copy of ${this.operator}'s key is behind: restored from a backup, or copied?`,
      {
        notes: [
          `${this.context.meta.peer} has ${there} entries of it, this device ${here}`,
          "writing here would give one number to two entries, and every peer would stop at that fork",
        ],
        hint: `write on the device that is ahead, or copy its ${this.#dir} here`,
      },
    );
  }

  #requireOnBranch(own: OwnLog, head: { readonly seq: number; readonly hash: string }): void {
    const here = own.ledgerHash(head.seq);
    if (here !== null && toHex(here) === head.hash) return;
    throw new LabError("Conflict", `this copy of ${this.operator}'s key and the mesh went different ways`, {
      notes: [`entry ${head.seq} of its log is another one on ${this.context.meta.peer} than here`],
      hint: `write on the device that made it, or copy its ${this.#dir} here`,
    });
  }

  #nameOf(): (id: string) => string {
    const { servers, coordinators, self } = this.context;
    const names = new Map([
      ...[...this.known.authority.operators].map(([log, { name }]) => [log, name] as const),
      [self.id, self.name],
      ...coordinators.map(({ id, name }) => [id, name] as const),
      ...Object.entries(servers).flatMap(([name, server]) => (server === null ? [] : [[server.id, name] as const])),
    ]);
    return (id) => names.get(id) ?? id.slice(0, 12);
  }
}

function whatIsDead({ live, deadSince }: LedgerSize): string {
  return `${deadSince} writes more hold nothing any more, ${live} hold something`;
}

function unbase64(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes !== null) return bytes;
  throw senseless("an entry is not base64url");
}

/** Hex of the peer's answer; anything else would end in a signature over nonsense. */
function unhex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes?.length === 32) return bytes;
  throw senseless("a hash is not 32 bytes");
}

function senseless(why: string): LabError {
  return new LabError("PeerFailed", `the agent's answer makes no sense: ${why}`, {
    hint: "lab version, here and on the machine of the agent",
  });
}
