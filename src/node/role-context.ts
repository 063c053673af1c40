import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { AuditRecord, RoleContext, RoleDefinition } from "../core/ports/role.ts";
import { CLASS_GENERATED } from "../crdt/entry/entry.ts";
import type { Identity, Platform } from "./agent-options.ts";
import type { NodeDirectory } from "./directory.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { ExposureWatch } from "./secrets/exposure-watch.ts";
import type { Replica } from "../crdt/replica.ts";
import type { OwnLogs } from "./home/own-logs.ts";
import { scopedDisk } from "./scoped-disk.ts";

/** An agent, as far as its roles are concerned. */
export interface Lender extends Pick<RoleContext, "self" | "view" | "heads" | "lostAtMs"> {
  readonly platform: Platform;
  readonly identity: Identity;
  readonly directory: NodeDirectory;
  readonly mesh: Mesh;
  readonly replica: Replica;
  readonly own: OwnLogs;
  readonly exposures: ExposureWatch;
  /** Hex of the log of the member that this machine is now. */
  readonly node: () => string;
  readonly audit: (record: AuditRecord) => Promise<void>;
  /** Pulls what a peer has and this replica lacks. Throws `PeerUnreachable`. */
  readonly catchUp: (peer: string) => Promise<void>;
  readonly requestReconcile: () => void;
}

/** All that a role may do, and how to take it back: what it answers on is closed with it. */
export function openRoleContext(
  lender: Lender,
  definition: RoleDefinition,
): { context: RoleContext; close: () => void } {
  const { directory, exposures, identity, mesh, own, platform, replica } = lender;
  const { audit, catchUp, heads, lostAtMs, node, requestReconcile, self, view } = lender;
  const { clock, random, keys, log, disk, link, secretCopies } = platform;
  const generatedLog = () => view().roleLog(node(), SECRET_STORE);
  const channels: string[] = [];
  const context: RoleContext = {
    self,
    mesh: identity.mesh,
    clock,
    random: random.fork(`role ${definition.name}`),
    keys,
    log,
    signer: identity.signer,
    seal: identity.seal,
    disk: scopedDisk(disk, `role/${definition.name}/`),
    secretCopies: secretCopies ?? null,
    lostAtMs,
    peers: mesh,
    view,
    heads,
    catchUp,
    handle: (channel, handler) => {
      channels.push(channel);
      mesh.handle(channel, handler);
    },
    handleStrangers: (channel, handler) => {
      channels.push(channel);
      mesh.handleStrangers(channel, handler);
    },
    audit,
    redeem: async (redemption) => {
      const coordinatorLog = view().roleLog(node(), "coordinator");
      if (coordinatorLog === undefined) throw new Error("this node is no coordinator");
      await own.redeem(coordinatorLog, redemption);
    },
    exposures: () => exposures.current,
    generated: {
      sign: async (versions, keep) => {
        const storeLog = generatedLog();
        if (storeLog === undefined) throw new Error("this node is no secret store");
        return own.generate(storeLog, versions, keep);
      },
      has: (version) => {
        const storeLog = generatedLog();
        return storeLog !== undefined && replica.chain(storeLog, CLASS_GENERATED)?.find(version) !== undefined;
      },
    },
    authorityTips: () => replica.graph.tips.map(({ entry }) => entry.id).reverse(),
    knowsActs: (ids) => ids.every((id) => replica.graph.find(id) !== undefined),
    authorityEntries: () => replica.graph.entries.map(({ entry }) => entry.bytes),
    memberAddresses: () => [...directory.members(), { key: link.self, addresses: [...link.addresses()] }],
    requestReconcile,
  };
  return { context, close: () => channels.forEach((channel) => mesh.unhandle(channel)) };
}
