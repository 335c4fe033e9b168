/**
 * From the bytes of a literal subject to a value, without making a string: the router's plans and the verdicts of
 * permission sets are both found this way.
 *
 * A set-associative table: keys lie in one arena, everything else in typed arrays. It compares whole keys and is
 * seeded, so whoever crafts colliding subjects buys misses and no more. An entry is stale when the generation of
 * its first token's cell, or that of leading wildcards, has moved since it was filled; so a subscription to
 * `orders.*` costs only the subjects below `orders` (and those that share its cell) a new match.
 */

const waysPerSet = 4;
const setsAtStart = 64;
/** 131,072 entries, enough to hold 100,000 subjects that are in use at once. */
const setsMax = 32_768;
const arenaBytesAtStart = 4_096;
const arenaBytesMax = 8 * 1024 * 1024;
const keyBytesMax = 256;
const generationCells = 1_024;
const dot = 0x2e;

export class RouteCache<V> {
  readonly #seed: number;
  readonly #generations = new Uint32Array(generationCells);
  #wildcardGeneration = 0;
  #setMask = setsAtStart - 1;
  #hashes = new Int32Array(setsAtStart * waysPerSet);
  #offsets = new Uint32Array(setsAtStart * waysPerSet);
  /** 0 marks a free entry. */
  #lengths = new Uint16Array(setsAtStart * waysPerSet);
  #cells = new Uint16Array(setsAtStart * waysPerSet);
  /** Sum of the two generations when the entry was filled; both only grow, so an equal sum means that neither moved. */
  #stamps = new Float64Array(setsAtStart * waysPerSet);
  #values: (V | undefined)[] = new Array<V | undefined>(setsAtStart * waysPerSet).fill(undefined);
  #arena: Buffer = Buffer.allocUnsafeSlow(arenaBytesAtStart);
  #arenaEnd = 0;
  #count = 0;
  #victim = 0;

  hits = 0;
  misses = 0;

  /** @param seed unpredictable to peers */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Entries filled and not yet replaced; stale ones count until something takes their place. */
  get size(): number {
    return this.#count;
  }

  /** The value kept for the subject `bytes[start, end)`, or undefined when there is none that is still true. */
  lookup(bytes: Buffer, start: number, end: number): V | undefined {
    const hash = this.#hash(bytes, start, end);
    const first = (hash & this.#setMask) * waysPerSet;
    const length = end - start;
    for (let entry = first; entry < first + waysPerSet; entry++) {
      if (this.#hashes[entry] !== hash || this.#lengths[entry] !== length) continue;
      if (!this.#keyEquals(entry, bytes, start, length)) continue;
      const generation =
        (this.#generations[this.#cells[entry] as number] as number) + this.#wildcardGeneration;
      if (this.#stamps[entry] !== generation) break;
      this.hits++;
      return this.#values[entry];
    }
    this.misses++;
    return undefined;
  }

  /** Keeps `value` for the subject; a longer subject than the table takes is simply not kept. */
  store(bytes: Buffer, start: number, end: number, value: V): void {
    const length = end - start;
    if (length === 0 || length > keyBytesMax) return;
    if (this.#count > (this.#setMask + 1) * 2) this.#grow();
    const hash = this.#hash(bytes, start, end);
    const known = this.#find(hash, bytes, start, length);
    const entry = known < 0 ? this.#claim(hash, bytes, start, length) : known;
    const cell = this.#cellOf(bytes, start, end);
    this.#cells[entry] = cell;
    this.#stamps[entry] = (this.#generations[cell] as number) + this.#wildcardGeneration;
    this.#values[entry] = value;
  }

  /** What `pattern` (a wire string, with or without wildcards) matches has changed: forgets just that, or little more. */
  invalidate(pattern: string): void {
    const firstEnd = pattern.indexOf(".");
    const first = firstEnd < 0 ? pattern : pattern.slice(0, firstEnd);
    if (first === "*" || first === ">") {
      this.#wildcardGeneration++;
      return;
    }
    const bytes = Buffer.from(pattern, "latin1");
    if (isLiteral(pattern)) {
      this.#drop(bytes);
      return;
    }
    const cell = this.#cellOf(bytes, 0, bytes.length);
    this.#generations[cell] = (this.#generations[cell] as number) + 1;
  }

  clear(): void {
    this.#lengths.fill(0);
    this.#values.fill(undefined);
    this.#arenaEnd = 0;
    this.#count = 0;
  }

  #drop(key: Buffer): void {
    const entry = this.#find(this.#hash(key, 0, key.length), key, 0, key.length);
    if (entry < 0) return;
    this.#lengths[entry] = 0;
    this.#values[entry] = undefined;
    this.#count--;
  }

  /** The entry that holds this key, stale or not; -1 when none does. */
  #find(hash: number, bytes: Buffer, start: number, length: number): number {
    const first = (hash & this.#setMask) * waysPerSet;
    for (let entry = first; entry < first + waysPerSet; entry++) {
      if (this.#hashes[entry] !== hash || this.#lengths[entry] !== length) continue;
      if (this.#keyEquals(entry, bytes, start, length)) return entry;
    }
    return -1;
  }

  /** Gives a free entry of the set, or that of the next victim, to a new key. */
  #claim(hash: number, bytes: Buffer, start: number, length: number): number {
    this.#ensureArena(length);
    const first = (hash & this.#setMask) * waysPerSet;
    let entry = first;
    while (entry < first + waysPerSet && this.#lengths[entry] !== 0) entry++;
    if (entry === first + waysPerSet) {
      this.#victim = (this.#victim + 1) & (waysPerSet - 1);
      entry = first + this.#victim;
    } else this.#count++;
    this.#hashes[entry] = hash;
    this.#offsets[entry] = this.#arenaEnd;
    this.#lengths[entry] = length;
    bytes.copy(this.#arena, this.#arenaEnd, start, start + length);
    this.#arenaEnd += length;
    return entry;
  }

  #keyEquals(entry: number, bytes: Buffer, start: number, length: number): boolean {
    const arena = this.#arena;
    const offset = this.#offsets[entry] as number;
    for (let at = 0; at < length; at++) if (arena[offset + at] !== bytes[start + at]) return false;
    return true;
  }

  /** Doubles the table, which empties it: the next matches fill it again. */
  #grow(): void {
    const sets = (this.#setMask + 1) * 4;
    if (sets > setsMax) return;
    this.#setMask = sets - 1;
    const entries = sets * waysPerSet;
    this.#hashes = new Int32Array(entries);
    this.#offsets = new Uint32Array(entries);
    this.#lengths = new Uint16Array(entries);
    this.#cells = new Uint16Array(entries);
    this.#stamps = new Float64Array(entries);
    this.#values = new Array<V | undefined>(entries).fill(undefined);
    this.clear();
  }

  #ensureArena(bytesMore: number): void {
    if (this.#arenaEnd + bytesMore <= this.#arena.length) return;
    if (this.#arena.length >= arenaBytesMax) {
      this.clear();
      return;
    }
    const larger = Buffer.allocUnsafeSlow(this.#arena.length * 4);
    this.#arena.copy(larger, 0, 0, this.#arenaEnd);
    this.#arena = larger;
  }

  #cellOf(bytes: Buffer, start: number, end: number): number {
    let hash = this.#seed;
    for (let at = start; at < end && bytes[at] !== dot; at++)
      hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    return (hash ^ (hash >>> 15)) & (generationCells - 1);
  }

  /** Four bytes a step; about 12 ns for 20 bytes. */
  #hash(bytes: Buffer, start: number, end: number): number {
    let hash = this.#seed;
    let at = start;
    for (const last = end - 3; at < last; at += 4) {
      const word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      hash = Math.imul(hash ^ word, 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    for (; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    return hash ^ (hash >>> 13);
  }
}

function isLiteral(pattern: string): boolean {
  return !/(^|\.)(\*|>)(\.|$)/.test(pattern);
}
