/**
 * A chain's payloads as one genuine Yjs document, for whoever wants to read a ledger with Yjs: its state update in
 * format V1. `updates` have passed {@link DocumentCursor.advance}, in this order; Yjs never sees others.
 */
export async function ledgerDocument(updates: readonly Uint8Array[], guid: string): Promise<Uint8Array> {
  const { applyUpdate, Doc, encodeStateAsUpdate } = await import("yjs");
  const document = new Doc({ guid });
  for (const update of updates) applyUpdate(document, update);
  return encodeStateAsUpdate(document);
}
