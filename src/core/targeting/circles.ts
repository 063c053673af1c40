/** What a graph of names looks like once its circles are found. */
export interface Order {
  /** Every name after all that it leads to, circles aside. */
  readonly names: readonly string[];
  /** Sets of names that lead to each other, or one that leads to itself; each sorted. */
  readonly circles: readonly (readonly string[])[];
  /** True if both stand in one circle: the step from one to the other brings nothing. */
  isInCircle(from: string, to: string): boolean;
}

/**
 * Strongly connected components by Tarjan's algorithm (SIAM J. Computing 1, 1972), without recursion: how deep a chain
 * is was decided by others. The result does not depend on the order of the names or of their steps.
 */
export function orderOf(steps: ReadonlyMap<string, readonly string[]>): Order {
  const names: string[] = [];
  const circles: string[][] = [];
  const circleOf = new Map<string, number>();
  const found = new Map<string, { index: number; low: number; onPath: boolean }>();
  const path: string[] = [];

  const visit = (name: string) => {
    const state = { index: found.size, low: found.size, onPath: true };
    found.set(name, state);
    path.push(name);
    return { name, state, next: (steps.get(name) ?? []).filter((to) => steps.has(to)).sort(), at: 0 };
  };

  for (const root of [...steps.keys()].sort()) {
    if (found.has(root)) continue;
    const work = [visit(root)];
    for (let frame = work.at(-1); frame !== undefined; frame = work.at(-1)) {
      const to = frame.next[frame.at++];
      if (to !== undefined) {
        const known = found.get(to);
        if (known === undefined) work.push(visit(to));
        else if (known.onPath) frame.state.low = Math.min(frame.state.low, known.index);
        continue;
      }
      work.pop();
      const above = work.at(-1);
      if (above !== undefined) above.state.low = Math.min(above.state.low, frame.state.low);
      if (frame.state.low !== frame.state.index) continue;
      const members = path.splice(path.lastIndexOf(frame.name));
      for (const member of members) (found.get(member) as { onPath: boolean }).onPath = false;
      names.push(...members.sort());
      if (members.length === 1 && !frame.next.includes(frame.name)) continue;
      for (const member of members) circleOf.set(member, circles.length);
      circles.push(members);
    }
  }
  circles.sort((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1));
  return {
    names,
    circles,
    isInCircle: (from, to) => circleOf.has(from) && circleOf.get(from) === circleOf.get(to),
  };
}
