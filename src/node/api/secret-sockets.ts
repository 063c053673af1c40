import { chmod, chown, mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { belongsTo, consumersOf } from "../../core/delivery/consumers.ts";
import type { PlacedFile } from "../../core/delivery/generation.ts";
import { LabError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Agent } from "../agent.ts";
import { type ApiServer, serveConsumer } from "./server.ts";

/** A secret's path has no dot, so these are never one. */
const USERS = "users.d";
const CREDENTIALS = "credentials.d";
/** Where sockets are until they belong to whom they shall belong to: nobody else can pass. */
const MAKING = "..making";
/** What the kernel takes of a path for a unix socket. */
const SOCKET_PATH_MOST = 107;

/**
 * Sockets beside the files. Node cannot ask who is at the other end of one, so there is one for everybody who may ask,
 * and the kernel lets nobody else open it:
 *
 * - `users.d/33.sock`, 0600, of uid 33: `lab secret get` of an account, for what is declared to be its own
 * - `credentials.d/mail/tls-cert.sock`, 0600: gives one value and ends, as `LoadCredential=` of systemd wants it
 */
export class SecretSockets {
  readonly #agent: Agent;
  readonly #root: string;
  readonly #log: Log;
  readonly #ownUid: number;
  readonly #users = new Map<number, ApiServer>();
  readonly #credentials = new Map<string, Server>();
  #files: readonly PlacedFile[] = [];

  constructor(agent: Agent, root: string, ownUid: number, log: Log) {
    this.#agent = agent;
    this.#root = root;
    this.#ownUid = ownUid;
    this.#log = log;
  }

  /** Takes away what an agent before this one left. */
  async start(): Promise<void> {
    for (const name of [USERS, CREDENTIALS, MAKING]) await rm(join(this.#root, name), { recursive: true, force: true });
    await mkdir(join(this.#root, MAKING), { mode: 0o700 });
  }

  /** One for each who may ask now, none for anybody else. */
  async reconcile(files: readonly PlacedFile[]): Promise<void> {
    this.#files = files.filter(({ name }) => !name.includes("."));
    const uids = consumersOf(this.#files, this.#ownUid);
    for (const [uid, server] of this.#users) {
      if (uids.has(uid)) continue;
      this.#users.delete(uid);
      await server.close();
      await rm(this.#userSocket(uid), { force: true });
    }
    for (const uid of uids) if (!this.#users.has(uid)) await this.#attempt(`uid ${uid}`, () => this.#openUser(uid));
    const paths = new Set(this.#files.map(({ name }) => name));
    for (const [path, server] of this.#credentials) {
      if (paths.has(path)) continue;
      this.#credentials.delete(path);
      server.close();
      await rm(this.#credentialSocket(path), { force: true });
      await this.#tidy(dirname(this.#credentialSocket(path)));
    }
    for (const path of paths) {
      if (!this.#credentials.has(path)) await this.#attempt(path, () => this.#openCredential(path));
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#users.values()].map((server) => server.close()));
    for (const server of this.#credentials.values()) server.close();
    for (const name of [USERS, CREDENTIALS, MAKING]) await rm(join(this.#root, name), { recursive: true, force: true });
  }

  #userSocket(uid: number): string {
    return join(this.#root, USERS, `${uid}.sock`);
  }

  #credentialSocket(path: string): string {
    return join(this.#root, CREDENTIALS, `${path}.sock`);
  }

  /** What goes wrong with one is not the others' business. */
  async #attempt(what: string, open: () => Promise<void>): Promise<void> {
    try {
      await open();
    } catch (error) {
      this.#log.write("error", "delivery.no-socket", { what, error });
    }
  }

  async #openUser(uid: number): Promise<void> {
    const making = join(this.#root, MAKING, `${uid}`);
    const server = await serveConsumer(this.#agent, making, {
      name: `uid:${uid}`,
      mayRead: (path) => belongsTo(this.#files, uid, path),
    });
    this.#users.set(uid, server);
    await this.#handOver(making, this.#userSocket(uid), uid);
  }

  async #openCredential(path: string): Promise<void> {
    const final = this.#credentialSocket(path);
    if (Buffer.byteLength(final) > SOCKET_PATH_MOST) {
      const hint = `LoadCredential=NAME:${join(this.#root, path)} reads the file instead`;
      throw new LabError("TooLarge", `${final} is too long for the path of a socket`, { hint });
    }
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      // Whoever asks only listens; what it says is not read.
      socket.on("error", () => socket.destroy());
      const held = this.#agent.cache.held(path);
      if (held === null) return socket.destroy();
      const value = Buffer.from(held.value.reveal());
      held.value.wipe();
      return socket.end(value, () => value.fill(0));
    });
    const making = join(this.#root, MAKING, "credential");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(making, resolve);
    });
    this.#credentials.set(path, server);
    await this.#handOver(making, final, this.#ownUid);
  }

  /** From where nobody could open it to where only this user can. */
  async #handOver(making: string, final: string, uid: number): Promise<void> {
    await chmod(making, 0o600);
    if (uid !== this.#ownUid) await chown(making, uid, -1);
    await mkdir(dirname(final), { recursive: true, mode: 0o711 });
    await rename(making, final);
  }

  async #tidy(directory: string): Promise<void> {
    if (directory === join(this.#root, CREDENTIALS)) return;
    if ((await readdir(directory)).length > 0) return;
    await rmdir(directory);
    await this.#tidy(dirname(directory));
  }
}
