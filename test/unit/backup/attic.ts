import type { BackupRecord } from "../../../src/core/backup/chunks.ts";
import { createBackup, type Created } from "../../../src/core/backup/create.ts";
import type { BackupPlace, PlaceFile } from "../../../src/core/backup/place.ts";
import type { KnownBackup } from "../../../src/core/backup/series.ts";
import type { SimDisk } from "../../../sim/disk.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { composeBackup } from "../../../src/crdt/backup/compose.ts";
import { AT, type Author, found, type Founding, keys, memoryDisk, type NodeAuthor, Peer } from "../crdt/fixture.ts";

/** Files in memory that a test can alter. */
export class MemoryPlace implements BackupPlace {
  readonly name = "dir:/attic";
  readonly files = new Map<string, Uint8Array>();
  /** Done before a manifest is written: what somebody else does at that moment. */
  meanwhile: () => void = () => undefined;

  async list(): Promise<ReadonlyMap<string, number>> {
    return new Map([...this.files].map(([name, content]) => [name, content.length]));
  }

  async read(names: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    return names.map((name) => this.files.get(name) ?? null);
  }

  async write(chunks: readonly PlaceFile[], manifest: PlaceFile): Promise<"written" | "taken"> {
    for (const { name, content } of chunks) this.files.set(name, content);
    this.meanwhile();
    if (this.files.has(manifest.name)) return "taken";
    this.files.set(manifest.name, manifest.content);
    return "written";
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.files.delete(name);
  }

  async close(): Promise<void> {}

  chunks(): string[] {
    return [...this.files.keys()].filter((name) => name.startsWith("chunks/"));
  }
}

/** alice's mesh with one machine, which makes backups of what it knows. */
export class Attic {
  readonly founding: Founding;
  peer: Peer;
  readonly nas: NodeAuthor;
  readonly place = new MemoryPlace();
  readonly warnings: string[] = [];
  envelopes: readonly BackupRecord[] = [];
  #disk: SimDisk;

  private constructor(founding: Founding, peer: Peer, nas: NodeAuthor, disk: SimDisk) {
    this.#disk = disk;
    this.founding = founding;
    this.peer = peer;
    this.nas = nas;
  }

  static async create(rootKey = "root"): Promise<Attic> {
    const founding = found({ rootKeys: [rootKey] });
    const disk = memoryDisk();
    const peer = await Peer.of(founding, disk);
    const nas = await peer.enrol(founding.founders["alice"] as Author, "nas-1");
    return new Attic(founding, peer, nas, disk);
  }

  get alice(): Author {
    return this.founding.founders["alice"] as Author;
  }

  /** The next process over the same disk. */
  async restart(): Promise<void> {
    this.#disk = this.#disk.reopen();
    this.peer = new Peer(this.founding.genesis, this.#disk);
    await this.peer.replica.load();
  }

  async label(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.peer.write(this.alice, { [`server/${toHex(this.nas.log)}/label/${name}`]: true });
    }
  }

  backUp({
    place = this.place,
    known,
    keep,
    by = this.nas,
  }: {
    place?: BackupPlace;
    known?: KnownBackup;
    keep?: number;
    by?: NodeAuthor;
  } = {}): Promise<Created> {
    const { peer, envelopes } = this;
    return createBackup({
      keys,
      place,
      known,
      keep,
      warn: (sentence) => this.warnings.push(sentence),
      make: async (request) =>
        composeBackup(
          keys,
          {
            replica: peer.replica,
            envelopes,
            node: toHex(by.log),
            signer: by.signer,
            release: "1.2.3",
            peers: [{ key: toHex(by.signer.publicKey), addresses: ["/ip4/192.0.2.1/tcp/7444"] }],
            psk: null,
            nowMs: AT,
          },
          request,
        ),
    });
  }
}
