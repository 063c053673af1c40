import { type Act, type Body, type Keep, sha256, unhex } from "./decode.ts";

/** What one grant opened: a writer with one rank and one set of rights. */
export interface Log {
  readonly id: string;
  readonly kind: "operator" | "node" | "role";
  readonly key: string;
  /** Infinity for nodes and roles. */
  readonly rank: number;
  readonly rights: readonly string[];
  readonly need: number;
  /** Hash of the entry that opened it. */
  readonly opening: string;
  /** Of a role: whose, and which. */
  readonly node?: string;
  readonly label?: string;
}

export interface RefNode {
  readonly id: string;
  readonly state: "active" | "cut" | "suspended";
  /** Sorted. */
  readonly roles: readonly string[];
  /** Of the token that it came by. */
  readonly token: Body | null;
}

const ADMIN = new Set(["grant", "cut", "approve", "enrol", "token", "role", "unrole", "checkpoint"]);

/** docs/protocol/authority.md, page by page: from the set of entries to who may do what. */
export class Authority {
  readonly logs = new Map<string, Log>();
  readonly known = new Set<string>();
  readonly effective = new Set<string>();
  readonly nodes = new Map<string, RefNode>();
  readonly #acts = new Map<string, Act>();
  readonly #past = new Map<string, ReadonlySet<string>>();

  constructor(acts: Iterable<Act>) {
    let waiting = [...acts];
    for (let before = -1; before !== waiting.length; ) {
      before = waiting.length;
      waiting = waiting.filter((act) => !this.#admit(act));
    }
    this.#resolveOperators();
    this.#resolveNodes();
  }

  /** Ancestors of an entry, without itself. */
  past(id: string): ReadonlySet<string> {
    return this.#past.get(id) ?? new Set();
  }

  of(type: string): Act[] {
    return [...this.#acts.values()].filter((act) => act.type === type && this.effective.has(act.id));
  }

  rankOf(act: Act): number {
    return this.logs.get(act.log)?.rank ?? Number.POSITIVE_INFINITY;
  }

  /** Effective cuts that apply to a log. */
  cutsOf(log: Log): Act[] {
    const cuts = this.of("cut").filter((cut) => cut.body.key === log.key && this.rankOf(cut) < log.rank);
    return cuts.filter((cut) => this.#actsOn(cut, log));
  }

  /** "Admission", steps 2 to 6; false if it has to wait, or nothing can come of it. */
  #admit(act: Act): boolean {
    const { body, id, type } = act;
    if (type !== "genesis") {
      const log = this.logs.get(act.log);
      if (!act.parents.every((parent) => this.#acts.has(parent))) return false;
      const past = new Set(act.parents.flatMap((parent) => [parent, ...this.past(parent)]));
      if (log === undefined || log.key !== act.key || !past.has(log.opening) || !act.isSigned) return false;
      const mayOther = type === "redeem" ? log.label === "coordinator" : log.kind !== "node";
      const mayCarry = ADMIN.has(type) ? log.rights.includes("admin") : mayOther;
      if (!mayCarry) return false;
      this.#past.set(id, past);
    }
    this.#acts.set(id, act);
    const operator = (name: string, given: Pick<Body, "key">, rank: number, rights: readonly string[], need: number) =>
      this.#open({ id: name, kind: "operator", key: given.key, rank, rights, need, opening: id });
    if (type === "genesis") {
      for (const key of body.root.keys) {
        const name = sha256("lab/1/log-root\0", unhex(id), unhex(key));
        operator(name, { key }, 0, ["admin", "ops", "destroy"], body.root.k);
      }
      for (const founder of body.founders) {
        const name = sha256("lab/1/log-genesis\0", unhex(id), unhex(founder.key));
        operator(name, founder, 1, founder.rights, founder.need.admin);
      }
    } else if (type === "grant") operator(id, body, body.rank, body.rights, body.need.admin);
    else if (type === "enrol") this.#open({ ...NODE, id, key: body.key, opening: id });
    else if (type === "role") {
      const key = this.logs.get(body.node)?.key ?? "";
      this.#open({ ...NODE, kind: "role", id, key, opening: id, node: body.node, label: body.label });
    } else if (type === "redeem") this.#openByToken(body);
    return true;
  }

  #openByToken({ token: opening, key }: Body): void {
    const node = nodeLogOf({ token: opening, key });
    this.#open({ ...NODE, id: node, key, opening });
    for (const label of this.#acts.get(opening)?.body.roles ?? []) {
      const id = sha256("lab/1/log-role\0", unhex(opening), unhex(key), label);
      this.#open({ ...NODE, kind: "role", id, key, opening, node, label });
    }
  }

  #open(log: Log): void {
    if (!this.logs.has(log.id)) this.logs.set(log.id, log);
  }

  #knows(id: string, of: string): boolean {
    return id === of || this.past(id).has(of);
  }

  /** Whether a cut or an unrole is about this log: it names it, or the log was not opened with knowledge of it. */
  #actsOn(removal: Act, log: Log): boolean {
    return keepOf(removal, log.id) !== undefined || !this.#knows(log.opening, removal.id);
  }

  #isKept(act: Act, log: Log): boolean {
    const unroles = this.of("unrole").filter(({ body }) => body.node === log.node && body.label === log.label);
    const removals = [...this.cutsOf(log), ...unroles.filter((unrole) => this.#actsOn(unrole, log))];
    return removals.every((removal) => keepOf(removal, log.id)?.a?.some((tip) => this.#knows(tip, act.id)));
  }

  #resolveOperators(): void {
    const genesis = [...this.#acts.values()].find(({ type }) => type === "genesis");
    if (genesis === undefined) return;
    this.effective.add(genesis.id);
    for (const { id, opening } of this.logs.values()) if (opening === genesis.id) this.known.add(id);
    for (const rank of [...new Set([...this.logs.values()].map((log) => log.rank))].sort((a, b) => a - b)) {
      // Cuts of a rank act on larger ones only: that those of this rank are looked at while they grow changes nothing.
      for (let before = -1; before !== this.effective.size; ) {
        before = this.effective.size;
        for (const act of this.#acts.values()) this.#takeEffect(act, rank);
      }
    }
  }

  #takeEffect(act: Act, rank: number): void {
    const log = this.logs.get(act.log);
    if (log?.kind !== "operator" || log.rank !== rank || !this.known.has(log.id) || this.effective.has(act.id)) return;
    if (!log.rights.includes("admin") || !this.#isKept(act, log)) return;
    if (act.type === "grant" && act.body.rank < rank) return;
    const approvers = this.of("approve").filter(({ body }) => body.entry === act.id);
    const behind = new Set([act.key, ...approvers.map(({ key }) => key)]);
    if (act.type !== "approve" && behind.size < log.need) return;
    this.effective.add(act.id);
    if (act.type === "grant") this.known.add(act.id);
  }

  #resolveNodes(): void {
    for (const { id } of this.of("enrol")) this.known.add(id);
    for (let before = -1; before !== this.known.size + this.effective.size; ) {
      before = this.known.size + this.effective.size;
      for (const { id, body } of this.of("role")) if (this.known.has(body.node)) this.known.add(id);
      for (const act of this.#acts.values()) if (act.type === "redeem") this.#redeem(act);
    }
    const redeemed = this.of("redeem");
    for (const log of this.logs.values()) {
      if (log.kind !== "node" || !this.known.has(log.id)) continue;
      const token = this.#acts.get(log.opening);
      const own = redeemed.filter(({ body }) => nodeLogOf(body) === log.id);
      const rivals = redeemed.filter(({ body }) => body.token === log.opening && body.key !== log.key);
      const wins = rivals.every(({ body: { key } }) => {
        const theirs = rivals.filter(({ body }) => body.key === key);
        return this.#witness(own, theirs) < this.#witness(theirs, own);
      });
      const state = this.cutsOf(log).length > 0 ? "cut" : wins ? "active" : "suspended";
      const byToken = token?.type === "token" ? token.body : null;
      const roles = state === "active" ? this.#rolesOf(log.id) : [];
      this.nodes.set(log.id, { id: log.id, state, roles, token: byToken });
    }
  }

  #redeem(act: Act): void {
    const log = this.logs.get(act.log);
    const token = this.#acts.get(act.body.token);
    if (log === undefined || token === undefined || !this.known.has(log.id) || this.effective.has(act.id)) return;
    if (!this.effective.has(token.id) || token.body.issuer !== log.id || !this.#isKept(act, log)) return;
    this.effective.add(act.id);
    const node = nodeLogOf(act.body);
    for (const one of this.logs.values()) if (one.id === node || one.node === node) this.known.add(one.id);
  }

  /** "wit": the smallest rank of an operator who knows of the one and not of the other. */
  #witness(of: readonly Act[], against: readonly Act[]): number {
    const knows = (act: Act, some: readonly Act[]) => some.some(({ id }) => this.#knows(act.id, id));
    const ranks = [...this.#acts.values()]
      .filter((act) => this.effective.has(act.id) && this.logs.get(act.log)?.kind === "operator")
      .filter((act) => knows(act, of) && !knows(act, against))
      .map((act) => this.rankOf(act));
    return Math.min(Number.POSITIVE_INFINITY, ...ranks);
  }

  /** Labels of the role logs that this node has, of those that were given after every end of that role. */
  #rolesOf(node: string): string[] {
    const stands = [...this.logs.values()].filter((log) => {
      if (log.node !== node || !this.known.has(log.id)) return false;
      const ends = this.of("unrole").filter(({ body }) => body.node === node && body.label === log.label);
      return ends.every((end) => this.past(log.opening).has(end.id));
    });
    return [...new Set(stands.map(({ label = "" }) => label))].sort();
  }
}

const NODE = { kind: "node", rank: Number.POSITIVE_INFINITY, rights: [], need: 1 } as const;

export function keepOf(removal: Act, log: string): Keep | undefined {
  return removal.body.keeps.find((keep) => keep.log === log);
}

function nodeLogOf({ token, key }: Pick<Body, "token" | "key">): string {
  return sha256("lab/1/log-node\0", unhex(token), unhex(key));
}
