import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Generation,
  type PlacedFile,
  planGeneration,
  readGeneration,
  writeGeneration,
} from "../../../src/core/delivery/generation.ts";

const access = fc.record({
  uid: fc.constantFrom(0, 33, 1000),
  gid: fc.constantFrom(0, 33),
  mode: fc.constantFrom(0o400, 0o440),
  readers: fc.constantFrom<readonly number[]>([], [33], [33, 1000]),
});
const file: fc.Arbitrary<PlacedFile> = fc.record({
  name: fc.constantFrom("a", "a-b", "mail/tls", "mail/dkim", "web/tls", "templates.d/x"),
  version: fc.constantFrom("1", "2"),
  access,
  reload: fc.constantFrom(null, "nginx.service", "postfix.service"),
});
const wanted = fc.uniqueArray(file, { selector: ({ name }) => name });

/** As a machine would have it after the plan. */
function after(before: Generation | null, files: readonly PlacedFile[]): Generation {
  const plan = planGeneration(before, files);
  return plan.state === "next" ? plan.generation : (before as Generation);
}

const byName = (files: readonly PlacedFile[]) => files.toSorted((a, b) => (a.name < b.name ? -1 : 1));

describe("the plan of a generation", () => {
  it("ends with exactly what is wanted, and then has nothing to do", () => {
    fc.assert(
      fc.property(wanted, wanted, (first, second) => {
        const generation = after(after(null, first), second);
        expect(generation.files).toEqual(byName(second));
        expect(planGeneration(generation, second.toReversed())).toEqual({ state: "same" });
      }),
    );
  });

  it("keeps a file only if content and access are as they were", () => {
    fc.assert(
      fc.property(wanted, wanted, (first, second) => {
        const plan = planGeneration(after(null, first), second);
        if (plan.state === "same") return;
        for (const { name, version, access: asked } of second) {
          const old = first.find((one) => one.name === name);
          const isSame = old?.version === version && JSON.stringify(old.access) === JSON.stringify(asked);
          expect([name, plan.kept.has(name)]).toEqual([name, isSame]);
        }
      }),
    );
  });

  it("tells exactly the units of new and changed content, and nobody after a boot", () => {
    fc.assert(
      fc.property(wanted, wanted, (first, second) => {
        const boot = after(null, first);
        expect(boot.owed).toEqual([]);
        const due = second.filter(({ name, version }) => first.find((old) => old.name === name)?.version !== version);
        const units = new Set(due.flatMap(({ reload }) => (reload === null ? [] : [reload])));
        expect(after(boot, second).owed).toEqual([...units].sort());
      }),
    );
  });

  it("forgets no unit that was owed and not told", () => {
    fc.assert(
      fc.property(wanted, wanted, wanted, (first, second, third) => {
        const owed = after(after(null, first), second);
        expect(after(owed, third).owed).toEqual(expect.arrayContaining([...owed.owed]));
      }),
    );
  });

  it("is read again as it was written; what is no note is none", () => {
    fc.assert(
      fc.property(wanted, fc.json(), (files, junk) => {
        const generation = after(null, files);
        expect(readGeneration(writeGeneration(generation))).toEqual(generation);
        expect(readGeneration(junk)).toBeNull();
      }),
    );
    for (const text of ["", "{", '{"v":2,"files":[],"owed":[]}', '{"v":1,"files":[{"name":"a"}],"owed":[]}']) {
      expect(readGeneration(text)).toBeNull();
    }
  });
});
