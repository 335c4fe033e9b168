/**
 * The messages that are out and not acknowledged: found by stream sequence, and in the order in which they were first
 * delivered. Numbers in typed arrays, so that a delivery and its ack make no object.
 */

const slotsMin = 64;
const none = -1;

export class PendingTable {
  #size = 0;
  #capacity = slotsMin;
  #seqs = new Float64Array(slotsMin);
  #consumerSeqs = new Float64Array(slotsMin);
  #stamps = new Float64Array(slotsMin);
  #before = new Int32Array(slotsMin);
  #after = new Int32Array(slotsMin);
  /** Slot + 1 by hash of the sequence, twice as many as slots; 0: free. */
  #index = new Int32Array(slotsMin * 2);
  #first = none;
  #last = none;
  /** Free slots are linked by `#after`. */
  #free = none;
  #used = 0;

  get size(): number {
    return this.#size;
  }

  has(seq: number): boolean {
    return this.#find(seq) !== none;
  }

  /** The consumer sequence of the first delivery; 0 when it is not there. */
  consumerSeq(seq: number): number {
    const slot = this.#find(seq);
    return slot === none ? 0 : (this.#consumerSeqs[slot] as number);
  }

  /** When the wait for its ack began; 0 when it is not there. */
  stamp(seq: number): number {
    const slot = this.#find(seq);
    return slot === none ? 0 : (this.#stamps[slot] as number);
  }

  /** @returns false when it is not there */
  setStamp(seq: number, stamp: number): boolean {
    const slot = this.#find(seq);
    if (slot === none) return false;
    this.#stamps[slot] = stamp;
    return true;
  }

  /** The sequence must not be there yet. */
  add(seq: number, consumerSeq: number, stamp: number): void {
    if (this.#free === none && this.#used === this.#capacity) this.#grow();
    let slot = this.#free;
    if (slot === none) slot = this.#used++;
    else this.#free = this.#after[slot] as number;
    this.#seqs[slot] = seq;
    this.#consumerSeqs[slot] = consumerSeq;
    this.#stamps[slot] = stamp;
    this.#before[slot] = this.#last;
    this.#after[slot] = none;
    if (this.#last === none) this.#first = slot;
    else this.#after[this.#last] = slot;
    this.#last = slot;
    this.#enter(slot);
    this.#size++;
  }

  /** @returns false when it was not there */
  remove(seq: number): boolean {
    const position = this.#position(seq);
    const slot = (this.#index[position] as number) - 1;
    if (slot < 0) return false;
    this.#leave(position);
    const before = this.#before[slot] as number;
    const after = this.#after[slot] as number;
    if (before === none) this.#first = after;
    else this.#after[before] = after;
    if (after === none) this.#last = before;
    else this.#before[after] = before;
    this.#after[slot] = this.#free;
    this.#free = slot;
    this.#size--;
    return true;
  }

  /** Of the one that was first delivered before all others; 0 when it is empty. */
  get firstSeq(): number {
    return this.#first === none ? 0 : (this.#seqs[this.#first] as number);
  }

  get firstConsumerSeq(): number {
    return this.#first === none ? 0 : (this.#consumerSeqs[this.#first] as number);
  }

  /** In the order of first deliveries. `visit` must not change the table. */
  forEach(visit: (seq: number, consumerSeq: number, stamp: number) => void): void {
    for (let slot = this.#first; slot !== none; slot = this.#after[slot] as number)
      visit(this.#seqs[slot] as number, this.#consumerSeqs[slot] as number, this.#stamps[slot] as number);
  }

  clear(): void {
    this.#size = 0;
    this.#first = none;
    this.#last = none;
    this.#free = none;
    this.#used = 0;
    this.#index.fill(0);
  }

  #find(seq: number): number {
    return (this.#index[this.#position(seq)] as number) - 1;
  }

  /** Where the sequence is in the index, or where it would be. */
  #position(seq: number): number {
    const mask = this.#index.length - 1;
    let position = hash(seq) & mask;
    for (;;) {
      const slot = (this.#index[position] as number) - 1;
      if (slot < 0 || this.#seqs[slot] === seq) return position;
      position = (position + 1) & mask;
    }
  }

  #enter(slot: number): void {
    this.#index[this.#position(this.#seqs[slot] as number)] = slot + 1;
  }

  /** Frees a place and moves up those behind it that would not be found any more. */
  #leave(freed: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let hole = freed;
    index[hole] = 0;
    for (let position = (hole + 1) & mask; index[position] !== 0; position = (position + 1) & mask) {
      const entry = index[position] as number;
      const home = hash(this.#seqs[entry - 1] as number) & mask;
      // It stays where its home lies behind the hole.
      if (((position - home) & mask) < ((position - hole) & mask)) continue;
      index[hole] = entry;
      index[position] = 0;
      hole = position;
    }
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    this.#seqs = grown(this.#seqs, new Float64Array(capacity));
    this.#consumerSeqs = grown(this.#consumerSeqs, new Float64Array(capacity));
    this.#stamps = grown(this.#stamps, new Float64Array(capacity));
    this.#before = grown(this.#before, new Int32Array(capacity));
    this.#after = grown(this.#after, new Int32Array(capacity));
    this.#capacity = capacity;
    this.#index = new Int32Array(capacity * 2);
    for (let slot = this.#first; slot !== none; slot = this.#after[slot] as number) this.#enter(slot);
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

function hash(seq: number): number {
  const mixed = Math.imul((seq | 0) ^ (Math.floor(seq / 0x1_0000_0000) | 0), 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}
