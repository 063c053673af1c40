import { GAP_MUTANTS } from "./gaps/mutants.ts";
import { PRESENCE_MUTANTS } from "./presence/mutants.ts";
import { WAKE_MUTANTS } from "./wakes/mutants.ts";
import { BYZANTINE_MUTANTS } from "./byzantine/mutants.ts";
import { COPY_MUTANTS } from "./copies/mutants.ts";
import { DELIVERY_MUTANTS } from "./delivery/mutants.ts";
import { CHECKPOINT_MUTANTS } from "./checkpoints/mutants.ts";
import { FAULT_MUTANTS } from "./faults/mutants.ts";
import { FLOOD_MUTANTS } from "./floods/mutants.ts";
import { LINE_MUTANTS } from "./lines/mutants.ts";
import type { Mutant } from "./mutant.ts";
import { READER_MUTANTS } from "./readers/mutants.ts";
import { RELEASE_MUTANTS } from "./releases/mutants.ts";
import { REMOVAL_MUTANTS } from "./removals/mutants.ts";
import { RETURN_MUTANTS } from "./returns/mutants.ts";
import { REST_MUTANTS } from "./rest/mutants.ts";
import { DROP_MUTANTS } from "./drops/mutants.ts";
import { RETENTION_MUTANTS } from "./retention/mutants.ts";
import { SEALED_MUTANTS } from "./sealed/mutants.ts";

const RACES = ["--races"];
const ALARMS = ["--alarms"];
const ROTATIONS = ["--rotations"];

export const MUTANTS: readonly Mutant[] = [
  {
    name: "half a batch counts",
    file: "src/crdt/chain.ts",
    guard: "while (length > 0 && links[length - 1]?.entry.header.more !== 0) length--;",
    without: "if (length < 0) length--;",
  },
  {
    name: "signatures of ledger entries are not checked",
    file: "src/crdt/cover.ts",
    guard: "if (others.length < POOL_FROM) {",
    without: "if (others.length > 0) return new Set(others);\n    if (others.length < POOL_FROM) {",
  },
  {
    name: "signatures of authority entries are not checked",
    file: "src/crdt/authority/graph.ts",
    guard: "if (!carriesValidSignature(this.#keys, entry)) return",
    without: "if (!carriesValidSignature(this.#keys, entry) && entry === null) return",
  },
  {
    name: "anybody may write anybody's ledger",
    file: "src/crdt/admission.ts",
    guard: "if (opened.key !== key) return",
    without: 'if (opened.key !== key && key === "") return',
  },
  {
    name: "anybody may write anybody's authority log",
    file: "src/crdt/authority/graph.ts",
    guard: "if (opened.key !== recurringHex(header.key))",
    without: 'if (opened.key !== recurringHex(header.key) && log === "")',
  },
  {
    name: "a node's log may carry a role",
    file: "src/crdt/authority/graph.ts",
    guard: `return "a node's log carries no authority";`,
    without: "break;",
  },
  {
    name: "a node's log may carry desired state",
    file: "src/crdt/admission.ts",
    guard: 'if (opened.kind !== "operator") return wrong;',
    without: 'if (opened.kind !== "operator") return null;',
  },
  {
    name: "an operator without the right administers",
    file: "src/crdt/authority/graph.ts",
    guard: '!opened.rights.includes("admin")',
    without: '!opened.rights.includes("ops")',
  },
  {
    name: "an update may follow another client's item",
    file: "src/crdt/ledger/update-codec.ts",
    guard: 'if (origin.client !== state.client) throw new MalformedError("an origin of another client");',
    without: "",
  },
  {
    name: "an update may leave a gap",
    file: "src/crdt/ledger/update-codec.ts",
    guard: 'if (clock !== state.next) throw new MalformedError("the update does not continue the document");',
    without: "",
  },
  {
    name: "an update may begin a path anew",
    file: "src/crdt/ledger/update-codec.ts",
    guard: "if (state.clockOf(path) !== undefined) throw",
    without: "if (state.clockOf(path) !== undefined && path.length === 0) throw",
  },
  {
    name: "entries are written without sync",
    file: "src/crdt/store/entry-store.ts",
    guard: "value: this.#seal(counted) }], true);",
    without: "value: this.#seal(counted) }], false);",
  },
  {
    name: "entries are acknowledged before they are on disk",
    file: "src/crdt/replica.ts",
    guard: "    await this.#flush();\n    return answers;",
    without: "    void this.#flush();\n    return answers;",
  },
  {
    name: "strangers reach what members reach",
    file: "src/mesh/gate.ts",
    guard: 'case "stranger":\n        return this.#forStrangers.get(channel);',
    without: 'case "stranger":\n        return this.#forMembers.get(channel) ?? this.#forStrangers.get(channel);',
  },
  {
    name: "stores serve whoever is a member",
    file: "src/roles/secret-store/serving.ts",
    guard: "return mayRead(view, reader.node.id, path);",
    without: 'return path !== "";',
  },
  {
    name: "what the code of a class names is granted to nobody",
    file: "src/core/policy/grants.ts",
    guard: "return [...own, ...byClass];",
    without: "return [...own, ...byClass.slice(byClass.length)];",
  },
  {
    name: "a label that opens one secret opens all",
    file: "src/core/policy/entitlement.ts",
    guard: ".filter((grant) => grant.path === path)",
    without: '.filter((grant) => grant.path !== "")',
  },
  {
    name: "stores give envelopes to whoever asks",
    file: "src/roles/secret-store/replication.ts",
    guard: ".find(({ key }) => key === peer);",
    without: ".find(({ key }) => key === peer || key !== peer);",
  },
  {
    name: "every machine tells every alarm",
    file: "src/core/alarms/plan.ts",
    guard: "return task.line[turn.place] === member ? turn : null;",
    without: "return turn;",
    run: ALARMS,
  },
  {
    name: "the isolated tell about the others",
    file: "src/core/alarms/findings.ts",
    guard: "if (facts.isolated !== null) {",
    without: 'if (facts.isolated !== null && facts.meshName === "") {',
    run: ALARMS,
  },
  {
    name: "nobody takes over from one who cannot deliver",
    file: "src/core/turns.ts",
    guard: "place: number % of,",
    without: "place: 0,",
    run: ALARMS,
  },
  {
    name: "an alarm needs no time",
    file: "src/core/alarms/plan.ts",
    guard: "< afterMs) return null;",
    without: "< 0) return null;",
    run: ALARMS,
  },
  {
    name: "what somebody has seen is told again",
    file: "src/core/alarms/plan.ts",
    guard: "return ack !== null && sinceMs <= ack.sinceMs;",
    without: "return ack !== null && sinceMs < 0;",
    run: ALARMS,
  },
  {
    name: "what begins anew forgets that it was over",
    file: "src/core/alarms/own-claims.ts",
    guard: "one.id !== claim.id || (claim.untilMs === null && one.untilMs !== null);",
    without: "one.id !== claim.id;",
    run: ALARMS,
  },
  {
    name: "an alarm that stands is looked at no more",
    file: "src/node/alarms/alarm-keeper.ts",
    guard: "isSameLook(this.#settled, this.#looked(findings)) && !this.#hasRoutes()) return;",
    without: "isSameLook(this.#settled, this.#looked(findings))) return;",
    run: ALARMS,
  },
  {
    name: "what is found is not raised unless something else happens",
    file: "src/node/alarms/settled.ts",
    guard: "return ground.findings.every((finding) => raised.has(findingKey(finding)));",
    without: 'return ground.findings.every((finding) => findingKey(finding) !== "");',
    run: ALARMS,
  },
  {
    name: "a superseded write still counts",
    file: "src/crdt/desired.ts",
    guard: "!states.some(({ superseded }) => superseded.has(entry))",
    without: '!states.some(({ superseded }) => superseded.has(entry) && entry === "")',
  },
  {
    name: "the lower clock wins",
    file: "src/crdt/desired.ts",
    guard: "compareHlc(b.hlc, a.hlc)",
    without: "compareHlc(a.hlc, b.hlc)",
  },
  {
    name: "a machine that was set back goes on with its logs at once",
    file: "src/node/agent.ts",
    guard: "if (this.directory.members().length > 0) return;",
    without: "",
  },
  {
    name: "anybody may say of anybody that it is alive",
    file: "src/mesh/detector/word.ts",
    guard: "return key !== null && keys.verify(",
    without: "return key !== null || keys.verify(",
  },
  {
    name: "the accused does not defend itself",
    file: "src/mesh/detector/own-word.ts",
    guard: 'this.#word = this.#say("alive", incarnation + 1);',
    without: 'if (incarnation < 0) this.#word = this.#say("alive", incarnation + 1);',
  },
  {
    name: "suspects stay suspects",
    file: "src/mesh/detector/suspicion.ts",
    guard: "this.#fromMs + this.#timeoutMs)",
    without: "this.#fromMs + 100 * this.#timeoutMs)",
  },
  {
    name: "nothing but gossip brings entries",
    file: "src/mesh/anti-entropy.ts",
    guard: "let request: Uint8Array | null = round.request;",
    without: "let request: Uint8Array | null = null;",
  },
  {
    name: "two strangers with one token are judged at once",
    file: "src/roles/coordinator/index.ts",
    guard: "const turn = this.#turn.then(run);",
    without: "const turn = run();",
    run: RACES,
  },
  {
    name: "whoever was enrolled is refused when the answer was lost",
    file: "src/roles/coordinator/redemption.ts",
    guard: 'return { verdict: "repeat", token, name: known.name };',
    without: 'return refuse("the token was used already", ANOTHER);',
    run: RACES,
  },
  ...REMOVAL_MUTANTS,
  {
    name: "every store makes what is due",
    file: "src/core/rotation/plan.ts",
    guard: "return line[turn.place] === self && turn.leftMs > TURN_END_MS;",
    without: "return line.includes(self) && turn.leftMs > 0;",
    run: ROTATIONS,
  },
  {
    name: "a value is made before it is due",
    file: "src/core/rotation/plan.ts",
    guard: "rotateEverySeconds * 1000",
    without: "rotateEverySeconds * 700",
    run: ROTATIONS,
  },
  {
    name: "what a revoked machine has stays",
    file: "src/core/rotation/plan.ts",
    guard: "if (exposure?.version === replaces.version)",
    without: 'if (exposure?.version === replaces.version && path === "")',
    run: ROTATIONS,
  },
  {
    name: "a store may sign versions that nobody asked it for",
    file: "src/crdt/desired.ts",
    guard: "generatorOf(this.winner(declaration)?.value) !== null",
    without: 'declaration !== ""',
    run: ROTATIONS,
  },
  ...FAULT_MUTANTS,
  ...BYZANTINE_MUTANTS,
  ...RETENTION_MUTANTS,
  ...REST_MUTANTS,
  ...DROP_MUTANTS,
  ...DELIVERY_MUTANTS,
  ...COPY_MUTANTS,
  ...RETURN_MUTANTS,
  ...READER_MUTANTS,
  ...SEALED_MUTANTS,
  ...CHECKPOINT_MUTANTS,
  ...FLOOD_MUTANTS,
  ...LINE_MUTANTS,
  ...RELEASE_MUTANTS,
  ...GAP_MUTANTS,
  ...PRESENCE_MUTANTS,
  ...WAKE_MUTANTS,
];
