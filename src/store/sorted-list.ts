/**
 * A set of values in order, in chunks: adding at the end and taking from the front cost next to nothing, anything in
 * between a search and the move of part of one chunk, however many there are.
 */

const chunkLengthMax = 512;
const chunkLengthPoor = 128;

export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  /** None of them empty. */
  readonly #chunks: T[][] = [];
  #size = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#chunks[0]?.[0];
  }

  get last(): T | undefined {
    return this.#chunks.at(-1)?.at(-1);
  }

  /** @returns false when it is there already */
  add(value: T): boolean {
    const last = this.last;
    if (last === undefined || this.#compare(last, value) < 0) {
      this.#append(value);
      return true;
    }
    const chunkIndex = this.#chunkOf(value);
    const chunk = this.#chunks[chunkIndex] as T[];
    const index = this.#positionIn(chunk, value);
    if (this.#compare(chunk[index] as T, value) === 0) return false;
    chunk.splice(index, 0, value);
    this.#size++;
    if (chunk.length > chunkLengthMax)
      this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(chunk.length >> 1));
    return true;
  }

  /** @returns false when it was not there */
  delete(value: T): boolean {
    const chunkIndex = this.#chunkOf(value);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return false;
    const index = this.#positionIn(chunk, value);
    if (this.#compare(chunk[index] as T, value) !== 0) return false;
    if (index === 0) chunk.shift();
    else chunk.splice(index, 1);
    this.#size--;
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
    else if (chunk.length < chunkLengthPoor) this.#joinNext(chunkIndex);
    return true;
  }

  /** The least value that is not below. */
  atOrAfter(value: T): T | undefined {
    const chunk = this.#chunks[this.#chunkOf(value)];
    return chunk?.[this.#positionIn(chunk, value)];
  }

  /** The greatest value that is not above. */
  atOrBefore(value: T): T | undefined {
    const chunkIndex = this.#chunkOf(value);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return this.last;
    const index = this.#positionIn(chunk, value);
    if (this.#compare(chunk[index] as T, value) === 0) return chunk[index];
    return index > 0 ? chunk[index - 1] : this.#chunks[chunkIndex - 1]?.at(-1);
  }

  /** How many are not below. */
  countFrom(value: T): number {
    const chunkIndex = this.#chunkOf(value);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return 0;
    let count = chunk.length - this.#positionIn(chunk, value);
    for (let at = chunkIndex + 1; at < this.#chunks.length; at++) count += (this.#chunks[at] as T[]).length;
    return count;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#size = 0;
  }

  /** In order. Values may be added and deleted on the way; those behind the place reached are seen as they are then. */
  *[Symbol.iterator](): Generator<T> {
    for (let value = this.first; value !== undefined; value = this.#after(value)) yield value;
  }

  #after(value: T): T | undefined {
    const chunkIndex = this.#chunkOf(value);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return undefined;
    const index = this.#positionIn(chunk, value);
    if (this.#compare(chunk[index] as T, value) > 0) return chunk[index];
    return index + 1 < chunk.length ? chunk[index + 1] : this.#chunks[chunkIndex + 1]?.[0];
  }

  #append(value: T): void {
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.length >= chunkLengthMax) this.#chunks.push([value]);
    else chunk.push(value);
    this.#size++;
  }

  /** The first chunk that does not end below the value; the number of chunks when there is none. */
  #chunkOf(value: T): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare((this.#chunks[middle] as T[]).at(-1) as T, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #positionIn(chunk: readonly T[], value: T): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(chunk[middle] as T, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #joinNext(chunkIndex: number): void {
    const chunk = this.#chunks[chunkIndex] as T[];
    const next = this.#chunks[chunkIndex + 1];
    if (next === undefined || next.length > chunkLengthPoor) return;
    chunk.push(...next);
    this.#chunks.splice(chunkIndex + 1, 1);
  }
}
