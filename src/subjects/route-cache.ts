/**
 * From the bytes of a literal subject to a value, without making a string: the router's plans and the verdicts of
 * permission sets are both found this way.
 *
 * A set-associative table: keys lie in one arena, everything else in typed arrays. It compares whole keys and is
 * seeded, so whoever crafts colliding subjects buys misses and no more. An entry is stale when the generation of
 * its first token's cell, or that of leading wildcards, has moved since it was filled; so a subscription to
 * `orders.*` costs only the subjects below `orders` (and those that share its cell) a new match.
 */

import { DOT, LastView, viewBytes, type ViewedBytes } from "../base/bytes.ts";

const waysPerSet = 4;
const setsAtStart = 64;
/** 262,144 entries (4 MB), enough to hold 100,000 subjects that are in use at once with few sets overflowing. */
const setsMax = 65_536;
/**
 * An entry is four integers, and a set 64 bytes, a cache line: hash, place of the key in the arena, key length with
 * the first token's cell, and the generation when it was filled. With an array for each field, 100,000 subjects took
 * a third longer.
 */
const fields = 4;
const hashField = 0;
const offsetField = 1;
const shapeField = 2;
const stampField = 3;
const arenaBytesAtStart = 4_096;
const arenaBytesMax = 8 * 1024 * 1024;
const keyBytesMax = 256;
const generationCells = 1_024;
const lengthMask = 0x1ff;
const cellShift = 9;

export class RouteCache<V> {
  readonly #seed: number;
  readonly #generations = new Uint32Array(generationCells);
  #wildcardGeneration = 0;
  #setMask = setsAtStart - 1;
  /** A shape of 0 marks a free entry. */
  #entries = new Int32Array(setsAtStart * waysPerSet * fields);
  #values: (V | undefined)[] = new Array<V | undefined>(setsAtStart * waysPerSet).fill(undefined);
  #arena: ViewedBytes = viewBytes(Buffer.allocUnsafeSlow(arenaBytesAtStart));
  /** Of the bytes looked up last, which are mostly the same chunk as those before. */
  readonly #viewed = new LastView();
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
    const entry = this.#find(hash, bytes, start, end - start);
    if (
      entry >= 0 &&
      this.#entries[entry * fields + stampField] ===
        this.#stamp((this.#entries[entry * fields + shapeField] as number) >>> cellShift)
    ) {
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
    const entry = known < 0 ? this.#claim(hash, bytes, start, end) : known;
    const position = entry * fields;
    this.#entries[position + stampField] = this.#stamp(
      (this.#entries[position + shapeField] as number) >>> cellShift,
    );
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

  /** The values that are still true, in no particular order. Nothing may be stored meanwhile. */
  *values(): Generator<V> {
    for (let entry = 0; entry < this.#values.length; entry++) {
      const shape = this.#entries[entry * fields + shapeField] as number;
      if (shape === 0 || this.#entries[entry * fields + stampField] !== this.#stamp(shape >>> cellShift))
        continue;
      yield this.#values[entry] as V;
    }
  }

  /** Forgets what is kept for `key`, a wire string. */
  forget(key: string): void {
    this.#drop(Buffer.from(key, "latin1"));
  }

  clear(): void {
    this.#entries.fill(0);
    this.#values.fill(undefined);
    this.#arenaEnd = 0;
    this.#count = 0;
  }

  /** Both generations only grow (and wrap alike), so an equal sum means that neither moved. */
  #stamp(cell: number): number {
    return ((this.#generations[cell] as number) + this.#wildcardGeneration) | 0;
  }

  #drop(key: Buffer): void {
    const entry = this.#find(this.#hash(key, 0, key.length), key, 0, key.length);
    if (entry < 0) return;
    this.#entries[entry * fields + shapeField] = 0;
    this.#values[entry] = undefined;
    this.#count--;
  }

  /** The entry that holds this key, stale or not; -1 when none does. */
  #find(hash: number, bytes: Buffer, start: number, length: number): number {
    const entries = this.#entries;
    const first = (hash & this.#setMask) * waysPerSet;
    for (let entry = first; entry < first + waysPerSet; entry++) {
      const position = entry * fields;
      if (entries[position + hashField] !== hash) continue;
      if (((entries[position + shapeField] as number) & lengthMask) !== length) continue;
      if (this.#keyEquals(entries[position + offsetField] as number, bytes, start, length)) return entry;
    }
    return -1;
  }

  /** Gives a free entry of the set, or that of the next victim, to a new key. */
  #claim(hash: number, bytes: Buffer, start: number, end: number): number {
    this.#ensureArena(end - start);
    const first = (hash & this.#setMask) * waysPerSet;
    let entry = first;
    while (entry < first + waysPerSet && this.#entries[entry * fields + shapeField] !== 0) entry++;
    if (entry === first + waysPerSet) {
      this.#victim = (this.#victim + 1) & (waysPerSet - 1);
      entry = first + this.#victim;
    } else this.#count++;
    const position = entry * fields;
    this.#entries[position + hashField] = hash;
    this.#entries[position + offsetField] = this.#arenaEnd;
    this.#entries[position + shapeField] = (end - start) | (this.#cellOf(bytes, start, end) << cellShift);
    bytes.copy(this.#arena.bytes, this.#arenaEnd, start, end);
    this.#arenaEnd += end - start;
    return entry;
  }

  /** Compares four bytes a step; the last step may look at some again. */
  #keyEquals(offset: number, bytes: Buffer, start: number, length: number): boolean {
    const arena = this.#arena.view;
    const view = this.#viewed.of(bytes).view;
    if (length < 4) {
      for (let at = 0; at < length; at++)
        if (arena.getUint8(offset + at) !== view.getUint8(start + at)) return false;
      return true;
    }
    const last = length - 4;
    for (let at = 0; at < last; at += 4) {
      if (arena.getInt32(offset + at, true) !== view.getInt32(start + at, true)) return false;
    }
    return arena.getInt32(offset + last, true) === view.getInt32(start + last, true);
  }

  /** Makes the table four times as large, which empties it: the next matches fill it again. */
  #grow(): void {
    const sets = (this.#setMask + 1) * 4;
    if (sets > setsMax) return;
    this.#setMask = sets - 1;
    this.#entries = new Int32Array(sets * waysPerSet * fields);
    this.#values = new Array<V | undefined>(sets * waysPerSet).fill(undefined);
    this.clear();
  }

  #ensureArena(bytesMore: number): void {
    const { bytes } = this.#arena;
    if (this.#arenaEnd + bytesMore <= bytes.length) return;
    if (bytes.length >= arenaBytesMax) {
      this.clear();
      return;
    }
    const larger = Buffer.allocUnsafeSlow(bytes.length * 4);
    bytes.copy(larger, 0, 0, this.#arenaEnd);
    this.#arena = viewBytes(larger);
  }

  #cellOf(bytes: Buffer, start: number, end: number): number {
    let hash = this.#seed;
    for (let at = start; at < end && bytes[at] !== DOT; at++)
      hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    return (hash ^ (hash >>> 15)) & (generationCells - 1);
  }

  /** Four bytes a step. */
  #hash(bytes: Buffer, start: number, end: number): number {
    const view = this.#viewed.of(bytes).view;
    let hash = this.#seed;
    let at = start;
    for (const last = end - 3; at < last; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
    return hash ^ (hash >>> 13);
  }
}

function isLiteral(pattern: string): boolean {
  return !/(^|\.)(\*|>)(\.|$)/.test(pattern);
}
