import type { Complaint } from "../core/alarms/findings.ts";
import type { BackupPlace } from "../core/backup/place.ts";
import { fromHex, toHex } from "../core/bytes.ts";
import { type JoinToken, readToken } from "../core/enrolment.ts";
import { LabError } from "../core/errors.ts";
import type { Disk, DiskRecord } from "../core/ports/disk.ts";
import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import { type Link, PeerUnreachableError } from "../core/ports/link.ts";
import type { Log, LogLevel } from "../core/ports/log.ts";
import { SECRET_STORE } from "../core/policy/entitlement.ts";
import { Secret } from "../core/secret.ts";
import type { Envelope } from "../core/secrets/envelope.ts";
import { envelopeRecord } from "../core/secrets/stored-envelope.ts";
import { authorityDigest } from "../crdt/authority-digest.ts";
import { Replica } from "../crdt/replica.ts";
import { mayBeginBefore } from "../crdt/retention.ts";
import { createLibp2pLink } from "../mesh/libp2p/link.ts";
import type { HomeReader } from "../operations/client.ts";
import { roles } from "../roles/catalogue.ts";
import { Agent, ENTRIES } from "./agent.ts";
import { serveApi, serveSecrets } from "./api/server.ts";
import { type KnownAddress, NodeDirectory } from "./directory.ts";
import { headsOf } from "./handlers/audit-verify.ts";
import { NOWHERE, type RunningDelivery } from "./delivery/running-delivery.ts";
import { agentSource, readHandlers } from "./handlers/index.ts";
import { listSecretCache } from "./handlers/secret-cache.ts";
import { secretStatus } from "./handlers/secret-status.ts";
import { readClocks } from "./doctor/agent-checks.ts";
import { type BackupDuty, BackupKeeper } from "./backup/backup-keeper.ts";
import { backupDuty, type BackupWish } from "./backup/own-backups.ts";
import { StoreCheck } from "./home/store-check.ts";
import { ClockWatch } from "./doctor/clock-watch.ts";
import { alarmsAtRest } from "./alarms/ground.ts";
import type { ReadSource } from "./handlers/read-source.ts";
import { askToEnrol } from "./enrolling.ts";
import { loadStore, readReplica, SnapshotKeeper, storePath } from "./home/home-store.ts";
import { chooseListen, readAnnounce, rememberPort } from "./platform/listening.ts";
import { machineHandlers } from "./machine-handlers.ts";
import { HeadsKeeper } from "./remembered-heads.ts";
import { KnownPeersKeeper, readKnownPeers } from "./known-peers.ts";
import { ownNode } from "./own-node.ts";
import { OperationCalls } from "./operation-calls.ts";
import { keepMemoryOutOfDumps } from "./platform/core-dump.ts";
import { systemClock } from "./platform/clock.ts";
import { systemFileTree } from "./platform/file-tree.ts";
import {
  ensureKeys,
  type HomeFile,
  keysGone,
  type NodeKeys,
  readHome,
  readKeys,
  removeNote,
  removeUnfinished,
  writeHome,
  writeKeys,
  writeNote,
} from "./platform/home.ts";
import { systemInterfaces } from "./platform/interfaces.ts";
import { systemNotifier } from "./platform/notifier/notifier.ts";
import { DiskSpace } from "./platform/disk-space.ts";
import { createKeys } from "./platform/keys.ts";
import { readPreSharedKey, writePreSharedKey } from "./platform/pre-shared-key.ts";
import { openLevelDisk } from "./platform/store/level-disk.ts";
import { complaintOf, describeHealth, type StoreHealth } from "./platform/store/health.ts";
import { jsonLinesLog } from "./platform/log.ts";
import { describeMachine, socketPath } from "./platform/machine.ts";
import { isAwaited, notifyReady } from "./platform/systemd.ts";
import { systemRandom } from "./platform/random.ts";
import { RemovalWatch } from "./removal-watch.ts";
import { ReplicaTargeting } from "./replica-targeting.ts";
import { RELEASE } from "./release.ts";
import { scopedDisk } from "./scoped-disk.ts";
import { SECRET_CACHE, SecretCache } from "./secrets/secret-cache.ts";

/** The composition root: homes, and agents over the real platform. */

export interface NewHome {
  readonly home: string;
  readonly node: { readonly seed: Secret; readonly seal: SealIdentity };
  readonly mesh: Uint8Array;
  readonly name: string;
  readonly entries: readonly Uint8Array[];
  /** Members that may be asked for more. */
  readonly bootstrap?: readonly KnownAddress[];
  /** Sealed values that it keeps as a secret store. */
  readonly envelopes?: readonly Envelope[];
  /** What every connection of the mesh begins with. */
  readonly psk?: Secret;
}

/** Makes the home of a member that an operator enrolled by hand, out of what was signed. Throws `AlreadyExists`. */
export async function createHome(options: NewHome): Promise<void> {
  const { home, mesh, name, entries, bootstrap = [], envelopes = [] } = options;
  await refuseHome(home);
  // Whatever an attempt left that did not come to its end: nobody has heard of its keys.
  await removeUnfinished(home);
  const keys = createKeys();
  const made = await ensureKeys(home, keys);
  await writeKeys(home, { ...made, seed: options.node.seed, seal: options.node.seal });
  if (options.psk !== undefined) await writePreSharedKey(home, options.psk);
  const storedMs = systemClock().now();
  const records = envelopes.map((envelope) => envelopeRecord({ storedMs, envelope }));
  await settleHome({ home, keys, seed: options.node.seed, mesh, name, entries, bootstrap, records });
}

export interface Joined {
  readonly name: string;
  readonly mesh: string;
  readonly meshName: string;
}

/**
 * Redeems a token for this home. Keys are made and synced first: whatever is interrupted, the same home may try again
 * and gets the same answer. Throws `TokenRefused`, `WrongMesh`, `AlreadyExists`, `PeerUnreachable`.
 */
export async function joinMesh(options: {
  readonly home: string;
  readonly token: string;
  readonly name: string | null;
}): Promise<Joined> {
  const keys = createKeys();
  const token = readToken(keys, options.token);
  await refuseHome(options.home, token);
  const own = await ensureKeys(options.home, keys);
  const answer = await askToEnrol(keys, own, token, options.name);
  if (answer.state === "refused") throw new LabError("TokenRefused", answer.reason, { hint: answer.hint });
  const bootstrap = answer.members.map(({ key, addresses }) => ({ key: toHex(key), addresses }));
  const issuer = { key: toHex(token.issuer), addresses: token.addresses };
  if (token.psk !== undefined) await writePreSharedKey(options.home, new Secret(token.psk));
  const file = await settleHome({
    home: options.home,
    keys,
    seed: own.seed,
    mesh: token.mesh,
    name: token.name ?? options.name ?? "",
    entries: answer.entries,
    bootstrap: bootstrap.some(({ key }) => key === issuer.key) ? bootstrap : [...bootstrap, issuer],
    records: [],
  });
  return { name: file.name, mesh: file.mesh, meshName: file.meshName };
}

async function refuseHome(home: string, token?: JoinToken): Promise<void> {
  const file = await readHome(home);
  if (file === null) return;
  const who = `${home} is the home of "${file.name}" in mesh "${file.meshName}"`;
  const another = { hint: "choose another home with --home DIR" };
  if (token !== undefined && file.mesh !== toHex(token.mesh)) {
    throw new LabError("WrongMesh", `${who}, and the token is for another mesh`, another);
  }
  throw new LabError("AlreadyExists", who, token === undefined ? another : { hint: "start it: lab agent" });
}

/** Admits what a home starts with, checks that it makes this key a member, and writes `home.json` last. */
async function settleHome(options: {
  readonly home: string;
  readonly keys: Keys;
  readonly seed: Secret;
  readonly mesh: Uint8Array;
  readonly name: string;
  readonly entries: readonly Uint8Array[];
  readonly bootstrap: readonly KnownAddress[];
  /** For the secret store of this home. */
  readonly records: readonly DiskRecord[];
}): Promise<HomeFile> {
  const { home, keys, mesh, records } = options;
  const disk = await openLevelDisk(storePath(home));
  try {
    const mayBeginBeforeMs = () => mayBeginBefore(systemClock().now());
    const replica = new Replica(keys, mesh, scopedDisk(disk, ENTRIES), mayBeginBeforeMs);
    await replica.load();
    for (const { state, reason } of await replica.admit(options.entries, "local")) {
      if (state === "refused") throw new LabError("EntryRefused", `an entry was refused: ${reason}`);
    }
    if (records.length > 0) await scopedDisk(disk, `role/${SECRET_STORE}/`).append(records, true);
    const view = replica.view();
    const node = view.nodeByKey(toHex(keys.signer(options.seed).publicKey));
    if (node?.state !== "active") {
      throw new LabError("TokenRefused", "the coordinator's answer does not make this machine a member", {
        hint: "try again; if it stays so, ask for another token",
      });
    }
    const file: HomeFile = {
      v: 1,
      mesh: toHex(mesh),
      meshName: view.meshName,
      node: node.id,
      name: node.name,
      bootstrap: options.bootstrap.filter(({ key }) => key !== node.key),
    };
    await writeHome(home, file);
    return file;
  } finally {
    await disk.close();
  }
}

export interface AgentSettings {
  readonly home: string;
  /** Without any: every interface at port 7444, or the port of last time, or any that is free. */
  readonly listen: readonly string[];
  /** Where others reach this agent besides. */
  readonly announce: readonly string[];
  readonly mdns: boolean;
  readonly logLevel: LogLevel;
  readonly writeLog: (line: string) => void;
  /** Where the secrets of this machine are put as files; null if nowhere. */
  readonly secrets?: SecretsSettings | null;
  /** A directory of age files that the secret store of this machine keeps besides. */
  readonly secretCopies?: string;
  /** Backups that the agent makes by itself, and how their place is opened. */
  readonly backup?: BackupWish & { open(): Promise<BackupPlace> };
  /** Lets the demo put its own link in front of the real one. */
  readonly wrapLink?: (link: Link, file: HomeFile) => Link;
}

export interface SecretsSettings {
  readonly directory: string;
  /** An agent that was told where and cannot does not start; one that was not told goes on and says so. */
  readonly chosen: "by-name" | "by-default";
  /** What to do with a directory that lies on a disk. */
  readonly disk: "refused" | "accepted";
}

export interface RunningAgent {
  readonly name: string;
  readonly meshName: string;
  readonly addresses: readonly string[];
  readonly socket: string;
  /** Resolves when this machine is a member no more, and has nothing left to do. */
  readonly removed: Promise<LabError>;
  stop(): Promise<void>;
}

/** Starts the agent of a home and serves its sockets. Throws `NoHome`, `HomeInUse`, `SocketInUse`, `Usage`. */
export async function startAgent(settings: AgentSettings): Promise<RunningAgent> {
  const { home } = settings;
  const isOutOfDumps = await keepMemoryOutOfDumps();
  const { file, own } = await requireHome(home);
  const log = jsonLinesLog(settings.writeLog, settings.logLevel);
  if (!isOutOfDumps) log.write("warn", "agent.core-dumps", { message: "a crash may leave its memory on the disk" });
  const keys = createKeys();
  const signer = keys.signer(own.seed);
  const clock = systemClock();
  const psk = await readPreSharedKey(home);
  const known = await readKnownPeers(home);
  const bootstrap = [...file.bootstrap, ...known.filter(({ key }) => file.bootstrap.every((peer) => peer.key !== key))];
  const undo: (() => Promise<void>)[] = [];
  const unwind = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const interfaces = systemInterfaces();
    const real = await createLibp2pLink({
      seed: own.seed,
      meshId: file.mesh,
      listen: await chooseListen(home, settings.listen, interfaces),
      announce: readAnnounce(settings.announce),
      interfaces,
      mdns: settings.mdns,
      ...(psk === null ? {} : { psk }),
      log,
    });
    const link = settings.wrapLink?.(real, file) ?? real;
    const notifier = systemNotifier(home, clock);
    const space = new DiskSpace(home, clock);
    undo.push(async () => space.stop());
    await space.start();
    const watches: { readonly complaint: Complaint | null }[] = [space];
    const {
      loaded: agent,
      disk,
      health,
      told,
    } = await loadStore(
      home,
      { clock, log },
      (disk, health) =>
        new Agent({
          platform: {
            ...{ clock, random: systemRandom(), disk, link, interfaces, keys, log, notifier },
            ...(settings.secretCopies === undefined ? {} : { secretCopies: systemFileTree(settings.secretCopies) }),
          },
          identity: {
            mesh: fromHex(file.mesh) as Uint8Array,
            node: file.node,
            signer,
            seal: own.seal,
            machineKey: own.machineKey,
            formerKeys: own.formerKeys,
          },
          roles,
          bootstrap,
          release: RELEASE,
          hasPreSharedKey: psk !== null,
          ...describeMachine(),
          diskWarning: () => (complaintOf(health()) === null ? describeHealth(health()) : null),
          complaints: () =>
            [complaintOf(health()), ...watches.map(({ complaint }) => complaint)].filter((one) => one !== null),
        }),
    );
    undo.push(() => disk.close());
    // Before any network: what the cache holds is what the programs of this machine start with.
    const delivery = settings.secrets ? await deliverSecrets(agent, home, settings.secrets) : null;
    undo.push(async () => delivery?.stop());
    const calls = new OperationCalls(agent, machineHandlers(agent, home, delivery));
    await agent.start();
    undo.push(() => agent.stop());
    // Not waited for: it is signed when a peer has told what it has of this machine's own log.
    void auditMending(agent, health())
      .then(told)
      .catch((error: unknown) => log.write("error", "audit.failed", { error }));
    if (health().state === "healed") {
      const check = new StoreCheck(agent);
      check.start();
      watches.push(check);
      undo.push(() => check.stop());
    }
    const clockWatch = new ClockWatch(clock, () => readClocks(agent));
    clockWatch.start();
    watches.push(clockWatch);
    undo.push(async () => clockWatch.stop());
    const snapshots = new SnapshotKeeper({ home, disk, clock, log }, () => agent.replica.revision);
    snapshots.start();
    undo.push(() => snapshots.stop());
    if (settings.backup !== undefined) {
      const backups = new BackupKeeper(await dutyOf(agent, home, settings.backup));
      backups.start();
      watches.push(backups);
      undo.push(() => backups.stop());
    }
    const peers = new KnownPeersKeeper(home, agent.directory, clock);
    peers.start();
    undo.push(() => peers.stop());
    const { replica } = agent;
    const isKnown = (hash: string) => replica.graph.find(hash) !== undefined;
    const heads = new HeadsKeeper(home, clock, () => headsOf(agentSource(agent)), isKnown);
    heads.start();
    undo.push(() => heads.stop());
    const removal = new RemovalWatch(agent, clock, log);
    removal.start();
    undo.push(async () => removal.stop());
    await rememberPort(home, link);
    const socket = await socketPath(home, "agent.sock");
    const secretsSocket = await socketPath(home, "secrets.sock");
    const api = await serveApi(agent, calls, socket);
    undo.push(() => api.close());
    const secrets = await serveSecrets(agent, secretsSocket);
    undo.push(() => secrets.close());
    await noteSockets(home, { socket, "secrets-socket": secretsSocket }, log);
    // On a file system that is read-only by now they stay, and point to where nobody answers.
    undo.push(() => removeNote(home, "socket").catch(() => undefined));
    undo.push(() => removeNote(home, "secrets-socket").catch(() => undefined));
    void announceReady(agent, delivery);
    log.write("info", "agent.started", { name: file.name, addresses: link.addresses(), release: RELEASE });
    return {
      name: file.name,
      meshName: file.meshName,
      addresses: link.addresses(),
      socket,
      removed: removal.over,
      stop: async () => {
        await unwind();
        log.write("info", "agent.stopped");
      },
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}

/** Read when there is something to deliver: most of it is not needed by an agent that has nowhere to put secrets. */
async function deliverSecrets(agent: Agent, home: string, settings: SecretsSettings): Promise<RunningDelivery> {
  const { startDelivery, unstartedDelivery } = await import("./delivery/start-delivery.ts");
  try {
    return await startDelivery(agent, home, settings);
  } catch (error) {
    if (!(error instanceof LabError) || settings.chosen === "by-name") throw error;
    agent.platform.log.write("error", "delivery.not-started", { error });
    return unstartedDelivery(settings.directory, error);
  }
}

/** Tells whoever started this agent as a service, once the last secret is in place. */
async function announceReady(agent: Agent, delivery: RunningDelivery | null): Promise<void> {
  if (!isAwaited()) return;
  const status = (await delivery?.untilPlaced()) ?? NOWHERE;
  const complaint = await notifyReady(status);
  const { log } = agent.platform;
  if (complaint === null) log.write("info", "agent.ready", { status });
  else log.write("error", "agent.not-announced", { complaint, hint: "NotifyAccess=all in the unit" });
}

/** Throws where nothing can be opened: who starts an agent learns at once that the words or credentials are wrong. */
async function dutyOf(
  agent: Agent,
  home: string,
  wish: BackupWish & { open(): Promise<BackupPlace> },
): Promise<BackupDuty> {
  const place = await wish.open();
  await place.close();
  return backupDuty(agent, home, wish, { name: place.name, open: () => wish.open() });
}

/** What was done to the store belongs among what was done on this machine. */
async function auditMending(agent: Agent, health: StoreHealth): Promise<void> {
  if (health.state !== "healed" && health.state !== "mended") return;
  const action = health.state === "healed" ? "store.heal" : "store.mend";
  const reason = describeHealth(health) ?? "";
  await agent.audit({ actor: "local", action, object: "store", decision: "allowed", reason });
}

/** Where they are is where they are looked for, unless the path is too long: on a full disk that must do. */
async function noteSockets(home: string, sockets: Readonly<Record<string, string>>, log: Log): Promise<void> {
  for (const [name, path] of Object.entries(sockets)) {
    await writeNote(home, name, path).catch((error: unknown) => log.write("error", "note.failed", { name, error }));
  }
}

async function requireHome(home: string): Promise<{ file: HomeFile; own: NodeKeys }> {
  const file = await readHome(home);
  if (file === null) {
    throw new LabError("NoHome", `there is no home in ${home}`, { hint: "lab init --local, or lab join TOKEN" });
  }
  const own = await readKeys(home);
  if (own === null) throw keysGone(home);
  return { file, own };
}

/** Reads a home whose agent does not run; its store is not touched. Throws `NoHome`, `DiskFailed`. */
export async function openHome(home: string): Promise<HomeReader> {
  const { file, own } = await requireHome(home);
  const keys = createKeys();
  const mesh = fromHex(file.mesh) as Uint8Array;
  const build = (disk: Disk) => new Replica(keys, mesh, scopedDisk(disk, ENTRIES));
  const { replica, disk, health } = await readReplica(home, build);
  const damage = describeHealth(health);
  const key = toHex(keys.signer(own.seed).publicKey);
  const targeting = new ReplicaTargeting(() => replica.view());
  const source: ReadSource = {
    replica,
    targeting: () => targeting.current(),
    directory: new NodeDirectory(replica, key, file.bootstrap),
    keys,
    self: { id: ownNode(replica.view(), key, file.node), key },
    definitions: roles,
    hasPreSharedKey: (await readPreSharedKey(home)) !== null,
    nowMs: () => systemClock().now(),
    opinion: (peer) => ({ key: peer, online: "unknown", connected: "no", rttMs: null, lastHeardMs: null }),
    verdict: () => null,
    observation: () => null,
    alarms: () => alarmsAtRest(source),
    complaints: () => [],
    exposures: () => [],
    asOfMs: () => null,
    ownAddresses: () => [],
    ownRoles: () => [],
    strangerTo: () => [],
    observedHash: () => "",
    warnings: () => [...(damage === null ? [] : [damage]), "no agent runs on this home: nothing is received or sent"],
  };
  const handlers = readHandlers(source);
  const cache = cacheOf(replica, disk, file, own, keys);
  await cache.load();
  return {
    damage,
    call: async (operation, input) => {
      if (operation.name === "secret.value") return (await cachedValue(cache, input as { path: string })) as never;
      if (operation.name === "secret-status.get") return secretStatus(source, cache) as never;
      if (operation.name === "secret-cache.list") return listSecretCache(source, cache) as never;
      const handler = handlers[operation.name];
      if (handler === undefined) throw new Error(`nothing here answers ${operation.name}`);
      return (await handler(input as never)) as never;
    },
    close: () => disk.close(),
  };
}

/** For whoever can read the keys of the home: the same permission that guards the agent's secrets socket. */
async function cachedValue(cache: SecretCache, { path }: { readonly path: string }): Promise<Uint8Array> {
  try {
    return (await cache.get(path)).value.reveal();
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== "SecretUnavailable") throw error;
    throw new LabError(error.code, `secret "${path}" is not on this machine, and no agent runs that could fetch it`, {
      hint: "lab agent --detach",
    });
  }
}

/** What the agent of this home has cached, as it would give it if every store were out of reach. */
function cacheOf(replica: Replica, disk: Disk, file: HomeFile, own: NodeKeys, keys: Keys): SecretCache {
  const unreachable = (peer: string): Promise<never> =>
    Promise.reject(new PeerUnreachableError(peer, "no agent runs on this home"));
  const key = toHex(keys.signer(own.seed).publicKey);
  return new SecretCache({
    self: { id: ownNode(replica.view(), key, file.node), key },
    mesh: replica.mesh,
    keys,
    clock: systemClock(),
    random: systemRandom(),
    log: { write: () => {} },
    disk: scopedDisk(disk, SECRET_CACHE),
    machineKey: own.machineKey,
    formerKeys: own.formerKeys,
    seal: own.seal,
    peers: {
      request: unreachable,
      opinion: (key) => ({ key, online: "unknown", connected: "no", rttMs: null, lastHeardMs: null }),
      remoteAddress: () => null,
    },
    view: () => replica.view(),
    heads: () => ({ authority: authorityDigest(keys, replica.graph), desired: replica.stateHash() }),
    catchUp: unreachable,
  });
}
