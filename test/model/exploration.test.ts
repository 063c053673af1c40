import { describe, expect, it } from "vitest";
import { seededRandom } from "../../sim/random.ts";
import { Case } from "./case.ts";
import { explore, judge, tell } from "./explore.ts";
import { randomHistory } from "./random-history.ts";
import { SCENES } from "./scenes.ts";

describe("the trust rule, as the model has it", () => {
  it.each(SCENES)(
    "holds every invariant in all histories of $tested entries that follow the scene of $name",
    (scene) => {
      const { finding } = explore(scene, scene.tested);
      expect(finding && tell(finding)).toBeNull();
    },
  );

  it.each([8, 16, 24])(
    "holds every invariant in random histories of up to %i entries by people who keep to no rule",
    (size) => {
      for (let seed = 0; seed < 300; seed++) {
        const random = seededRandom(`${size}/${seed}`);
        const finding = judge(new Case(randomHistory(random, size)));
        expect(finding && `seed ${size}/${seed}\n${tell(finding)}`).toBeNull();
      }
    },
  );
});
