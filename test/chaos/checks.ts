import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stolenLabels, wrongLabels } from "../../sim/checkers/shown.ts";
import type { Crew } from "./crew.ts";
import { type Machine, UNFINISHED } from "./machine.ts";
import { SECRETS } from "./people.ts";

type Violated = (check: string, detail: string) => void;

/** After a heal: every machine shows what honest hands did, all of it and nothing else. */
export async function checkShown({ machines, people, strangers }: Crew, violated: Violated): Promise<void> {
  for (const machine of machines) {
    const servers = await machine.servers();
    // What was written without an answer may be there or not.
    const sure = servers.map(({ id, name, labels }) => {
      return { id, name, labels: labels.filter((label) => !people.unsure.has(label)) };
    });
    for (const stolen of stolenLabels(people.history, sure))
      violated("unauthorised", `${machine.name} shows ${stolen}`);
    for (const wrong of wrongLabels(people.history, sure)) violated("acknowledged", `${machine.name} shows ${wrong}`);
    const names = servers.map(({ name }) => name);
    const unknown = names.filter((name) => !people.members.includes(name));
    if (unknown.length > 0)
      violated("unauthorised", `${machine.name} has a member ${unknown.join(", ")} that nobody let in`);
    const missing = people.members.filter((name) => !names.includes(name));
    if (missing.length > 0) violated("acknowledged", `${machine.name} does not know ${missing.join(", ")}`);
    for (const racers of strangers) {
      const won = racers.filter((name) => names.includes(name));
      if (won.length > 1) violated("tokens", `for ${machine.name}, one token let in ${won.join(" and ")}`);
    }
  }
}

/** When all is over: secrets are where they belong, and what everybody remembers holds together. */
export async function checkAtEnd(crew: Crew, violated: Violated): Promise<void> {
  await checkShown(crew, violated);
  for (const machine of crew.machines) await checkSecretsOf(crew, machine, violated);
  const { first } = crew;
  const said = await first.lab("nobody", ["audit", "verify"]);
  const how = said.exit === UNFINISHED ? "did not end in time" : `ended with ${said.exit}`;
  if (said.exit !== 0) violated("audit", `lab audit verify at ${first.name} ${how}: ${said.stdout}${said.stderr}`);
}

async function checkSecretsOf({ people }: Crew, machine: Machine, violated: Violated): Promise<void> {
  const labels = people.history.labelsOf(people.idOf(machine.name));
  for (const [label, path] of Object.entries(SECRETS)) {
    const value = people.values.get(path) as string;
    const { exit, stdout, stderr } = await machine.lab("nobody", ["secret", "get", path]);
    const reads = exit === 0 && stdout.includes(value);
    if (labels.includes(label) && !reads)
      violated("secrets", `${machine.name} cannot read ${path}, to which ${label} entitles it: ${stderr.trim()}`);
    if (!labels.includes(label) && (reads || stdout.includes(value)))
      violated("secrets", `${machine.name} reads ${path} and is not entitled to it`);
    for (const file of filesWith(machine.home, value))
      violated("secrets", `${file} has the value of ${path} in the clear`);
  }
}

function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => readIfThere(file).includes(text));
}

/** The store removes files while they are read. */
function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
