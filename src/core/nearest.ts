/**
 * The names that a person most likely meant, the closest first; none when nothing is near. A word that was cut short
 * (`nas` for `nas-1`) comes after the words with few slips.
 */
export function nearest(word: string, candidates: Iterable<string>, most = 3): string[] {
  const farthest = Math.max(1, Math.floor(word.length / 3));
  const near: { readonly name: string; readonly distance: number }[] = [];
  for (const name of new Set(candidates)) {
    const couldBe = Math.abs(name.length - word.length) <= farthest;
    const distance = couldBe ? editDistance(word, name) : Number.POSITIVE_INFINITY;
    if (distance <= farthest) near.push({ name, distance });
    else if (word.length > 1 && name.startsWith(word)) near.push({ name, distance: farthest + 1 });
  }
  near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return near.slice(0, most).map(({ name }) => name);
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other, where no part is
 * edited twice (Damerau-Levenshtein, restricted to optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, at(beforeLast, j - 2) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
