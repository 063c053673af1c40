import { beforeEach, describe, expect, test } from "vitest";
import { chunkName, manifestName } from "../../../src/core/backup/place.ts";
import { chooseBackup, readSeries } from "../../../src/core/backup/series.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { openBackup, type OpenedBackup } from "../../../src/node/backup/opened-backup.ts";
import { requireMesh } from "../../../src/crdt/backup/inspect.ts";
import { auditRun, bytesFor, keys, picture, signerOf } from "../crdt/fixture.ts";
import { Attic } from "./attic.ts";

let attic: Attic;
beforeEach(async () => {
  attic = await Attic.create();
});

async function open(number?: number): Promise<OpenedBackup> {
  const series = await readSeries(keys, attic.place);
  return openBackup(keys, attic.place, chooseBackup(attic.place, series, number === undefined ? {} : { number }));
}

const states = async () => {
  const { backups } = await readSeries(keys, attic.place);
  return backups.map((listed) => (listed.state === "bad" ? listed.error.code : listed.state));
};

function alter(name: string, change: (bytes: Buffer) => Uint8Array): void {
  attic.place.files.set(name, new Uint8Array(change(Buffer.from(attic.place.files.get(name) as Uint8Array))));
}

const flip = (at: number) => (bytes: Buffer) => {
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] as number) ^ 1;
  return bytes;
};

describe("a backup", () => {
  test("gives alice the mesh as nas-1 knew it, with whom and until when", async () => {
    await attic.label("web", "prod");
    await attic.peer.take(auditRun(attic.peer, attic.nas, 300));
    attic.envelopes = [{ mark: bytesFor("a"), bytes: bytesFor("sealed") }];
    await attic.backUp();
    const { replica, inspection, envelopes } = await open();
    expect(picture({ replica } as Attic["peer"])).toEqual(picture(attic.peer));
    expect(inspection).toMatchObject({
      entries: { authority: 2, desired: 2, audit: 300 },
      writers: 3,
      missing: [],
      maker: { name: "nas-1" },
    });
    expect(envelopes).toEqual([bytesFor("sealed")]);
    expect(() => requireMesh(replica, { root: signerOf("root").publicKey, mesh: attic.peer.mesh })).not.toThrow();
  });

  test("of another mesh is refused to whoever knows the id or holds the code of this one", async () => {
    await attic.backUp();
    const { replica } = await open();
    expect(() => requireMesh(replica, { mesh: bytesFor("other") })).toThrow(/backup of another mesh/);
    expect(() => requireMesh(replica, { root: signerOf("mallory").publicKey })).toThrow(/not the root of this mesh/);
  });

  test("holds a ledger whole that nas-1 itself begins to read at its base", async () => {
    await attic.label("one", "two", "three", "four");
    await attic.peer.replica.sumUp(1);
    await attic.restart();
    expect([...attic.peer.replica.chains.values()].some(({ below }) => below > 0)).toBe(true);
    await attic.backUp();
    const { inspection } = await open();
    expect(inspection).toMatchObject({ entries: { desired: 4 }, missing: [] });
  });

  test("stores only what is new", async () => {
    await attic.label("web");
    await attic.peer.take(auditRun(attic.peer, attic.nas, 2000));
    const first = await attic.backUp();
    await attic.label("prod");
    const second = await attic.backUp();
    expect(first.chunks.written).toBe(first.chunks.all);
    expect(second.chunks).toMatchObject({ all: first.chunks.all, written: 1 });
    expect((await open()).inspection.entries.desired).toBe(2);
  });

  test("writes a chunk again that lies there cut short", async () => {
    await attic.backUp();
    const [chunk = ""] = attic.place.chunks();
    alter(chunk, (bytes) => bytes.subarray(0, 10));
    await attic.backUp();
    expect((await open()).inspection.missing).toEqual([]);
  });

  test("gets the next number when somebody else was faster", async () => {
    await attic.backUp();
    const theirs = attic.place.files.get(manifestName(1)) as Uint8Array;
    attic.place.files.clear();
    let once = true;
    attic.place.meanwhile = () => {
      if (once) attic.place.files.set(manifestName(1), theirs);
      once = false;
    };
    const { signed } = await attic.backUp();
    expect(signed.manifest.number).toBe(2);
    expect(await states()).toEqual(["signed", "signed"]);
    expect((await open()).inspection.missing).toEqual([]);
  });

  test("lets go of the oldest and of what only they needed", async () => {
    for (const label of ["one", "two", "three", "four"]) {
      await attic.label(label);
      await attic.backUp({ keep: 2 });
    }
    const { backups } = await readSeries(keys, attic.place);
    expect(backups.map(({ number }) => number)).toEqual([4, 3]);
    expect((await open(3)).inspection.entries.desired).toBe(3);
    expect((await open(4)).inspection.entries.desired).toBe(4);
    // Authority once, and the ledger of either.
    expect(attic.place.chunks().length).toBe(3);
  });
});

describe("a place that is not to be trusted", () => {
  test("is found out whatever byte of whatever file it alters", async () => {
    await attic.label("web", "prod");
    await attic.backUp();
    const whole = new Map(attic.place.files);
    for (const [name, content] of whole) {
      for (let at = 0; at < content.length; at += Math.ceil(content.length / 40)) {
        alter(name, flip(at));
        // A space between members means nothing and is not signed: what is read is the same.
        const isSpace = name.startsWith("manifests/") && /\s/.test(String.fromCharCode(content[at] as number));
        if (!isSpace) await expect(open(), `${name} at ${at}`).rejects.toThrow(/damaged|altered|wrong|newer release/);
        attic.place.files.set(name, content);
      }
    }
    expect((await open()).inspection.missing).toEqual([]);
  });

  test("names the chunk that is gone and the one that is cut short", async () => {
    await attic.label("web");
    await attic.backUp();
    const [first = "", second = ""] = attic.place.chunks();
    attic.place.files.delete(first);
    alter(second, (bytes) => bytes.subarray(0, -1));
    await expect(open()).rejects.toMatchObject({
      code: "BackupDamaged",
      message: "backup 1 is damaged: 2 of 2 chunks",
      facts: { notes: [expect.stringMatching(/ is gone$/), expect.stringMatching(/ has \d+ of \d+ bytes$/)] },
    });
  });

  test("that puts an old backup in the place of a new one is told so", async () => {
    for (const label of ["one", "two", "three"]) {
      await attic.label(label);
      await attic.backUp();
    }
    attic.place.files.set(manifestName(3), attic.place.files.get(manifestName(1)) as Uint8Array);
    await expect(open()).rejects.toMatchObject({
      code: "BackupRefused",
      message: "in the place of backup 3 lies backup 1",
    });
    expect(await states()).toEqual(["BackupRefused", "signed", "signed"]);
  });

  test("that lost its newest backups is refused by whoever knows of them, and alice goes on elsewhere", async () => {
    await attic.backUp();
    const { signed } = await attic.backUp();
    attic.place.files.delete(manifestName(2));
    const known = { number: 2, id: signed.id };
    await expect(attic.backUp({ known })).rejects.toMatchObject({ code: "BackupRefused", message: /turned back/ });
    const series = await readSeries(keys, attic.place);
    expect(() => chooseBackup(attic.place, series, { known })).toThrow(/it ends with backup 1/);
    // To choose an older one is an own decision.
    expect(chooseBackup(attic.place, series, { known, number: 1 }).manifest.number).toBe(1);
  });

  test("that exchanged a backup for another of the same machine is found by the one after it", async () => {
    await attic.backUp();
    const { files } = attic.place;
    const empty = new Map(files);
    await attic.label("web");
    await attic.backUp();
    const second = files.get(manifestName(2)) as Uint8Array;
    await attic.backUp();
    const third = files.get(manifestName(3)) as Uint8Array;
    files.clear();
    for (const [name, content] of empty) files.set(name, content);
    await attic.label("other");
    await attic.backUp();
    files.set(manifestName(3), third);
    expect(files.get(manifestName(2))).not.toEqual(second);
    expect((await states())[0]).toBe("BackupRefused");
  });

  test("holds nothing that a machine signed which was removed", async () => {
    const { peer, alice } = attic;
    const old = await peer.enrol(alice, "old-1");
    await attic.backUp({ by: old });
    expect((await open()).inspection.maker.name).toBe("old-1");
    // The same manifest over entries in which old-1 was cut cannot be made: it was no member any more.
    await peer.cut(alice, old);
    await expect(attic.backUp({ by: old })).rejects.toThrow("only a member makes backups");
  });

  test("tells which ends are missing where the machine that made it withheld them", async () => {
    await attic.label("web");
    const { signed } = await attic.backUp();
    const series = await readSeries(keys, attic.place);
    const { manifest } = signed;
    // A manifest as a faulty release would write it: with heads that no chunk has.
    const heads = {
      authority: [...manifest.heads.authority, toHex(bytesFor("gone"))],
      logs: manifest.heads.logs.map((head) => ({ ...head, seq: 9, hash: toHex(bytesFor("head")) })),
    };
    expect(series.backups.length).toBe(1);
    const { inspection } = await openBackup(keys, attic.place, { ...signed, manifest: { ...manifest, heads } });
    expect(inspection.missing).toEqual([
      "1 of the newest acts of operators",
      expect.stringMatching(/^the end of the ledger of [0-9a-f]{12}, up to entry 9$/),
    ]);
  });

  test("that holds backups of another mesh gets none of this one", async () => {
    const other = await Attic.create("another root");
    await other.backUp({ place: attic.place });
    await expect(attic.backUp()).rejects.toMatchObject({ code: "WrongMesh" });
  });

  test("whose newest manifest is damaged gets another backup, and nas-1 says so", async () => {
    await attic.backUp();
    alter(manifestName(1), (bytes) => bytes.subarray(0, 100));
    const { signed } = await attic.backUp();
    expect(signed.manifest).toMatchObject({ number: 2, previous: null });
    expect(attic.warnings).toEqual([expect.stringMatching(/backup 1 is damaged/)]);
    expect(await states()).toEqual(["signed", "BackupDamaged"]);
  });

  test("keeps the chunks of a manifest that cannot be read", async () => {
    await attic.label("one");
    await attic.backUp();
    await attic.label("two");
    await attic.backUp();
    alter(manifestName(2), (bytes) => bytes.subarray(0, 100));
    const before = attic.place.chunks();
    await attic.label("three");
    await attic.backUp({ keep: 2 });
    expect(attic.place.files.has(manifestName(1))).toBe(false);
    for (const chunk of before) expect(attic.place.files.has(chunk)).toBe(true);
    expect(chunkName("ab".repeat(32))).toBe(`chunks/ab/${"ab".repeat(32)}`);
  });

  test("of a later release is said to be that", async () => {
    await attic.backUp();
    alter(manifestName(1), (bytes) => Buffer.from(bytes.toString().replace('"v": 1', '"v": 2')));
    await expect(open()).rejects.toThrow(/newer release/);
  });
});
