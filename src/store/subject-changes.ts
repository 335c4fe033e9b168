/** What a batch of operations does to the subjects of one stream. */

/** To one subject. A sequence may be in both: it came and went. */
export interface SubjectChange {
  /** Ascending, and behind all that the index has. */
  readonly added: number[];
  readonly removed: number[];
}

interface NamedChange extends SubjectChange {
  readonly subject: string;
}

/** Subjects that were met last, found by their bytes: to make a string of them and look that up takes three times as long. */
const knownMax = 256;
/** Longer ones are not looked for there. */
const knownBytesMax = 64;

export class SubjectChanges {
  readonly #bySubject = new Map<string, NamedChange>();
  readonly #known: (NamedChange | null)[] = [];

  get bySubject(): ReadonlyMap<string, SubjectChange> {
    return this.#bySubject;
  }

  /** Of the subject `bytes[start, end)`. */
  at(bytes: Buffer, start: number, end: number): SubjectChange {
    if (end - start > knownBytesMax) return this.#of(bytes.latin1Slice(start, end));
    let hash = 0;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const place = (hash ^ (hash >>> 15)) & (knownMax - 1);
    const known = this.#known[place] ?? null;
    if (known !== null && isSame(known.subject, bytes, start, end)) return known;
    const change = this.#of(bytes.latin1Slice(start, end));
    if (this.#known.length === 0) this.#known.push(...Array<null>(knownMax).fill(null));
    this.#known[place] = change;
    return change;
  }

  clear(): void {
    this.#bySubject.clear();
    this.#known.fill(null);
  }

  #of(subject: string): NamedChange {
    let change = this.#bySubject.get(subject);
    if (change === undefined) {
      change = { subject, added: [], removed: [] };
      this.#bySubject.set(subject, change);
    }
    return change;
  }
}

function isSame(subject: string, bytes: Buffer, start: number, end: number): boolean {
  if (subject.length !== end - start) return false;
  for (let at = start; at < end; at++) if (subject.charCodeAt(at - start) !== bytes[at]) return false;
  return true;
}
