/**
 * What can be said of the file of LMDB without mapping it: a page that is missing or damaged may end a process that
 * reads it by way of the map, before anything could be checked. A file may well be shorter than its header says, where
 * the last pages are not in use; so then all of its pages are walked, otherwise those that lead to others.
 *
 * Layout: lmdb-js's LMDB, data version 2. All numbers are in the order of the machine, which is little-endian.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { DamageError } from "../journal/journal-segment.ts";

const pageHeaderBytes = 24;
const metaMagic = 0xbeefc0de;
const dataVersion = 2;
const flagBranch = 0x01;
const flagLeaf = 0x02;
const flagOverflow = 0x04;
const flagBigData = 0x01;
const nodeHeaderBytes = 8;
const noPage = 0xffff_ffff_ffff_ffffn;

interface Meta {
  readonly pageBytes: number;
  readonly freeRoot: bigint;
  readonly mainRoot: bigint;
  /** Of the trees: 1 is a lone leaf. */
  readonly freeDepth: number;
  readonly mainDepth: number;
  readonly lastPage: number;
  readonly transaction: number;
}

/**
 * @returns whether there is a file that anything stands in
 * @throws DamageError naming the file when it is no LMDB file, or pages that are in use are not in it
 */
export function checkDataFile(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = new DataFile(path);
  try {
    const meta = file.newest();
    file.walk(meta, file.bytes < (meta.lastPage + 1) * meta.pageBytes);
    return true;
  } finally {
    file.close();
  }
}

/** Reads every page that is in use. @returns how many those are. @throws DamageError */
export function walkDataFile(path: string): number {
  const file = new DataFile(path);
  try {
    return file.walk(file.newest(), true);
  } finally {
    file.close();
  }
}

class DataFile {
  readonly path: string;
  readonly bytes: number;
  readonly #fd: number;
  /** Of the walk that is under way. */
  #seen = new Set<number>();
  #pageBytes = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "r");
    this.bytes = fstatSync(this.#fd).size;
  }

  /** Of the two headers, that of the later transaction. LMDB needs both. */
  newest(): Meta {
    const first = this.#meta(0);
    const second = first === null ? null : this.#meta(first.pageBytes);
    if (first === null || second === null) throw this.damage("has no header that can be read");
    return second.transaction > first.transaction ? second : first;
  }

  /** @param isWhole or else only roots and pages that lead to others */
  walk(meta: Meta, isWhole: boolean): number {
    this.#seen = new Set();
    this.#pageBytes = meta.pageBytes;
    for (const [root, depth] of [
      [meta.freeRoot, meta.freeDepth],
      [meta.mainRoot, meta.mainDepth],
    ] as const)
      if (root !== noPage) this.#walkPage(Number(root), depth, isWhole ? 1 : Math.min(2, depth));
    return this.#seen.size;
  }

  close(): void {
    closeSync(this.#fd);
  }

  damage(what: string): DamageError {
    return new DamageError(`${this.path} ${what}`);
  }

  #meta(position: number): Meta | null {
    const bytes = this.#read(position, pageHeaderBytes + 136);
    if (bytes === null || bytes.readUInt32LE(pageHeaderBytes) !== metaMagic) return null;
    const at = pageHeaderBytes;
    const version = bytes.readUInt32LE(at + 4) & 0xffff;
    if (version !== dataVersion)
      throw new Error(`${this.path} has LMDB's data version ${version}; this program knows ${dataVersion}`);
    return {
      pageBytes: bytes.readUInt32LE(at + 24),
      freeRoot: bytes.readBigUInt64LE(at + 64),
      mainRoot: bytes.readBigUInt64LE(at + 112),
      freeDepth: bytes.readUInt16LE(at + 30),
      mainDepth: bytes.readUInt16LE(at + 78),
      lastPage: Number(bytes.readBigUInt64LE(at + 120)),
      transaction: Number(bytes.readBigUInt64LE(at + 128)),
    };
  }

  #walkPage(number: number, depth: number, depthMin: number): void {
    const size = this.#pageBytes;
    const page = this.#read(number * size, size);
    if (page === null) throw this.damage(`is truncated: page ${number}, which is in use, is not in it`);
    const flags = page.readUInt16LE(18);
    if (Number(page.readBigUInt64LE(0)) !== number || (flags & (flagBranch | flagLeaf)) === 0)
      throw this.damage(`is damaged at offset ${number * size}: page ${number} is none`);
    if (this.#seen.has(number) || depth < 1) throw this.damage(`is damaged: page ${number} is in use twice`);
    this.#seen.add(number);
    const isBranch = (flags & flagBranch) !== 0;
    const count = page.readUInt16LE(20) >> 1;
    for (let index = 0; index < count; index++) {
      const node = page.readUInt16LE(pageHeaderBytes + 2 * index) + pageHeaderBytes;
      if (node + nodeHeaderBytes > size)
        throw this.damage(`is damaged at offset ${number * size}: an entry of page ${number} is not in it`);
      if (!isBranch) this.#checkValue(page, node, number);
      else if (depth > depthMin) this.#walkPage(childOf(page, node), depth - 1, depthMin);
    }
  }

  /** Values too large for a page stand in pages of their own. */
  #checkValue(page: Buffer, node: number, number: number): void {
    const size = this.#pageBytes;
    const data = node + nodeHeaderBytes + page.readUInt16LE(node + 6);
    const dataBytes = page.readUInt32LE(node);
    if ((page.readUInt16LE(node + 4) & flagBigData) === 0) {
      if (data + dataBytes > size)
        throw this.damage(`is damaged at offset ${number * size}: a value of page ${number} is not in it`);
      return;
    }
    if (data + 8 > size) throw this.damage(`is damaged at offset ${number * size}`);
    const first = Number(page.readBigUInt64LE(data));
    const pages = Math.floor((pageHeaderBytes - 1 + dataBytes) / size) + 1;
    const header = this.#read(first * size, pageHeaderBytes);
    if (header === null || (first + pages) * size > this.bytes)
      throw this.damage(`is truncated: page ${first + pages - 1}, which is in use, is not in it`);
    if (Number(header.readBigUInt64LE(0)) !== first || (header.readUInt16LE(18) & flagOverflow) === 0)
      throw this.damage(`is damaged at offset ${first * size}: page ${first} is none`);
    for (let at = first; at < first + pages; at++) this.#seen.add(at);
  }

  /** Null when not all of it is there. */
  #read(position: number, count: number): Buffer | null {
    const bytes = Buffer.allocUnsafe(count);
    return position + count <= this.bytes && readSync(this.#fd, bytes, 0, count, position) === count
      ? bytes
      : null;
  }
}

function childOf(page: Buffer, node: number): number {
  return page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
}
