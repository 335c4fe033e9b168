/**
 * Changes to the header block of a message before it is stored, with the bytes that nats-server's come out with: what is
 * added stands last, what is set stays where it was. Blocks given are never changed.
 */
import { removeHeader } from "../../../protocol/headers.ts";

const versionLine = "NATS/1.0\r\n";
/** `NATS/1.0\r\n\r\n`: says nothing. */
const emptyBlockBytes = 12;

/** Adds a line behind all others. @param block null when there is none yet */
export function addField(block: Uint8Array | null, name: string, value: string): Buffer {
  const line = `${name}: ${cleanValue(value)}\r\n\r\n`;
  if (block === null || block.length <= 2) return Buffer.from(versionLine + line, "latin1");
  return Buffer.concat([block.subarray(0, block.length - 2), Buffer.from(line, "latin1")]);
}

/** Gives the first field of that name this value where it stands, or adds it. */
export function setField(block: Uint8Array | null, name: string, value: string): Buffer {
  if (block === null) return addField(null, name, value);
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length);
  const found = bytes.indexOf(`\r\n${name}:`, 0, "latin1");
  if (found < 0) return addField(bytes, name, value);
  let start = found + name.length + 3;
  if (bytes[start] === 0x20) start++;
  const end = bytes.indexOf(0x0d, start);
  if (end < 0) return bytes;
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(value, "latin1"), bytes.subarray(end)]);
}

/** Without any field of that name; null when nothing would be left. */
export function dropField(block: Uint8Array, name: string): Uint8Array | null {
  return removeHeader(block, name);
}

/** Without all lines that begin with `prefix`; null when nothing would be left. */
export function dropFields(block: Uint8Array, prefix: string): Buffer | null {
  const lines = Buffer.from(block.buffer, block.byteOffset, block.length).latin1Slice().split("\r\n");
  const kept = lines.filter((line, at) => at === 0 || !line.startsWith(prefix));
  const bytes = Buffer.from(kept.join("\r\n"), "latin1");
  return bytes.length <= emptyBlockBytes ? null : bytes;
}

/** Whether there is a status in the first line, as in what a broker says itself. */
export function hasStatus(bytes: Buffer, start: number, headerBytes: number): boolean {
  return headerBytes > 10 && bytes[start + 8] !== 0x0d && bytes.latin1Slice(start, start + 8) === "NATS/1.0";
}

/** Without its status; null when nothing would be left. */
export function dropStatus(block: Uint8Array): Buffer | null {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length);
  const end = bytes.indexOf(0x0d);
  if (end <= 8) return bytes;
  const rest = Buffer.concat([bytes.subarray(0, 8), bytes.subarray(end)]);
  return rest.length === emptyBlockBytes ? null : rest;
}

function cleanValue(value: string): string {
  return value.replace(/[\r\n]/g, " ").trim();
}
