import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { RunReport } from "./run.ts";

/**
 * Guards that must matter: each is taken out of a copy of the sources, and the simulator must see it. What ships has no
 * switch for any of this; a mutant whose expression is gone from the sources stops the run, so that it is written anew.
 */
interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly guard: string;
  readonly without: string;
  /** How the simulator runs to see it; an ordinary world of three minutes unless this is said. */
  readonly run?: readonly string[];
}

const RACES = ["--races"];
const ALARMS = ["--alarms"];

const MUTANTS: readonly Mutant[] = [
  {
    name: "half a batch counts",
    file: "src/crdt/chain.ts",
    guard: "while (length > 0 && links[length - 1]?.entry.header.more !== 0) length--;",
    without: "if (length < 0) length--;",
  },
  {
    name: "signatures of ledger entries are not checked",
    file: "src/crdt/replica.ts",
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
    file: "src/crdt/replica.ts",
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
    file: "src/crdt/replica.ts",
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
    guard: 'if (input.varUint() !== state.client) throw new MalformedError("an origin of another client");',
    without: "input.varUint();",
  },
  {
    name: "an update may leave a gap",
    file: "src/crdt/ledger/update-codec.ts",
    guard: 'if (input.varUint() !== state.next) throw new MalformedError("the update does not continue the document");',
    without: "input.varUint();",
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
    guard: "!mayRead(view, node.id, path)",
    without: 'path === ""',
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
    name: "stores take values that their writer did not sign",
    file: "src/roles/secret-store/judge.ts",
    guard: "if (checkCommitment(keys, mesh, current, committed)) return",
    without: "if (checkCommitment(keys, mesh, current, committed) || committed.nonce.length > 0) return",
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
    file: "src/core/alarms/turns.ts",
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
    name: "a superseded write still counts",
    file: "src/crdt/desired.ts",
    guard: "!state.superseded.has(write.entry)",
    without: '!state.superseded.has("")',
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
    guard: "if (this.directory.members().length === 0) void this.#becomeSure();",
    without: "void this.#becomeSure();",
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
    file: "src/mesh/detector/opinions.ts",
    guard: "if ((entry.suspicion?.dueMs ?? 0) <= nowMs)",
    without: "if ((entry.suspicion?.dueMs ?? 0) < 0)",
  },
  {
    name: "who knows what about whom is never compared",
    file: "src/mesh/detector/detector.ts",
    guard: "if (equalBytes(message.digest, this.#table.digest)) return;",
    without: "if (message.digest.length > 0 || equalBytes(message.digest, this.#table.digest)) return;",
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
];

const FIRST_SEEDS = 20;
const RUN = ["--minutes", "3", "--nodes", "7"];
const root = join(import.meta.dirname, "..");

interface Verdict {
  readonly mutant: string;
  /** Null if no seed saw it. */
  readonly seed: number | null;
  readonly check: string;
}

function copyOfSources(): string {
  const dir = mkdtempSync(join(tmpdir(), "lab-mutants-"));
  for (const part of ["src", "sim", "package.json"]) cpSync(join(root, part), join(dir, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  return dir;
}

async function judge(dir: string, mutant: Mutant): Promise<Verdict> {
  const path = join(dir, mutant.file);
  const original = readFileSync(path, "utf8");
  const parts = original.split(mutant.guard);
  if (parts.length !== 2) {
    throw new Error(`${mutant.file} has the guard of "${mutant.name}" ${parts.length - 1} times, not once`);
  }
  writeFileSync(path, parts.join(mutant.without));
  try {
    for (let seed = 1; seed <= FIRST_SEEDS; seed++) {
      const check = await violationOf(dir, seed, mutant.run ?? RUN);
      if (check !== null) return { mutant: mutant.name, seed, check };
    }
    return { mutant: mutant.name, seed: null, check: "" };
  } finally {
    writeFileSync(path, original);
  }
}

/** The first check that one seed violates, or null. */
async function violationOf(dir: string, seed: number, flags: readonly string[]): Promise<string | null> {
  const child = spawn(process.execPath, [join(dir, "sim/main.ts"), "--seed", `${seed}`, ...flags, "-o", "json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code === 0) return null;
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) return "crash";
  return (JSON.parse(last) as RunReport).violations[0]?.check ?? "crash";
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string" }, output: { type: "string", short: "o" } } });
  const chosen = MUTANTS.filter(({ name }) => values.only === undefined || name.includes(values.only));
  if (chosen.length === 0) throw new Error(`no mutant is called "${values.only}"`);
  const dir = copyOfSources();
  const verdicts: Verdict[] = [];
  try {
    for (const mutant of chosen) {
      const verdict = await judge(dir, mutant);
      verdicts.push(verdict);
      const { seed, check } = verdict;
      console.log(`| ${mutant.name} | ${seed === null ? "**not seen**" : seed} | ${check} |`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
  const missed = verdicts.filter(({ seed }) => seed === null).length;
  if (values.output === "json") console.log(JSON.stringify({ mutants: verdicts.length, missed, verdicts }));
  else console.log(`${verdicts.length - missed} of ${verdicts.length} mutants seen`);
  process.exitCode = missed === 0 ? 0 : 1;
}

await main();
