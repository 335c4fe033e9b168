/**
 * Any number of deadlines on one timer: a binary heap ordered by time, and a single Node timer armed for its top.
 * Cancelling is O(log n), since each deadline knows its place.
 */

export interface Deadline {
  readonly atMs: number;
  /** Harmless when it has fired or was cancelled before. */
  cancel(): void;
}

/** Node's timers hold a 31-bit count of milliseconds; a later deadline is reached in several steps. */
const timerDelayMsMax = 2 ** 31 - 1;

class Entry implements Deadline {
  readonly atMs: number;
  readonly callback: () => void;
  /** Of two that are due at the same time the one that was added first goes first. */
  readonly #serial: number;
  readonly #owner: Deadlines;
  /** Index in the heap; -1 when not in it. */
  position = -1;

  constructor(owner: Deadlines, atMs: number, serial: number, callback: () => void) {
    this.#owner = owner;
    this.atMs = atMs;
    this.#serial = serial;
    this.callback = callback;
  }

  isBefore(other: Entry): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.#serial < other.#serial);
  }

  cancel(): void {
    if (this.position >= 0) this.#owner.removeEntry(this);
  }
}

export class Deadlines {
  readonly #nowMs: () => number;
  readonly #heap: Entry[] = [];
  #lastSerial = 0;
  #timer: NodeJS.Timeout | null = null;
  #armedForMs = Infinity;
  #paused = false;

  readonly #onFault: (error: unknown) => void;

  /** @param onFault told of what a callback throws; the deadlines after it still fire */
  constructor(nowMs: () => number, onFault: (error: unknown) => void) {
    this.#nowMs = nowMs;
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(atMs: number, callback: () => void): Deadline {
    const entry = new Entry(this, atMs, ++this.#lastSerial, callback);
    entry.position = this.#heap.length;
    this.#heap.push(entry);
    this.#up(entry);
    this.#arm();
    return entry;
  }

  /** When the earliest deadline is due; null when there is none. */
  nextMs(): number | null {
    return this.#heap[0]?.atMs ?? null;
  }

  /** Runs what is due now, earliest first. A deadline added on the way waits for the next call, unless `countMax` allows it. */
  fireDue(countMax = Infinity): void {
    const now = this.#nowMs();
    try {
      for (let fired = 0; fired < countMax; fired++) {
        const top = this.#heap[0];
        if (top === undefined || top.atMs > now) break;
        this.removeEntry(top);
        this.#call(top);
      }
    } finally {
      // Whoever is told of a fault may throw it on; what is left still has its time.
      this.#arm();
    }
  }

  pause(): void {
    this.#paused = true;
    this.#disarm();
  }

  resume(): void {
    this.#paused = false;
    this.#arm();
  }

  close(): void {
    for (const entry of this.#heap) entry.position = -1;
    this.#heap.length = 0;
    this.#disarm();
  }

  /** For {@link Entry.cancel} alone. */
  removeEntry(entry: Entry): void {
    const last = this.#heap.pop();
    const position = entry.position;
    entry.position = -1;
    if (last === undefined || last === entry) return;
    last.position = position;
    this.#heap[position] = last;
    this.#up(last);
    this.#down(last);
  }

  #call(entry: Entry): void {
    try {
      entry.callback();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #arm(): void {
    const next = this.#heap[0]?.atMs;
    if (this.#paused || next === undefined) return this.#disarm();
    if (this.#timer !== null && this.#armedForMs <= next) return;
    this.#disarm();
    this.#armedForMs = next;
    const delayMs = Math.min(Math.max(1, Math.ceil(next - this.#nowMs())), timerDelayMsMax);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#armedForMs = Infinity;
      this.fireDue();
    }, delayMs);
    // The listeners keep a broker's process alive, not its timers.
    this.#timer.unref();
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#armedForMs = Infinity;
  }

  #up(entry: Entry): void {
    const heap = this.#heap;
    while (entry.position > 0) {
      const parent = heap[(entry.position - 1) >> 1] as Entry;
      if (parent.isBefore(entry)) return;
      this.#swap(parent, entry);
    }
  }

  #down(entry: Entry): void {
    const heap = this.#heap;
    for (;;) {
      const left = heap[2 * entry.position + 1];
      const right = heap[2 * entry.position + 2];
      const least = right !== undefined && left !== undefined && right.isBefore(left) ? right : left;
      if (least === undefined || entry.isBefore(least)) return;
      this.#swap(entry, least);
    }
  }

  /** `upper` is the parent of `lower`; they trade places. */
  #swap(upper: Entry, lower: Entry): void {
    const position = upper.position;
    upper.position = lower.position;
    lower.position = position;
    this.#heap[upper.position] = upper;
    this.#heap[lower.position] = lower;
  }
}
