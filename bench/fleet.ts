import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toBase64Url, toHex } from "../src/core/bytes.ts";
import { joinMessage } from "../src/core/enrolment.ts";
import { nextHlc } from "../src/core/hlc.ts";
import type { Json } from "../src/core/json.ts";
import { serverLabelPath } from "../src/core/paths.ts";
import type { Signer } from "../src/core/ports/keys.ts";
import { Secret } from "../src/core/secret.ts";
import type { KnownBody } from "../src/crdt/authority/bodies.ts";
import { AuthorityGraph } from "../src/crdt/authority/graph.ts";
import { genesisLog } from "../src/crdt/authority/identifiers.ts";
import { composeAuthority, composeGenesis, composeLink, positionIn } from "../src/crdt/compose.ts";
import { CLASS_DESIRED } from "../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import { createHome } from "../src/node/host.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { type Cable, IPV4, type Network } from "./namespaces.ts";
import { freePorts } from "./ports.ts";

export const ROOT = join(import.meta.dirname, "..");
export const LAB = join(ROOT, "bin/lab");

const keys = createKeys();

/** An operator of a benchmark: signs acts and writes, and keeps its own position. */
export class Pen {
  readonly mesh: Uint8Array;
  readonly log: Uint8Array;
  readonly signer: Signer;
  readonly entries: Uint8Array[];
  readonly #graph: AuthorityGraph;
  readonly #cursor: DocumentCursor;
  #head: { seq: number; hash: Uint8Array } | null = null;
  #hlc = { ms: 0, count: 0 };

  constructor(seed: Secret = randomSecret()) {
    this.signer = keys.signer(seed);
    const { publicKey } = this.signer;
    const rights = ["admin", "ops", "destroy"] as const;
    const founder = { key: publicKey, name: "alice", rights, need: { admin: 1, destroy: 1 } };
    const root = { keys: [publicKey], k: 1 };
    const nonce = new Uint8Array(randomBytes(32));
    const body = {
      type: "genesis",
      name: "bench",
      root,
      founders: [founder],
      recovery: null,
      nonce,
      at: Date.now(),
    } as const;
    const genesis = composeGenesis(keys, body, [this.signer]);
    this.mesh = genesis.hash;
    this.log = genesisLog(keys, genesis.hash, publicKey);
    this.#graph = new AuthorityGraph(keys, genesis.hash);
    this.#graph.add(genesis);
    this.entries = [genesis.bytes];
    this.#cursor = new DocumentCursor(keys, this.log);
  }

  act(body: KnownBody): Uint8Array {
    const entry = composeAuthority(keys, positionIn(this.#graph, this.mesh, this.log), body, this.signer);
    this.#graph.add(entry);
    this.entries.push(entry.bytes);
    return entry.hash;
  }

  /** A signed ledger entry that gives a server a label. */
  label(node: Uint8Array, label: string): { readonly bytes: Uint8Array; readonly id: string } {
    return this.write({ [serverLabelPath(toHex(node), label)]: true });
  }

  /** A signed ledger entry. */
  write(values: Readonly<Record<string, Json>>): { readonly bytes: Uint8Array; readonly id: string } {
    this.#hlc = nextHlc(this.#hlc, Date.now());
    const writes = Object.entries(values).map(([path, value]) => ({ path, value, over: [] }));
    const payload = this.#cursor.encode(writes, this.#hlc);
    this.#cursor.advance(payload, this.#hlc);
    const position = { mesh: this.mesh, log: this.log, class: CLASS_DESIRED, head: this.#head, hlc: this.#hlc };
    const entry = composeLink(keys, { ...position, seen: new Uint8Array(32), more: 0 }, payload, this.signer);
    this.#head = { seq: entry.header.seq, hash: entry.hash };
    return { bytes: entry.bytes, id: entry.id };
  }
}

function randomSecret(): Secret {
  return new Secret(new Uint8Array(randomBytes(32)));
}

export interface BenchNode {
  readonly name: string;
  readonly log: Uint8Array;
  readonly home: string;
  readonly socket: string;
  readonly address: string;
  /** How it hangs on a network of its own; null on loopback. */
  readonly cable: Cable | null;
  process: ChildProcess | null;
}

/** Agents of one mesh as separate processes on loopback, in a directory that goes with them. */
export class Fleet {
  readonly directory: string;
  readonly pen: Pen;
  readonly nodes: BenchNode[] = [];
  /** Of every member, whether or not an agent runs for it. */
  logs: readonly Uint8Array[] = [];
  /** Of every member. */
  signers: readonly Signer[] = [];

  private constructor(directory: string, pen: Pen) {
    this.directory = directory;
    this.pen = pen;
  }

  /** Homes of `agents` members, in a mesh that has `servers` of them in all; on loopback, or each plugged into a network. */
  static async create(
    agents: number,
    servers: number,
    pen = new Pen(),
    network: Network | null = null,
  ): Promise<Fleet> {
    const fleet = new Fleet(mkdtempSync(join(tmpdir(), "lab-bench-")), pen);
    const cables = Array.from({ length: agents }, () => network?.plug(IPV4) ?? null);
    const ports = network === null ? await freePorts(agents) : [];
    const addresses = cables.map((cable, i) => {
      return cable === null ? `127.0.0.1:${ports[i]}` : `${IPV4.address(cable.number).split("/")[0]}:7444`;
    });
    const members: { seed: Secret; seal: Awaited<ReturnType<typeof keys.createSealIdentity>>; log: Uint8Array }[] = [];
    for (let i = 0; i < servers; i++) {
      const seed = randomSecret();
      const seal = await keys.createSealIdentity();
      const signer = signerOf(seed);
      const key = signer.publicKey;
      const proof = signer.sign(joinMessage(pen.mesh, key, seal.recipient));
      const log = pen.act({ type: "enrol", name: nameOf(i), key, seal: seal.recipient, proof, at: Date.now() });
      members.push({ seed, seal, log });
    }
    fleet.logs = members.map(({ log }) => log);
    fleet.signers = members.map(({ seed }) => signerOf(seed));
    const first = members[0]?.log as Uint8Array;
    pen.act({ type: "role", node: first, label: "coordinator", at: Date.now() });
    pen.act({ type: "role", node: first, label: "secret-store", at: Date.now() });
    const bootstrap = members.slice(0, agents).map(({ seed }, i) => ({
      key: toHex(signerOf(seed).publicKey),
      addresses: [addresses[i]],
    }));
    for (const [i, { seed, seal, log }] of members.slice(0, agents).entries()) {
      const home = join(fleet.directory, `h${i}`);
      await createHome({ home, node: { seed, seal }, mesh: pen.mesh, name: nameOf(i), entries: pen.entries });
      const file = join(home, "home.json");
      const content = JSON.parse(readFileSync(file, "utf8")) as object;
      writeFileSync(file, JSON.stringify({ ...content, bootstrap: bootstrap.filter((_, j) => j !== i) }));
      const address = addresses[i] as string;
      const [cable, socket] = [cables[i] ?? null, join(home, "run/agent.sock")];
      fleet.nodes.push({ name: nameOf(i), log, home, socket, address, cable, process: null });
    }
    return fleet;
  }

  start(): void {
    for (const node of this.nodes) this.launch(node);
  }

  launch(node: BenchNode): void {
    const argv = ["agent", "--home", node.home, "--listen", node.address, "--no-mdns"];
    const [command = LAB, ...words] = [...(node.cable?.within ?? []), LAB, ...argv];
    node.process = spawn(command, words, { stdio: "ignore" });
  }

  kill(nodes: readonly BenchNode[] = this.nodes): Promise<unknown> {
    return Promise.all(nodes.map((node) => ended(node)));
  }

  /** Resolves when every agent hears all others and all have one state. */
  async converged(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const states = await Promise.all(this.nodes.map(({ socket }) => ask(socket, "/v1/status").catch(() => null)));
      const items = states.map((state) => (state as { item?: Status } | null)?.item);
      const all = this.nodes.length;
      const whole = items.every((item) => (item?.online ?? 0) >= all && item?.stateHash === items[0]?.stateHash);
      if (whole) return;
      if (performance.now() > until)
        throw new Error(`not converged: ${items.map((item) => item?.online ?? "-").join(" ")}`);
      await sleep(50);
    }
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface Status {
  readonly online: number;
  readonly stateHash: string;
}

function ended(node: BenchNode): Promise<void> {
  const child = node.process;
  node.process = null;
  if (child === null || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

function signerOf(seed: Secret): Signer {
  return keys.signer(seed);
}

function nameOf(index: number): string {
  return `node-${index}`;
}

export async function ask(socket: string, path: string): Promise<unknown> {
  return JSON.parse(await askText(socket, path)) as unknown;
}

export function askText(socket: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = get({ socketPath: socket, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
      response.once("error", reject);
    });
    sent.once("error", reject);
  });
}

export async function submit(socket: string, entry: Uint8Array): Promise<void> {
  await post(socket, "/v1/entries", { entries: [toBase64Url(entry)] });
}

export function post(socketPath: string, path: string, body: unknown): Promise<unknown> {
  const text = JSON.stringify(body);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method: "POST", agent: false, headers }, (response) => {
      let answer = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (answer += chunk));
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(answer));
        else reject(new Error(`${path}: ${answer}`));
      });
    });
    sent.once("error", reject);
    sent.end(text);
  });
}

/** Calls `seen` with the id of each entry that the agent has made durable. */
export function follow(socket: string, seen: (id: string) => void): Promise<() => void> {
  return followEvents(socket, (event) => {
    const id = /^event: entry\nid: (\S+)/m.exec(event)?.[1];
    if (id !== undefined) seen(id);
  });
}

/** Calls `seen` with what the agent thinks of another one, each time that this changes. */
export function followPeers(socket: string, seen: (name: string, online: string) => void): Promise<() => void> {
  return followEvents(socket, (event) => {
    const data = /^event: peer\n(?:id: .*\n)?data: (.*)$/m.exec(event)?.[1];
    if (data === undefined) return;
    const { name, online } = JSON.parse(data) as { name: string; online: string };
    seen(name, online);
  });
}

/** Calls `heard` with each event, as it stands in the stream. */
export function followEvents(socket: string, heard: (event: string) => void): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const sent = get({ socketPath: socket, path: "/v1/events", agent: false }, (response) => {
      response.setEncoding("utf8");
      let rest = "";
      response.on("data", (chunk: string) => {
        rest += chunk;
        const events = rest.split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) heard(event);
      });
      response.on("error", () => {});
      resolve(() => sent.destroy());
    });
    sent.once("error", reject);
  });
}
