import { flagLine, readFlags, wrapped } from "../scripts/flags.ts";
import { backupFigures } from "./backup.ts";
import { admissionFigures } from "./admission.ts";
import { cliFigures } from "./cli.ts";
import { deliveryFigures } from "./delivery.ts";
import { declarationFigures } from "./declarations.ts";
import { detectorFigures } from "./detector.ts";
import type { Figure } from "./figure.ts";
import { labelFigures } from "./labels.ts";
import { meshFigures } from "./mesh.ts";
import { minuteFigures } from "./minutes.ts";
import { monthFigures } from "./month/month.ts";
import { networkFigures } from "./network.ts";
import { raceFigures } from "./races.ts";
import { revokeFigures } from "./revoke.ts";
import { rotationFigures } from "./rotation.ts";
import { secretFigures } from "./secrets.ts";
import { simulatorFigures } from "./simulated.ts";
import { storeFigures } from "./store.ts";

const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** The quick ones first. */
const suites: Readonly<Record<string, () => Promise<Figure[]> | Figure[]>> = {
  cli: cliFigures,
  labels: () => labelFigures(note),
  declarations: declarationFigures,
  mesh: () => meshFigures(note),
  sim: simulatorFigures,
  races: raceFigures,
  backup: backupFigures,
  delivery: () => deliveryFigures(note),
  revoke: () => revokeFigures(note),
  rotation: () => rotationFigures(note),
  secrets: () => secretFigures(note),
  store: () => storeFigures(note),
  minutes: () => minuteFigures(note),
  month: () => monthFigures(note),
  admission: () => admissionFigures(note),
  detector: () => detectorFigures(note),
  network: () => networkFigures(note),
};

const USAGE = `npm run bench -- [--only SUITE] [--list] [-o json]

Measures, and holds it against targets; docs/figures.md has what came out. All
suites take hours; some need root or serf, and say so.

${[
  flagLine("--only SUITE", "one of the suites"),
  flagLine("--list", "their names"),
  flagLine("-o json", "one line of JSON at the end"),
].join("\n")}

${wrapped("Suites: ", Object.keys(suites).join(", "))}

For example, in less than a minute:
  npm run bench -- --only cli`;

const OPTIONS = {
  output: { type: "string", short: "o" },
  only: { type: "string" },
  list: { type: "boolean" },
} as const;

const values = readFlags(USAGE, OPTIONS, (given) => {
  if (given.only !== undefined && !(given.only in suites)) throw new Error(`there is no suite "${given.only}"`);
  return given;
});

const figures: Figure[] = [];
for (const [name, suite] of Object.entries(suites)) {
  if (values.list || (values.only !== undefined && values.only !== name)) continue;
  note(`measuring ${name}`);
  figures.push(...(await suite()));
}

if (values.list) {
  process.stdout.write(`${Object.keys(suites).join("\n")}\n`);
} else if (values.output === "json") {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} else {
  for (const { name, value, unit, target, holds, versus } of figures) {
    const mark = holds ? "✓" : "✗";
    process.stdout.write(`${mark} ${name}: ${value.toPrecision(3)} ${unit} (target ${target})\n    ${versus}\n`);
  }
}
