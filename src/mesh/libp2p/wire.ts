import type { Writable } from "node:stream";
import type { MultiaddrConnection } from "@libp2p/interface";
import { peerAddress } from "./addresses.ts";

/** Noise and the choice of protocols take less than 2 KiB each way. */
const MAX_HANDSHAKE_BYTES = 16 * 1024;

/** A rack that restarts dials the few that run all at once; a handshake holds its place for ten seconds at most. */
export const MAX_HALF_OPEN = 512;
/** So that one address cannot take all places. A rack may well be behind one. */
export const MAX_HALF_OPEN_PER_ADDRESS = 128;

/** A connection of libp2p over TCP: its socket, and the two calls that everything passes. Its type tells of none. */
type RawConnection = MultiaddrConnection & {
  readonly socket: Corked;
  onData(data: Bytes): void;
  sendData(data: Bytes): { readonly sentBytes: number; readonly canSendMore: boolean };
};

type Corked = Pick<Writable, "cork" | "uncork" | "writableCorked">;

interface Bytes {
  readonly byteLength: number;
}

interface HalfOpen {
  readonly address: string;
  bytes: number;
}

/** Every connection from its first byte: counts what passes, and lets nobody linger who does not prove a key. */
export class Wire {
  sentBytes = 0;
  receivedBytes = 0;
  refused = 0;
  readonly #halfOpen = new Map<MultiaddrConnection, HalfOpen>();

  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** False if this one is too many; to be called before anything else happens to the connection. */
  inbound(connection: MultiaddrConnection): boolean {
    const address = peerAddress(connection.remoteAddr);
    if (this.#from(address).length >= MAX_HALF_OPEN_PER_ADDRESS) {
      this.refused++;
      return false;
    }
    if (this.#halfOpen.size >= MAX_HALF_OPEN) this.#makeRoom();
    this.#halfOpen.set(connection, { address, bytes: 0 });
    connection.addEventListener("close", () => this.#halfOpen.delete(connection), { once: true });
    this.#watch(connection);
    return true;
  }

  outbound(connection: MultiaddrConnection): void {
    this.#watch(connection);
  }

  /** The other end has proved its key. */
  proven(connection: MultiaddrConnection): void {
    this.#halfOpen.delete(connection);
  }

  /**
   * A few addresses that say nothing could take all places, again and again. Of the address that has most of them the
   * oldest goes: whoever means to prove a key does so in less time than it takes to fill the places anew.
   */
  #makeRoom(): void {
    const addresses = new Set([...this.#halfOpen.values()].map(({ address }) => address));
    const most = [...addresses].map((address) => this.#from(address)).sort((a, b) => b.length - a.length)[0];
    const oldest = most?.[0];
    if (oldest === undefined) return;
    this.refused++;
    this.#halfOpen.delete(oldest);
    oldest.abort(new Error("no key was proved, and others come"));
  }

  /** The oldest first. */
  #from(address: string): MultiaddrConnection[] {
    return [...this.#halfOpen].filter(([, other]) => other.address === address).map(([connection]) => connection);
  }

  #watch(connection: MultiaddrConnection): void {
    const raw = connection as RawConnection;
    const [onData, sendData] = [raw.onData.bind(raw), raw.sendData.bind(raw)];
    raw.onData = (data) => {
      this.receivedBytes += data.byteLength;
      const halfOpen = this.#halfOpen.get(connection);
      if (halfOpen !== undefined) halfOpen.bytes += data.byteLength;
      if (halfOpen === undefined || halfOpen.bytes <= MAX_HANDSHAKE_BYTES) return onData(data);
      this.refused++;
      connection.abort(new Error("a handshake has fewer bytes"));
    };
    raw.sendData = (data) => {
      gather(raw.socket);
      const result = sendData(data);
      this.sentBytes += result.sentBytes;
      return result;
    };
  }
}

/**
 * What is said in one turn of the event loop leaves in one packet. Noise hands over the length of a frame and the frame
 * one after the other, and a small request is four frames: each would be a call of the kernel and a packet of its own,
 * with more bytes of headers than it has itself.
 */
function gather(socket: Corked): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}
