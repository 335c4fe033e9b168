/** How far apart two spellings are. */

/** Insertions, deletions, replacements and swaps of neighbours that turn one into the other. */
export function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const changed = left[row - 1] === right[column - 1] ? 0 : 1;
      let best = Math.min(
        (previous[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (previous[column - 1] as number) + changed,
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        best = Math.min(best, (before[column - 2] as number) + 1);
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[right.length] as number;
}

/** @returns the word that `have` is a slip of the pen for: the nearest, if it is at most a third of the letters off */
export function nearestWord(have: string, words: Iterable<string>): string | null {
  let nearest: string | null = null;
  let least = Math.max(1, Math.floor(have.length / 3)) + 1;
  for (const word of words) {
    const distance = editDistance(have, word);
    // A flag of one letter is near to any other.
    if (distance >= least || distance >= word.length) continue;
    nearest = word;
    least = distance;
  }
  return nearest;
}
