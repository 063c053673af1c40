import type { BackupRecord } from "../../core/backup/chunks.ts";
import type { MakeRequest } from "../../core/backup/create.ts";
import { decodeAudit } from "../../core/audit.ts";
import { ascii } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import { LabError } from "../../core/errors.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { Secret } from "../../core/secret.ts";
import { encodeEnvelope } from "../../core/secrets/envelope.ts";
import { ENVELOPES, readEnvelopeAt } from "../../core/secrets/stored-envelope.ts";
import { composeBackup } from "../../crdt/backup/compose.ts";
import { CLASS_AUDIT } from "../../crdt/entry/entry.ts";
import type { Backup } from "../../operations/kinds/backup.ts";
import type { Agent } from "../agent.ts";
import { KEEPER_ROLES, noteBackedUp } from "../history-keeping.ts";
import { scopedDisk } from "../scoped-disk.ts";
import { operatorName } from "./lists.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** The action under which a machine writes down that it made a backup. */
const CREATED = "backup.create";

/** A signed manifest of everything that this machine knows, and the chunks of it that the place lacks. */
export async function makeBackup(
  agent: Agent,
  request: MakeRequest,
  psk: Secret | null,
  asker?: string,
): Promise<Uint8Array> {
  requireLocal(asker);
  const { keys, clock, link, disk } = agent.platform;
  const { node, signer } = agent.identity;
  await noteBackedUp(disk, clock.now());
  requireWhole(agent);
  return composeBackup(
    keys,
    {
      replica: agent.replica,
      envelopes: await envelopes(agent),
      node,
      signer,
      release: agent.release,
      peers: [...agent.directory.members(), { key: link.self, addresses: [...link.addresses()] }],
      psk,
      nowMs: clock.now(),
    },
    request,
  );
}

/** A backup without what ledgers had come to would be worth nothing: it is made where all links are. */
function requireWhole({ replica }: Agent): void {
  const [first] = replica.stated.beginnings();
  if (first === undefined) return;
  replica.stated.keepWhole(true);
  const view = replica.view();
  const keepers = new Set(KEEPER_ROLES.flatMap((role) => view.holders(role).map(({ name }) => name)));
  const writer = operatorName(view, first.log);
  throw new LabError("LedgerNotWhole", `the ledger of ${writer} begins at entry ${first.seq} on this machine`, {
    notes: ["the rest is asked for now, and stays from then on"],
    hint: `try again in a minute, or there: ${[...keepers].sort().join(", ")}`,
  });
}

/** The sealed values that this machine keeps as a secret store; none if it is no store. */
async function envelopes(agent: Agent): Promise<BackupRecord[]> {
  const { disk, keys, log } = agent.platform;
  const records: BackupRecord[] = [];
  for (const record of await scopedDisk(disk, `role/${SECRET_STORE}/`).scan(ENVELOPES)) {
    try {
      const bytes = encodeEnvelope(readEnvelopeAt(record).envelope);
      // By its name, not by its bytes: it is wrapped anew whenever a store comes or goes.
      records.push({ mark: keys.hash(ascii(record.key)), bytes });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      log.write("error", "backup.envelope-left-out", { key: record.key, error });
    }
  }
  return records;
}

export interface NoteInput {
  readonly place: string;
  readonly number: number;
  readonly id: string;
  readonly entries: number;
  readonly secrets: number;
  readonly bytes: number;
}

/** Writes down that a backup lies somewhere, so that every machine knows, and sees when it is gone from there. */
export async function noteBackup(agent: Agent, input: NoteInput, asker?: string): Promise<unknown> {
  requireLocal(asker);
  const { place, number, id, entries, secrets, bytes } = input;
  await agent.audit({
    actor: "local",
    action: CREATED,
    object: place,
    decision: "allowed",
    reason: `backup ${number}: ${entries} entries, ${secrets} secrets`,
    facts: { number, id, entries, secrets, bytes },
  });
  return { noted: true };
}

/** The newest backup of every place that any machine wrote down. */
export async function listBackups(source: ReadSource): Promise<unknown> {
  await source.replica.makeWhole((chain) => chain.class === CLASS_AUDIT);
  const view = source.replica.view();
  const newest = new Map<string, Backup>();
  for (const chain of source.replica.chains.values()) {
    if (chain.class !== CLASS_AUDIT) continue;
    for (const { entry } of chain.main) {
      const { action, object: place, timeMs, facts = {} } = decodeAudit(entry.payload);
      if (action !== CREATED) continue;
      const count = (name: string) => (typeof facts[name] === "number" ? facts[name] : 0);
      const backup: Backup = {
        place,
        number: count("number"),
        id: typeof facts["id"] === "string" ? facts["id"] : "",
        madeAt: isoTime(timeMs),
        by: view.nodes.get(chain.log)?.name ?? chain.log.slice(0, 12),
        entries: count("entries"),
        secrets: count("secrets"),
        bytes: count("bytes"),
      };
      if ((newest.get(place)?.number ?? -1) < backup.number) newest.set(place, backup);
    }
  }
  const items = [...newest.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
  return { kind: "BackupList", meta: metaOf(source), items };
}

function requireLocal(asker: string | undefined): void {
  if (asker === undefined) return;
  throw new LabError("NotAuthorised", "a backup is made on the machine itself, never for another member", {
    hint: "lab backup create, there",
  });
}
