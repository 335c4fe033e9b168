/** What a batch of operations does to the subjects of one stream. */

/** To one subject. A sequence may be in both: it came and went. */
export interface SubjectChange {
  /** Ascending, and behind all that the index has. */
  readonly added: readonly number[];
  readonly removed: readonly number[];
}

interface NamedChange extends SubjectChange {
  readonly subject: string;
  added: number[];
  removed: number[];
}

/** Subjects that were met last are found by their bytes: to make a string of them and look that up takes three times as long. */
const knownMax = 2_048;
/** Longer ones are not looked for there. */
const knownBytesMax = 64;
/** So many more of a batch may be missed there than found, before it is not asked any more. */
const missesMax = 4_096;
/** Shared: most subjects see only one kind of change, and one change of that. An empty list would grow to 17 places at once. */
const none: number[] = [];

export class SubjectChanges {
  readonly #bySubject = new Map<string, NamedChange>();
  /** By the hash of their bytes. */
  readonly #known: (NamedChange | null)[] = [];
  #missesLeft = missesMax;
  /** Of the subject that was looked for last, when it has no change yet. */
  #subject = "";
  /** Its place among the known; -1: it has none. */
  #position = -1;

  get bySubject(): ReadonlyMap<string, SubjectChange> {
    return this.#bySubject;
  }

  /** A message of the subject `bytes[start, end)` came. */
  add(bytes: Buffer, start: number, end: number, seq: number): void {
    const change = this.#find(bytes, start, end);
    if (change === null) this.#make([seq], none);
    else if (change.added === none) change.added = [seq];
    else change.added.push(seq);
  }

  /** A message of the subject `bytes[start, end)` went. */
  remove(bytes: Buffer, start: number, end: number, seq: number): void {
    const change = this.#find(bytes, start, end);
    if (change === null) this.#make(none, [seq]);
    else if (change.removed === none) change.removed = [seq];
    else change.removed.push(seq);
  }

  clear(): void {
    this.#bySubject.clear();
    this.#known.fill(null);
    this.#missesLeft = missesMax;
  }

  #find(bytes: Buffer, start: number, end: number): NamedChange | null {
    this.#position = -1;
    if (this.#missesLeft > 0 && end - start <= knownBytesMax) {
      const position = positionOf(bytes, start, end);
      const known = this.#known[position] ?? null;
      if (known !== null && isSame(known.subject, bytes, start, end)) {
        this.#missesLeft++;
        return known;
      }
      this.#missesLeft--;
      this.#position = position;
    }
    this.#subject = bytes.latin1Slice(start, end);
    const change = this.#bySubject.get(this.#subject) ?? null;
    if (change !== null) this.#remember(change);
    return change;
  }

  #make(added: number[], removed: number[]): void {
    const change = { subject: this.#subject, added, removed };
    this.#bySubject.set(change.subject, change);
    this.#remember(change);
  }

  #remember(change: NamedChange): void {
    if (this.#position === -1) return;
    if (this.#known.length === 0)
      for (let position = 0; position < knownMax; position++) this.#known.push(null);
    this.#known[this.#position] = change;
  }
}

function positionOf(bytes: Buffer, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  return (hash ^ (hash >>> 11)) & (knownMax - 1);
}

function isSame(subject: string, bytes: Buffer, start: number, end: number): boolean {
  if (subject.length !== end - start) return false;
  for (let at = start; at < end; at++) if (subject.charCodeAt(at - start) !== bytes[at]) return false;
  return true;
}
