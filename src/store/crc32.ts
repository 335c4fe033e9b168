/** CRC-32 as in zlib: by the machine's own instructions where Node has it (20.15 and later), else by a table. */
import zlib from "node:zlib";

type Crc32 = (bytes: Uint8Array, seed?: number) => number;

const native = (zlib as { crc32?: Crc32 }).crc32;

export const crc32: Crc32 = native ?? ((bytes, seed = 0) => crc32ByTable(bytes, seed));

const table = new Int32Array(256).map((_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  return value;
});

export function crc32ByTable(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (let at = 0; at < bytes.length; at++)
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
