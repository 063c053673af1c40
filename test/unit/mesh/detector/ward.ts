import { createHash } from "node:crypto";
import { SimClock, settled } from "../../../../sim/clock.ts";
import { seededRandom } from "../../../../sim/random.ts";
import type { Timer } from "../../../../src/core/ports/clock.ts";
import type { PeerKey } from "../../../../src/core/ports/link.ts";
import type { Random } from "../../../../src/core/ports/random.ts";
import { ALARM_AFTER_MS, type Verdict } from "../../../../src/core/ports/verdict.ts";
import { Detector } from "../../../../src/mesh/detector/detector.ts";
import type { DetectorEffect, DetectorEvent } from "../../../../src/mesh/detector/event.ts";
import type { ErrandAnswer } from "../../../../src/mesh/detector/message.ts";
import type { OwnWord, Voice } from "../../../../src/mesh/detector/word.ts";

export const keyOf = (name: string): PeerKey => createHash("sha256").update(name).digest("hex");

function signatureOf(member: PeerKey, word: OwnWord, incarnation: number): Buffer {
  return createHash("sha512").update(`${member} ${word} ${incarnation}`).digest();
}

/** Whoever has it speaks for that member. */
export function voiceOf(self: PeerKey): Voice {
  return {
    sign: (word, incarnation) => signatureOf(self, word, incarnation),
    isOwn: (member, word, incarnation, signature) => signatureOf(member, word, incarnation).equals(signature),
  };
}

const DELAY_MS = 5;
const DIAL_TIMEOUT_MS = 4_000;
const WALL_MS = 1_800_000_000_000;

export class Patient {
  readonly name: string;
  readonly key: PeerKey;
  detector: Detector;
  /** `stopped`: what comes in waits, and its own timers as well. */
  state: "running" | "stopped" | "dead" = "running";
  readonly waiting: (() => void)[] = [];
  readonly connected = new Set<PeerKey>();
  wake: Timer | null = null;
  probes = 0;
  broadcasts = 0;

  constructor(name: string, detector: Detector) {
    this.name = name;
    this.key = keyOf(name);
    this.detector = detector;
  }
}

export interface WardOptions {
  readonly alarmAfterMs?: (member: PeerKey) => number | null;
  /** Connections of each member; default: to the next four on a ring, and so to eight. */
  readonly reach?: number;
}

/** Detectors without meshes: connections stand as they are given, and are lost as a machine or a network loses them. */
export class Ward {
  readonly clock = new SimClock();
  readonly patients = new Map<PeerKey, Patient>();
  /** Every verdict as it changes: who, about whom, what. */
  readonly changes: {
    readonly atMs: number;
    readonly by: string;
    readonly about: string;
    readonly verdict: Verdict;
  }[] = [];
  /** Whether broadcasts arrive. */
  gossip: "works" | "lost" = "works";
  readonly #options: WardOptions;
  readonly #random: Random;
  #cuts: { readonly a: ReadonlySet<PeerKey>; readonly b: ReadonlySet<PeerKey> }[] = [];

  constructor(names: readonly string[], options: WardOptions = {}) {
    this.#options = options;
    this.#random = seededRandom(names.join(" "));
    for (const name of names) this.patients.set(keyOf(name), new Patient(name, this.#detector(name, WALL_MS)));
    for (const patient of this.all) this.#tellMembers(patient);
    const reach = options.reach ?? 4;
    const all = this.all;
    for (const [i, patient] of all.entries()) {
      for (let step = 1; step <= reach; step++) {
        const other = all[(i + step) % all.length];
        if (other !== undefined && other !== patient) this.connect(patient, other);
      }
    }
  }

  get all(): Patient[] {
    return [...this.patients.values()];
  }

  named(name: string): Patient {
    const patient = this.patients.get(keyOf(name));
    if (patient === undefined) throw new Error(`nobody is called ${name}`);
    return patient;
  }

  verdict(by: string, about: string): Verdict | undefined {
    return this.named(by).detector.verdictOf(keyOf(about))?.verdict;
  }

  /** Whether all that run, but for the one it is about, say so. */
  everybodySays(about: string, ...verdicts: readonly Verdict[]): boolean {
    return this.all
      .filter(({ name, state }) => name !== about && state === "running")
      .every(({ name }) => verdicts.includes(this.verdict(name, about) as Verdict));
  }

  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(this.clock.monotonic() + ms);
  }

  async until(holds: () => boolean, limitMs: number): Promise<number> {
    const beganMs = this.clock.monotonic();
    await settled();
    while (!holds()) {
      if (this.clock.monotonic() - beganMs >= limitMs) throw new Error(`does not hold after ${limitMs} ms`);
      await this.pass(50);
    }
    return this.clock.monotonic() - beganMs;
  }

  connect(a: Patient, b: Patient): void {
    if (a.connected.has(b.key) || this.#isCut(a.key, b.key)) return;
    a.connected.add(b.key);
    b.connected.add(a.key);
    this.step(a, { event: "opened", peer: b.key });
    this.step(b, { event: "opened", peer: a.key });
  }

  /** SIGSTOP. */
  stop(name: string): void {
    this.named(name).state = "stopped";
  }

  /** SIGCONT: overdue timers first, then what has come in. */
  async resume(name: string): Promise<void> {
    const patient = this.named(name);
    patient.state = "running";
    for (const run of patient.waiting.splice(0)) run();
    await settled();
  }

  /** All its connections end by agreement. */
  part(name: string): void {
    const patient = this.named(name);
    for (const peer of patient.connected) {
      const other = this.patients.get(peer);
      other?.connected.delete(patient.key);
      if (other !== undefined) this.step(other, { event: "closed", peer: patient.key, by: "agreement" });
      this.step(patient, { event: "closed", peer, by: "agreement" });
    }
    patient.connected.clear();
  }

  /** `kill -9`: the kernel closes its connections and refuses new ones. */
  kill(name: string): void {
    const dead = this.named(name);
    dead.state = "dead";
    dead.wake?.cancel();
    for (const peer of [...dead.connected]) {
      dead.connected.delete(peer);
      this.clock.after(DELAY_MS, () => this.#lose(peer, dead.key));
    }
  }

  /** A new process on the machine of a dead one, which has forgotten everything. */
  restart(name: string, wallMs: number, ...contacts: readonly string[]): void {
    const patient = this.named(name);
    patient.state = "running";
    patient.detector = this.#detector(name, wallMs);
    this.#tellMembers(patient);
    for (const contact of contacts) this.connect(patient, this.named(contact));
  }

  /** Nothing passes any more, and nobody is told. */
  cut(a: readonly string[], b: readonly string[]): void {
    this.#cuts.push({ a: new Set(a.map(keyOf)), b: new Set(b.map(keyOf)) });
  }

  heal(): void {
    this.#cuts = [];
  }

  step(patient: Patient, event: DetectorEvent): void {
    this.#enact(patient, patient.detector.step(event, this.clock.monotonic()));
  }

  #detector(name: string, wallMs: number): Detector {
    const self = keyOf(name);
    return new Detector({
      self,
      random: this.#random.fork(name),
      voice: voiceOf(self),
      incarnation: wallMs,
      nowMs: this.clock.monotonic(),
      alarmAfterMs: this.#options.alarmAfterMs ?? (() => ALARM_AFTER_MS),
    });
  }

  #tellMembers(patient: Patient): void {
    this.step(patient, { event: "members", keys: [...this.patients.keys()].filter((key) => key !== patient.key) });
  }

  #enact(patient: Patient, effects: readonly DetectorEffect[]): void {
    for (const effect of effects) this.#do(patient, effect);
  }

  #do(patient: Patient, effect: DetectorEffect): void {
    const { detector } = patient;
    switch (effect.effect) {
      case "wake":
        patient.wake?.cancel();
        patient.wake = this.clock.after(effect.atMs - this.clock.monotonic(), () =>
          this.#run(patient, () => this.step(patient, { event: "woke" })),
        );
        break;
      case "probe": {
        const { peer, message, probe } = effect;
        patient.probes++;
        this.#ask(patient, peer, (other) => {
          this.step(other, { event: "heard", peer: patient.key });
          this.step(other, { event: "probed", peer: patient.key, message });
          const answer = other.detector.messageFor(patient.key, this.clock.monotonic());
          return () => this.step(patient, { event: "answered", peer, probe, message: answer });
        });
        break;
      }
      case "tell": {
        const { peer, message } = effect;
        this.#ask(patient, peer, (other) => {
          this.step(other, { event: "probed", peer: patient.key, message });
          return () => undefined;
        });
        break;
      }
      case "compare": {
        const { peer, lines } = effect;
        this.#ask(patient, peer, (other) => {
          const { answer, effects } = other.detector.compare(lines, this.clock.monotonic());
          this.#enact(other, effects);
          return () => this.step(patient, { event: "compared", peer, answer });
        });
        break;
      }
      case "errand": {
        const { about, by, mayDial, words } = effect;
        const done = (answer: ErrandAnswer): void => this.step(patient, { event: "errand-done", about, by, answer });
        this.#ask(patient, by, (helper) => {
          const message = { ...helper.detector.messageFor(patient.key, this.clock.monotonic()), words };
          this.step(helper, { event: "probed", peer: patient.key, message });
          const there = this.patients.get(about);
          if (!helper.connected.has(about)) {
            const isRefused = mayDial && there?.state === "dead" && !this.#isCut(helper.key, about);
            return () => done({ outcome: isRefused ? "refused" : "not-connected", words: [] });
          }
          this.#ask(helper, about, (other) => {
            const told = helper.detector.messageFor(about, this.clock.monotonic());
            this.step(other, { event: "probed", peer: helper.key, message: told });
            const answer = other.detector.messageFor(helper.key, this.clock.monotonic());
            return () => this.#carry(helper.key, patient, () => done({ outcome: "answers", words: answer.words }));
          });
          return () => undefined;
        });
        break;
      }
      case "broadcast": {
        patient.broadcasts++;
        if (this.gossip === "lost") break;
        const reached = this.#component(patient);
        for (const other of reached) {
          const event = { event: "broadcast", words: effect.words, from: patient.key } as const;
          this.#carry(patient.key, other, () => this.step(other, event));
        }
        break;
      }
      case "redial": {
        const beganMs = this.clock.monotonic();
        const failed = (): void => {
          const tookMs = this.clock.monotonic() - beganMs;
          this.#run(patient, () => this.step(patient, { event: "dial-failed", peer: effect.peer, tookMs }));
        };
        const other = this.patients.get(effect.peer);
        if (other === undefined || this.#isCut(patient.key, effect.peer) || other.state === "stopped") {
          this.clock.after(DIAL_TIMEOUT_MS, failed);
        } else if (other.state === "dead") this.clock.after(2 * DELAY_MS, failed);
        else this.clock.after(2 * DELAY_MS, () => this.connect(patient, other));
        break;
      }
      case "hang-up":
        patient.connected.delete(effect.peer);
        this.step(patient, { event: "closed", peer: effect.peer, by: "agreement" });
        this.patients.get(effect.peer)?.connected.delete(patient.key);
        break;
      case "changed": {
        const about = this.patients.get(effect.peer);
        const verdict = detector.verdictOf(effect.peer)?.verdict;
        if (about === undefined || verdict === undefined) break;
        this.changes.push({ atMs: this.clock.monotonic(), by: patient.name, about: about.name, verdict });
        break;
      }
      case "isolation":
        break;
    }
  }

  /** One message there, and one back. */
  #ask(from: Patient, to: PeerKey, serve: (other: Patient) => () => void): void {
    const other = this.patients.get(to);
    if (other === undefined || !from.connected.has(to)) return;
    this.#carry(from.key, other, () => {
      const answer = serve(other);
      this.#carry(to, from, answer);
    });
  }

  #carry(from: PeerKey, to: Patient, arrive: () => void): void {
    this.clock.after(DELAY_MS, () => {
      if (!this.#isCut(from, to.key)) this.#run(to, arrive);
    });
  }

  #run(patient: Patient, run: () => void): void {
    if (patient.state === "running") run();
    else if (patient.state === "stopped") patient.waiting.push(run);
  }

  #lose(at: PeerKey, peer: PeerKey): void {
    const patient = this.patients.get(at);
    if (patient === undefined || !patient.connected.delete(peer)) return;
    this.#run(patient, () => this.step(patient, { event: "closed", peer, by: "them" }));
  }

  #component(from: Patient): readonly Patient[] {
    const reached = new Set([from]);
    for (const patient of reached) {
      if (patient.state !== "running") continue;
      for (const key of patient.connected) {
        const other = this.patients.get(key);
        if (other !== undefined && !this.#isCut(patient.key, key)) reached.add(other);
      }
    }
    return [...reached].filter((patient) => patient !== from);
  }

  #isCut(x: PeerKey, y: PeerKey): boolean {
    return this.#cuts.some(({ a, b }) => (a.has(x) && b.has(y)) || (a.has(y) && b.has(x)));
  }
}
