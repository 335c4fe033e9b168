/** Places in ascending lists of sequences. */

/** The first place from `start` on with a value at or after `seq`. */
export function indexFrom(seqs: readonly number[], start: number, seq: number): number {
  let low = start;
  let high = seqs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((seqs[middle] as number) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
