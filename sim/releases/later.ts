/** A change that a later release may make: here it says or writes something, there is more in it. */
export interface LaterChange {
  readonly file: string;
  /** Stands once in the file. */
  readonly here: string;
  readonly later: string;
}

const MORE = 'later: "what this release does not know"';

/** One member more in the map of everything that a member tells others or keeps for its next start. */
const MAPS: readonly (readonly [file: string, here: string])[] = [
  ["src/core/audit.ts", "encode({ v: 1, ...record"],
  ["src/core/report.ts", "encode({ v: 1, ...report"],
  ["src/core/secrets/envelope.ts", "encode({ v: 1, ...envelope"],
  ["src/core/secrets/freshness.ts", "encode({ v: 1, authority: heads.authority"],
  ["src/core/secrets/freshness.ts", "encode({ v: 1, nonce"],
  ["src/core/secrets/messages.ts", "encode({ v: 1, ...request"],
  ["src/core/secrets/messages.ts", "encode({ v: 1, ...census"],
  ["src/core/secrets/messages.ts", "encode({ v: 1, after: after"],
  ["src/core/secrets/messages.ts", "encode({ v: 1, held: held"],
  ["src/core/secrets/messages.ts", "encode({ v: 1, path"],
  ["src/core/secrets/messages.ts", "encode({ v: 1, envelope"],
  ["src/core/secrets/stored-envelope.ts", "encode({ v: 1, storedMs"],
  ["src/node/secrets/cache-record.ts", "encode({ v: 1, ...record"],
  ["src/mesh/gossip-message.ts", 'encode({ k: "entries"'],
  ["src/mesh/gossip-message.ts", 'encode({ k: "verdicts"'],
  ["src/crdt/sync/exchange.ts", 'encode({ q: "root"'],
  ["src/crdt/sync/exchange.ts", 'encode({ q: "walk"'],
  ["src/crdt/sync/exchange.ts", 'encode({ q: "give"'],
  ["src/crdt/sync/exchange.ts", "encode({ nodes"],
];

export const LATER: readonly LaterChange[] = MAPS.map(([file, here]) => {
  return { file, here, later: here.replace("encode({ ", `encode({ ${MORE}, `) };
});
