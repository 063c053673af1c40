import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BackupPlaceError } from "../../src/core/backup/errors.ts";
import { type BackupPlace, chunkName, manifestName } from "../../src/core/backup/place.ts";
import { ascii } from "../../src/core/bytes.ts";

export interface PlaceUnderTest {
  /** Opens the place once more, as another command would. */
  open(): Promise<BackupPlace>;
  /** From now on it cannot be reached, or does not let anybody in. */
  spoil(): Promise<void>;
  discard(): Promise<void>;
}

const chunk = (letter: string, text = `content of ${letter}`) => ({
  name: chunkName(letter.repeat(64)),
  content: ascii(text),
});
const manifest = (number: number, text = `manifest ${number}`) => ({
  name: manifestName(number),
  content: ascii(text),
});

/** What every place for backups does. `setup` gives an empty one. */
export function placeContract(name: string, setup: () => Promise<PlaceUnderTest>): void {
  describe(`${name} as a place for backups`, () => {
    let subject: PlaceUnderTest;
    let place: BackupPlace;
    beforeEach(async () => {
      subject = await setup();
      place = await subject.open();
    });
    afterEach(async () => {
      await place.close();
      await subject.discard();
    });

    async function again(): Promise<BackupPlace> {
      await place.close();
      place = await subject.open();
      return place;
    }

    test("is empty where nothing was written", async () => {
      expect(await place.list()).toEqual(new Map());
      expect(await place.read([manifestName(1)])).toEqual([null]);
    });

    test("gives back what was written, with sizes, in the order of the question", async () => {
      const [a, b] = [chunk("a"), chunk("b", "")];
      expect(await place.write([a, b], manifest(1))).toBe("written");
      await again();
      expect(await place.list()).toEqual(
        new Map([
          [a.name, a.content.length],
          [b.name, 0],
          [manifestName(1), 10],
        ]),
      );
      expect(await place.read([manifestName(1), "chunks/cc/none", b.name, a.name])).toEqual([
        ascii("manifest 1"),
        null,
        b.content,
        a.content,
      ]);
    });

    test("adds to what is there, and takes the same chunk again", async () => {
      await place.write([chunk("a")], manifest(1));
      await again();
      expect(await place.write([chunk("a"), chunk("b")], manifest(2))).toBe("written");
      await again();
      expect([...(await place.list()).keys()].sort()).toEqual(
        [chunk("a").name, chunk("b").name, manifestName(1), manifestName(2)].sort(),
      );
    });

    test("holds any bytes, such as line ends of other systems", async () => {
      const content = Uint8Array.from({ length: 1000 }, (_, i) => [13, 10, 0, 255, i & 255][i % 5] as number);
      await place.write([{ name: chunkName("e".repeat(64)), content }], manifest(1));
      await again();
      expect(await place.read([chunkName("e".repeat(64))])).toEqual([content]);
    });

    test("says that a number is taken, and leaves what is there", async () => {
      const other = await subject.open();
      await other.list();
      await place.write([chunk("a")], manifest(1, "mine"));
      expect(await other.write([chunk("b")], manifest(1, "theirs"))).toBe("taken");
      // After another look it gets the next one.
      await other.list();
      expect(await other.write([chunk("b")], manifest(2, "theirs"))).toBe("written");
      await other.close();
      await again();
      expect(await place.read([manifestName(1), manifestName(2), chunk("a").name])).toEqual([
        ascii("mine"),
        ascii("theirs"),
        chunk("a").content,
      ]);
    });

    test("lets go of files, and does not miss what is not there", async () => {
      await place.write([chunk("a"), chunk("b")], manifest(1));
      await place.list();
      await place.remove([chunk("a").name, chunkName("f".repeat(64))]);
      await again();
      expect([...(await place.list()).keys()].sort()).toEqual([chunk("b").name, manifestName(1)]);
    });

    test("says what is wrong when it cannot be used", async () => {
      await subject.spoil();
      for (const use of [() => place.list(), () => place.write([chunk("a")], manifest(1))]) {
        const error = await use().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(BackupPlaceError);
        expect((error as BackupPlaceError).message).toContain(place.name);
      }
    });
  });
}
