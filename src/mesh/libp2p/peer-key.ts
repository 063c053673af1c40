import { publicKeyFromRaw } from "@libp2p/crypto/keys";
import type { PeerId } from "@libp2p/interface";
import { peerIdFromPublicKey, peerIdFromString } from "@libp2p/peer-id";
import { fromHex, toHex } from "../../core/bytes.ts";
import type { PeerKey } from "../../core/ports/link.ts";

/** Null for an identity that is not an Ed25519 key: no member has one. */
export function keyOf(peer: PeerId): PeerKey | null {
  return peer.type === "Ed25519" ? toHex(peer.publicKey.raw) : null;
}

/** As {@link keyOf}, of a peer as libp2p writes it; null for what is none. */
export function keyOfText(text: string): PeerKey | null {
  try {
    return keyOf(peerIdFromString(text));
  } catch {
    return null;
  }
}

/** Null for what is not the hex of 32 bytes. */
export function peerIdOf(key: PeerKey): PeerId | null {
  const bytes = fromHex(key);
  return bytes?.length === 32 ? peerIdFromPublicKey(publicKeyFromRaw(bytes)) : null;
}
