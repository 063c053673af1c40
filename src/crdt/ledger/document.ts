/**
 * A ledger as the genuine Yjs document that its entries describe: the state update, format V1, of a document into
 * which the updates were applied in order. For export, for audits and as the tests' oracle: the agent itself does not
 * need Yjs, which is why it is loaded here and nowhere else.
 */
export async function ledgerDocument(updates: readonly Uint8Array[], guid: string): Promise<Uint8Array> {
  const { applyUpdate, Doc, encodeStateAsUpdate } = await import("yjs");
  // A guid of our own: Yjs would draw one from the platform's randomness.
  const document = new Doc({ guid });
  try {
    for (const update of updates) applyUpdate(document, update);
    return encodeStateAsUpdate(document);
  } finally {
    document.destroy();
  }
}
