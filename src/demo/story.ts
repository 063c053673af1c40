import { FOUNDER, SECOND, SECRET } from "./machines.ts";

/** Two sides of a cut for these machines: the founder on the first, where alice works, bob's machine on the other. */
function sides(machines: readonly string[]): readonly [string, string] {
  const near = machines.filter((name) => name === FOUNDER || (name !== SECOND && name !== SECRET.reader)).slice(0, 2);
  return [near.join(","), machines.filter((name) => !near.includes(name)).join(",")];
}

/** What there is to try, as lines for a shell in the directory of the checkout. */
export function tellStory(machines: readonly string[]): string {
  const others = machines.filter((name) => name !== SECRET.reader).join(" ");
  const labelled = machines.at(-1) ?? FOUNDER;
  const chapters: readonly (readonly [title: string, ...lines: string[]])[] = [
    [
      "every machine answers, and asks another one for you",
      `bin/lab --context demo get servers --peer ${SECOND}`,
      `bin/lab --context demo-${SECRET.reader} get servers`,
    ],
    [
      "cut the mesh in two: both halves go on",
      `bin/lab demo partition ${sides(machines).join(" ")}`,
      "bin/lab demo status",
    ],
    [
      "two people change the same server, each in another half",
      `bin/lab --context demo label server ${labelled} from-alice`,
      `bin/lab --context demo-bob label server ${labelled} from-bob`,
    ],
    [
      "heal: both labels are there, and STATE-HASH is the same everywhere",
      "bin/lab demo heal",
      `bin/lab --context demo get servers ${labelled}`,
      "bin/lab demo status",
    ],
    [
      "the coordinator is a label: move it, and let the new one make a token",
      `bin/lab --context demo coordinator migrate --target ${SECOND}`,
      `bin/lab --context demo-${SECOND} token create --name web-1 --labels web`,
    ],
    [
      `a secret, read on ${SECRET.reader} while every other agent is dead`,
      `bin/lab demo kill ${others}`,
      `bin/lab --context demo-${SECRET.reader} secret get ${SECRET.path}`,
      `bin/lab demo start ${others}`,
    ],
    ["the end", "bin/lab demo down"],
  ];
  return [
    "",
    `${machines.length} agents run on this machine, until bin/lab demo down. What to try, from this directory:`,
    ...chapters.flatMap(([title, ...lines]) => ["", `# ${title}`, ...lines]),
    "",
  ].join("\n");
}
