import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Keys } from "../../../src/core/ports/keys.ts";
import { Secret } from "../../../src/core/secret.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import { type FoundedMesh, foundMesh } from "../../../src/operator/authority.ts";
import { ownLogDir, writeKeyFile } from "../../../src/operator/files/key-file.ts";
import { OwnLog } from "../../../src/operator/files/own-log.ts";
import { openSession, type Session, type Subjects } from "../../../src/operator/session.ts";
import { seedSigner } from "../../../src/operator/signer.ts";
import { unlock } from "../../../src/operator/unlock.ts";
import { seededRandom } from "../../../sim/random.ts";
import { ReplicaPeer } from "./replica-peer.ts";

export const keys: Keys = createKeys();
export const START_MS = 1_800_000_000_000;

export function seed(byte: number): Secret {
  return new Secret(new Uint8Array(32).fill(byte));
}

/** A key file as the first release wrote it. */
export function writePlainKey(dir: string, name: string, mesh: Uint8Array, own: Secret): void {
  writeKeyFile(dir, { name, mesh, publicKey: keys.signer(own).publicKey, custody: { kind: "plain", seed: own } });
}

export const ALICE = seed(1);
export const LAPTOP_SEED = seed(10);
export const LAPTOP_SEAL = "age1sfqe5tlfcaqm63u4xse84e3rym8s7dqt7fkdle40n73zsp4lkdwqwmxhql";

/** alice, her laptop (coordinator and secret-store), and directories that are gone after the test. */
export class Household {
  readonly dir = mkdtempSync(join(tmpdir(), "lab-operator-"));
  readonly founded: FoundedMesh;
  readonly laptop: ReplicaPeer;
  readonly said: string[] = [];
  nowMs: number;

  private constructor(founded: FoundedMesh, nowMs: number) {
    this.founded = founded;
    this.nowMs = nowMs;
    const { mesh, log, acts } = founded;
    writePlainKey(this.dir, "alice", mesh, ALICE);
    OwnLog.open(keys, ownLogDir(this.dir, "alice"), log).append(acts.map(({ entry }) => entry));
    this.laptop = new ReplicaPeer("laptop", keys, mesh);
  }

  static async create(nowMs = START_MS): Promise<Household> {
    const household = new Household(
      await foundMesh(keys, seededRandom("attic"), {
        meshName: "attic",
        founder: { name: "alice", signer: seedSigner(keys, ALICE) },
        recovery: null,
        node: { name: "laptop", signer: keys.signer(LAPTOP_SEED), seal: LAPTOP_SEAL },
        roles: ["coordinator", "secret-store"],
        writes: [],
        nowMs,
      }),
      nowMs,
    );
    household.laptop.nowMs = nowMs;
    const { genesis, acts } = household.founded;
    await household.laptop.admit(genesis.bytes, ...acts.map(({ entry }) => entry.bytes));
    return household;
  }

  /** A peer that knows what the laptop knows of authority, and no ledgers. */
  async peer(name: string): Promise<ReplicaPeer> {
    const peer = new ReplicaPeer(name, keys, this.founded.mesh);
    await peer.admit(...this.laptop.replica.graph.entries.map(({ entry }) => entry.bytes));
    return peer;
  }

  ownLog(): OwnLog {
    return OwnLog.open(keys, ownLogDir(this.dir, "alice"), this.founded.log);
  }

  session(subjects: Subjects = {}, peer = this.laptop, operatorDir = this.dir): Promise<Session> {
    return openSession(
      {
        keys,
        operatorDir,
        operator: undefined,
        courier: peer,
        unlock: (key) =>
          unlock(key, {
            keys,
            passphrase: () => Promise.resolve(null),
            sshAgent: () => {
              throw new Error("no agent here");
            },
          }),
        now: () => this.nowMs,
        note: (text) => this.said.push(text),
      },
      subjects,
    );
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
