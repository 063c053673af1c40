import type { SentNotice, World } from "../world.ts";

/** Something that people are to be told once by each route, from one of these machines. */
export interface Expected {
  readonly state: "raised" | "resolved";
  readonly kind: string;
  readonly about: string;
  /** Names of the machines that can know it. */
  readonly from: readonly string[];
}

/** Since `first`, people were told all of this by a route, each thing once, and nothing else. */
export function checkTold(world: World, route: string, first: number, expected: readonly Expected[]): void {
  const told = world.notices.slice(first).filter(({ notice }) => notice.route === route);
  for (const one of expected) {
    const found = told.filter((sent) => isAbout(sent, one));
    const who = found.map(({ from, atSeconds }) => `${from} at ${atSeconds} s`).join(", ");
    const what = `${one.state} ${one.kind} ${one.about} by ${route}`;
    if (found.length !== 1) world.violated("alarms", `${what} was told ${found.length} times: ${who}`);
    for (const { from } of found) {
      if (!one.from.includes(from)) world.violated("alarms", `${what} was told by ${from}, who cannot know it`);
    }
  }
  for (const sent of told) {
    if (expected.some((one) => isAbout(sent, one))) continue;
    const { state, alarm } = sent.notice;
    world.violated("alarms", `${sent.from} told ${state} ${alarm.kind} ${alarm.about} by ${route} for nothing`);
  }
}

function isAbout({ notice }: SentNotice, { state, kind, about }: Expected): boolean {
  return notice.state === state && notice.alarm.kind === kind && notice.alarm.about === about;
}
