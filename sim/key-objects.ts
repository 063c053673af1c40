import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

// RFC 8410: everything of the DER encodings that comes before the 32 bytes of the key.
const DER_PREFIXES = {
  ed25519: {
    private: Buffer.from("302e020100300506032b657004220420", "hex"),
    public: Buffer.from("302a300506032b6570032100", "hex"),
  },
  x25519: {
    private: Buffer.from("302e020100300506032b656e04220420", "hex"),
    public: Buffer.from("302a300506032b656e032100", "hex"),
  },
};

export type Curve = keyof typeof DER_PREFIXES;

export function importPrivate(curve: Curve, bytes: Uint8Array): KeyObject {
  const key = Buffer.concat([DER_PREFIXES[curve].private, bytes]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

export function importPublic(curve: Curve, bytes: Uint8Array): KeyObject {
  const key = Buffer.concat([DER_PREFIXES[curve].public, bytes]);
  return createPublicKey({ key, format: "der", type: "spki" });
}

export function publicBytes(curve: Curve, privateKey: KeyObject): Uint8Array {
  const encoded = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return new Uint8Array(encoded.subarray(DER_PREFIXES[curve].public.length));
}
