import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { toHex } from "../../src/core/bytes.ts";
import type { Hlc } from "../../src/core/hlc.ts";
import type { Signer } from "../../src/core/ports/keys.ts";
import { Secret } from "../../src/core/secret.ts";
import type { KnownBody } from "../../src/crdt/authority/bodies.ts";
import { composeAuthority, composeLink } from "../../src/crdt/compose.ts";
import { CLASS_DESIRED, type Entry } from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import { EVERYTHING, grantBody } from "../../src/operator/authority.ts";
import { type Lab, type Machine, type ServerItem, until } from "./lab.ts";
import { keys, Mole, signAs, type Target, targetOf, unhex } from "./mole.ts";

/** Two honest agents, a member whose program is not ours, and an operator who turned. */
export class Infiltration {
  readonly lab: Lab;
  readonly nas: Machine;
  readonly web: Machine;
  readonly honest: readonly Machine[];
  readonly targets: readonly Target[];
  readonly mole: Mole;
  /** Her key was granted like any other. */
  readonly mallory: { readonly signer: Signer; readonly log: Uint8Array };

  private constructor(parts: Pick<Infiltration, "lab" | "nas" | "web" | "targets" | "mole" | "mallory">) {
    this.lab = parts.lab;
    this.nas = parts.nas;
    this.web = parts.web;
    this.honest = [parts.nas, parts.web];
    this.targets = parts.targets;
    this.mole = parts.mole;
    this.mallory = parts.mallory;
  }

  static async begin(lab: Lab): Promise<Infiltration> {
    const [nas, web] = [lab.machine("nas-1"), lab.machine("web-1")];
    await nas.found();
    await web.join(await nas.token("--name", "web-1", "--labels", "web"));
    await nas.run(["apply", "-f", "-"], { input: "labels: { web: { secrets: [web/tls] } }\n" });
    await nas.run(["secret", "set", "web/tls"], { input: "a secret" });
    const signer = keys.signer(new Secret(new Uint8Array(randomBytes(32))));
    const granted: Uint8Array[] = [];
    await signAs(nas, async (session) => {
      const { acts } = await session.sign({
        acts: [grantBody({ ...EVERYTHING, key: signer.publicKey, name: "mallory", rank: 2 }, Date.now())],
      });
      granted.push(...acts.map(({ entry }) => entry.hash));
    });
    const [log] = granted;
    if (log === undefined) throw new Error("nothing was signed");
    const machine = lab.machine("mole-1", "nobody");
    await machine.run(["join", await nas.token("--name", "mole-1")]);
    await until("both know of the mole", async () => {
      const [one, other] = [await nas.status(), await web.status()];
      return one.members === 3 && one.stateHash === other.stateHash;
    });
    const targets = await Promise.all([nas, web].map(targetOf));
    const mole = await Mole.takeOver(machine);
    for (const target of targets) {
      await mole.meet(target);
      await mole.learnFrom(target);
    }
    expect(mole.replica.graph.logs.get(toHex(log))?.kind).toBe("operator");
    const infiltration = new Infiltration({ lab, nas, web, targets, mole, mallory: { signer, log } });
    await infiltration.heardByAll();
    return infiltration;
  }

  /** Everybody has heard what the mole has said by now: its newest report is shown. */
  async heardByAll(): Promise<void> {
    const said = new Set<string>();
    await until(
      "a report that only gossip carries",
      async () => {
        // It answers nobody who asks whether it is there, and is hung up on for that.
        for (const target of this.targets) await this.mole.meet(target).catch(() => undefined);
        said.add(this.mole.broadcastReport());
        const shown = await Promise.all(
          this.honest.map(
            async (machine) => (await machine.servers()).find(({ name }) => name === "mole-1")?.["release"],
          ),
        );
        return shown.every((release) => said.has(String(release)));
      },
      { pollMs: 200 },
    );
  }

  /** What the machines are for everybody, without what each says about itself and when it was heard. */
  async views(): Promise<unknown> {
    const seen = this.honest.map(async (machine) => {
      const facts = ({ name, id, labels, environment, region, provider, size, enrolled, identity }: ServerItem) => ({
        ...{ name, id, labels, environment, region, provider, size, enrolled, identity },
      });
      const { body } = await machine.ask("GET", "/v1/secrets");
      const servers = (await machine.servers()).map(facts);
      const roles = (await machine.servers()).filter(({ name }) => name !== "mole-1").map((server) => server.roles);
      return { stateHash: await machine.stateHash(), servers, roles, secrets: (body as { items: unknown }).items };
    });
    return Promise.all(seen);
  }

  /** Does it, lets it arrive everywhere, and looks whether anybody sees anything else than before. */
  async changesNothing(act: () => Promise<void>): Promise<void> {
    const before = await this.views();
    await act();
    await this.heardByAll();
    expect(await this.views()).toEqual(before);
    expect(this.honest.map(({ isAlive }) => isAlive)).toEqual([true, true]);
  }

  /** The heads of authority, as the mole knows them. */
  tips(): Uint8Array[] {
    return this.mole.replica.graph.tips.map(({ entry }) => entry.hash);
  }

  authority(log: Uint8Array, body: KnownBody, signer: Signer = this.mole.signer): Entry {
    return composeAuthority(keys, { mesh: this.mole.mesh, log, parents: this.tips() }, body, signer);
  }

  founder(): { readonly log: Uint8Array; readonly publicKey: Uint8Array } {
    const operators = [...this.mole.replica.graph.logs].filter(([, { kind }]) => kind === "operator");
    const found = operators.find(([log]) => log !== toHex(this.mallory.log));
    if (found === undefined) throw new Error("there is no founder");
    return { log: unhex(found[0]), publicKey: unhex(found[1].key) };
  }

  /** A desired write that goes on where a log ends. */
  write(log: Uint8Array, signer: Signer, path: string): Entry {
    const chain = this.mole.replica.chain(toHex(log), CLASS_DESIRED);
    const last = chain?.main.at(-1)?.entry;
    const head = last === undefined ? null : { seq: last.header.seq, hash: last.hash };
    const hlc = now();
    const cursor = chain?.documentAt(chain.main.at(-1) ?? null) ?? new DocumentCursor(keys, log);
    const payload = cursor.encode([{ path, value: true, over: [] }], hlc);
    const position = { mesh: this.mole.mesh, log, class: CLASS_DESIRED, head, hlc, seen: new Uint8Array(32), more: 0 };
    return composeLink(keys, position, payload, signer);
  }
}

export function now(): Hlc {
  return { ms: Date.now(), count: 0 };
}
