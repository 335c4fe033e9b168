/** Decimal numbers written into bytes, without a string for each. */
import { ZERO } from "./bytes.ts";

const billion = 1_000_000_000;

/** How many bytes {@link writeNumber} takes. */
export function digitCount(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}

/** @param value whole and not negative @returns the position after it */
export function writeNumber(bytes: Buffer, start: number, value: number): number {
  // Division of small integers is many times faster than of others.
  if (value >= billion) {
    const high = Math.floor(value / billion);
    return writePadded(bytes, writeNumber(bytes, start, high), value - high * billion, 9);
  }
  let digits = 1;
  for (let rest = (value / 10) | 0; rest > 0; rest = (rest / 10) | 0) digits++;
  return writePadded(bytes, start, value, digits);
}

/** With zeros in front of it. @param value below 2^31 @returns the position after it */
export function writePadded(bytes: Buffer, start: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let at = start + digits - 1; at >= start; at--) {
    const higher = (rest / 10) | 0;
    bytes[at] = ZERO + rest - higher * 10;
    rest = higher;
  }
  return start + digits;
}
