import { createHash } from "node:crypto";
import { toHex } from "../src/core/bytes.ts";
import type { Json } from "../src/core/json.ts";
import {
  alertPath,
  groupPath,
  labelPath,
  scanPath,
  secretPath,
  serverAttributePath,
  serverLabelPath,
} from "../src/core/paths.ts";
import type { Keys } from "../src/core/ports/keys.ts";
import type { View } from "../src/core/view.ts";
import type { NodeRecord } from "../src/crdt/authority/nodes.ts";
import type { Authority } from "../src/crdt/authority/resolve.ts";
import { Chain } from "../src/crdt/chain.ts";
import { draftLink } from "../src/crdt/compose.ts";
import { CLASS_DESIRED } from "../src/crdt/entry/entry.ts";
import { Fold, type Foldable } from "../src/crdt/fold.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import { seededRandom } from "../sim/random.ts";

export interface FleetSize {
  readonly servers: number;
  readonly labels: number;
  readonly groups: number;
  readonly alerts: number;
}

const MESH = new Uint8Array(32);
const LOG = new Uint8Array(32).fill(0xaa);
const OPERATOR = toHex(LOG);
/** Nothing else is asked of it: what is measured begins behind the checks. */
const keys = { hash: (bytes: Uint8Array) => createHash("sha256").update(bytes).digest() } as unknown as Keys;
const LABELS_EACH = 5;
/** In one entry: it has at most 64 KiB. */
const WRITES_EACH = 200;

/**
 * A fleet as the fold has it once its entries are admitted: members, and one operator's ledger. The entries are not
 * signed, as what is measured begins behind the door.
 */
export class LabelledFleet {
  readonly ids: readonly string[];
  readonly #fold = new Fold();
  readonly #chain = new Chain(keys, LOG, CLASS_DESIRED, "alice");
  readonly #cursor = new DocumentCursor(keys, LOG);
  #head: { seq: number; hash: Uint8Array } | null = null;
  readonly #authority: Authority;
  #revision = 0;

  constructor(size: FleetSize) {
    const random = seededRandom("labelled fleet");
    const pick = (kind: string, count: number) => `${kind}-${random.below(count)}`;
    this.ids = Array.from({ length: size.servers }, () => toHex(random.bytes(32)));
    const nodes = this.ids.map((id, i): [string, NodeRecord] => {
      const roles: ReadonlySet<string> = new Set(i < 3 ? ["coordinator", "secret-store"] : []);
      const fresh = {
        naming: "owned",
        state: "active",
        cuts: [],
        how: "enrol",
        labels: [],
        attributes: {},
        at: 0,
        opening: 0,
      } as const;
      return [id, { id, key: `key of ${id}`, seal: `seal of ${id}`, name: `web-${i}`, roles, ...fresh }];
    });
    const alice = { log: OPERATOR, key: "alice's", name: "alice", rank: 1, rights: new Set(["ops"]), state: "live" };
    // As much of what authority entries mean as the fold looks at.
    this.#authority = {
      operators: new Map([[OPERATOR, { ...alice, need: { admin: 1, destroy: 1 }, opening: 0, enders: [] }]]),
      nodes: new Map(nodes),
      tokens: new Map(),
      roleLogs: new Map(),
      cuts: [],
      checkpoints: [],
    } as unknown as Authority;
    const writes: [string, Json][] = [];
    for (let i = 0; i < size.labels; i++) {
      const classes = Array.from({ length: 3 }, (_, n) => `class_${(i * 2 + n) % (size.labels * 2)}::server`);
      writes.push([
        labelPath(`label-${i}`),
        {
          puppetClasses: classes.map((name, n) => (n === 0 ? { name, parameters: { port: 8000 + i } } : name)),
          ports: i % 7 === 0 ? [443] : [9000 + i],
          alerts: i % 5 === 0 ? ["smtp_connect", "disk_space_low"] : [],
          secrets: [`app-${i}/token`],
          ...(i % 20 === 0 ? { size: "large" } : {}),
        },
      ]);
      writes.push([secretPath(`app-${i}/token`), { type: "static" }]);
      const reference = { path: `app-${i}/key`, text: "lab::secret('…')", file: "init.pp", line: 1 };
      writes.push([scanPath(`class_${i}::server`), { references: [reference], tree: "00" }]);
    }
    for (let i = 0; i < size.groups; i++) {
      // Each contains two that come later: as deep as there are groups.
      const inner = [i + 1, i + 2].filter((n) => n < size.groups).map((n) => `group-${n}`);
      const match = { labels: [pick("label", size.labels), pick("label", size.labels)], environment: ["prod"] };
      const exclude = { labels: [pick("label", size.labels)], servers: [pick("web", size.servers)] };
      writes.push([groupPath(`group-${i}`), { match, groups: inner, servers: [pick("web", size.servers)], exclude }]);
    }
    for (let i = 0; i < size.alerts; i++) {
      const target = [
        { groups: [pick("group", size.groups)] },
        { labels: [pick("label", size.labels)], environment: ["prod"] },
        { region: ["eu-west"], exclude: { groups: [pick("group", size.groups)] } },
      ][i % 3] as Json;
      writes.push([alertPath(`alert-${i}`), { condition: "disk_usage_percent > 85", severity: "warning", target }]);
    }
    for (const [i, id] of this.ids.entries()) {
      const labels = new Set(Array.from({ length: LABELS_EACH }, () => pick("label", size.labels)));
      for (const label of labels) writes.push([serverLabelPath(id, label), true]);
      writes.push([serverAttributePath(id, "environment"), i % 3 === 0 ? "staging" : "prod"]);
      writes.push([serverAttributePath(id, "region"), i % 2 === 0 ? "eu-west" : "us-east"]);
      writes.push([serverAttributePath(id, "provider"), i % 4 === 0 ? "aws" : "baremetal"]);
    }
    for (let i = 0; i < writes.length; i += WRITES_EACH)
      this.write(Object.fromEntries(writes.slice(i, i + WRITES_EACH)));
  }

  write(values: Readonly<Record<string, Json | undefined>>): void {
    const hlc = { ms: ++this.#revision, count: 0 };
    const writes = Object.entries(values).map(([path, value]) => ({ path, value, over: [] }));
    const payload = this.#cursor.encode(writes, hlc);
    this.#cursor.advance(payload, hlc);
    const place = { mesh: MESH, log: LOG, class: CLASS_DESIRED, head: this.#head, hlc, seen: MESH, more: 0 };
    const entry = draftLink(keys, place, payload, new Uint8Array(32));
    this.#head = { seq: entry.header.seq, hash: entry.hash };
    this.#chain.add(entry);
  }

  view(): View {
    return this.#fold.view({
      mesh: MESH,
      graph: { entries: [], tips: [] },
      authority: this.#authority,
      revision: this.#revision,
      newest: { ms: this.#revision, count: 0 },
      chain: () => this.#chain,
    } as unknown as Foldable);
  }
}
