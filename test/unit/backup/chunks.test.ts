import { describe, expect, test } from "vitest";
import { type BackupRecord, cutIntoChunks, MAX_CHUNK_BYTES, readChunk } from "../../../src/core/backup/chunks.ts";
import { bytesFor, keys } from "../crdt/fixture.ts";

const record = (i: number): BackupRecord => ({ mark: bytesFor(`mark ${i}`), bytes: bytesFor(`record ${i}`) });
const records = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i));
const hashes = (list: readonly BackupRecord[]) => cutIntoChunks(keys, "audit", list).map(({ hash }) => hash);

describe("chunks of a backup", () => {
  test("give back every record in its order", () => {
    const all = records(0, 3000);
    const chunks = cutIntoChunks(keys, "audit", all);
    expect(chunks.length).toBeGreaterThan(5);
    expect(chunks.flatMap((chunk) => readChunk(keys, chunk, chunk.content))).toEqual(all.map(({ bytes }) => bytes));
  });

  test("are the same files whoever makes them, and are named by what is in them", () => {
    expect(hashes(records(0, 1000))).toEqual(hashes(records(0, 1000)));
    const [chunk] = cutIntoChunks(keys, "audit", records(0, 3));
    expect(chunk?.hash).toBe(Buffer.from(keys.hash(chunk?.content as Uint8Array)).toString("hex"));
  });

  test("change at the end only when records come at the end, and in one place when one comes late", () => {
    const before = new Set(hashes(records(0, 3000)));
    const appended = hashes(records(0, 3010)).filter((hash) => !before.has(hash));
    expect(appended.length).toBeLessThanOrEqual(2);
    const late = [...records(0, 1500), record(9_999), ...records(1500, 3000)];
    expect(hashes(late).filter((hash) => !before.has(hash)).length).toBeLessThanOrEqual(2);
  });

  test("hold the largest sealed value, and are bounded", () => {
    const large = { mark: bytesFor("large"), bytes: new Uint8Array(1024 * 1024 + 100_000) };
    const chunks = cutIntoChunks(keys, "secrets", [record(1), large, record(2), large]);
    expect(Math.max(...chunks.map(({ bytes }) => bytes))).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
    expect(chunks.flatMap((chunk) => readChunk(keys, chunk, chunk.content)).length).toBe(4);
  });

  test("none for nothing", () => {
    expect(cutIntoChunks(keys, "desired", [])).toEqual([]);
  });
});
