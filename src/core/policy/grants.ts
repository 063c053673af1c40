import type { Label } from "../model/label.ts";
import type { ClassScan, SecretReference } from "../model/scan.ts";

/** One way in which a label lets its servers read a secret. */
export interface Grant {
  readonly path: string;
  /** The class of the label whose code names the secret; null where the label itself does. */
  readonly puppetClass: string | null;
  readonly reference: SecretReference | null;
}

/** What a label grants: the paths that it names, and those that the code of its classes names. Exact paths only. */
export function grantsOf(label: Label, scanOf: (puppetClass: string) => ClassScan | undefined): readonly Grant[] {
  const own = label.secrets.map((path): Grant => ({ path, puppetClass: null, reference: null }));
  const byClass = label.puppetClasses.flatMap(({ name }) =>
    (scanOf(name)?.references ?? []).map(
      (reference): Grant => ({ path: reference.path, puppetClass: name, reference }),
    ),
  );
  return [...own, ...byClass];
}
