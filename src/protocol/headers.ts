/**
 * The header block of a message: `NATS/1.0[ code[ description]]`, lines of `Name: value`, an empty line, each
 * ended by CRLF. Publishers may send anything in its place, so reading is lenient and finds what nats-server finds:
 * a name counts where CRLF comes before it and a colon after, with the case it is written in.
 *
 * Names and values are wire strings, one character a byte. Blocks given are never changed, and never kept.
 */

import { assert } from "../base/assert.ts";
import { CR, emptyBytes, LF, SPACE } from "../base/bytes.ts";

const versionLine = "NATS/1.0";
/** A block this short has no fields: `NATS/1.0\r\n\r\n`. */
const emptyBlockBytes = 12;

export type HeaderField = readonly [name: string, value: string];

export interface Headers {
  /** Null when the first line has no number after the version. */
  readonly code: number | null;
  readonly description: string;
  /** In the order of the block, repeated names included. */
  readonly fields: readonly HeaderField[];
}

/** The first value of `name`, without the blanks before it; null when there is none. Makes no string but the value. */
export function headerValue(block: Uint8Array, name: string): string | null {
  const buffer = bufferOf(block);
  const start = findField(buffer, name, 0);
  if (start < 0) return null;
  const valueStart = skipBlanks(buffer, start + name.length + 1);
  return buffer.latin1Slice(valueStart, lineEnd(buffer, valueStart));
}

/** Everything in a block, for those who show it or go through it; lines without a colon are left out. */
export function parseHeaders(block: Uint8Array): Headers {
  const lines = bufferOf(block).latin1Slice(0, block.length).split("\r\n");
  const status = /^NATS\/1\.0 +([0-9]{3})(?![0-9]) *(.*)$/s.exec(lines[0] as string);
  const fields: HeaderField[] = [];
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.push([line.slice(0, colon), line.slice(colon + 1).replace(/^ +/, "")]);
  }
  return {
    code: status === null ? null : Number(status[1]),
    description: status?.[2]?.trimEnd() ?? "",
    fields,
  };
}

/** A block without a status. */
export function encodeHeaders(fields: readonly HeaderField[]): Buffer {
  return encode(versionLine, fields);
}

/** A block that tells how something went, such as `NATS/1.0 503` for no responders. */
export function encodeStatus(code: number, description = "", fields: readonly HeaderField[] = []): Buffer {
  assert(Number.isInteger(code) && code >= 100 && code <= 999, `a status has three digits, not ${code}`);
  return encode(`${versionLine} ${code}${description === "" ? "" : ` ${cleanText(description)}`}`, fields);
}

/**
 * A new block in which `name` has just this value; it stands last.
 *
 * @param block null or empty for a message without headers
 */
export function setHeader(block: Uint8Array | null, name: string, value: string): Buffer {
  const field = fieldLine([name, value]);
  const rest = block === null ? null : removeHeader(block, name);
  if (rest === null || rest.length === 0) return Buffer.from(`${versionLine}\r\n${field}\r\n`, "latin1");
  // A block may lack its empty line, or even the end of its last line.
  const lastLineEnds = endsLine(rest, rest.length);
  const end = lastLineEnds && endsLine(rest, rest.length - 2) ? rest.length - 2 : rest.length;
  return Buffer.concat([
    rest.subarray(0, end),
    Buffer.from(`${lastLineEnds ? "" : "\r\n"}${field}\r\n`, "latin1"),
  ]);
}

/** The block without any field of this name: itself when there was none, null when nothing but the version would be left. */
export function removeHeader(block: Uint8Array, name: string): Uint8Array | null {
  const buffer = bufferOf(block);
  const kept: Buffer[] = [];
  let keptTo = 0;
  for (let start = findField(buffer, name, 0); start >= 0; start = findField(buffer, name, keptTo)) {
    kept.push(buffer.subarray(keptTo, start));
    keptTo = Math.min(lineEnd(buffer, start) + 2, buffer.length);
  }
  if (kept.length === 0) return block;
  const rest = Buffer.concat([...kept, buffer.subarray(keptTo)]);
  return rest.length <= emptyBlockBytes ? null : rest;
}

function encode(firstLine: string, fields: readonly HeaderField[]): Buffer {
  return Buffer.from(`${firstLine}\r\n${fields.map(fieldLine).join("")}\r\n`, "latin1");
}

function fieldLine([name, value]: HeaderField): string {
  assert(/^[!-9;-~]+$/.test(name), `not a header name: ${JSON.stringify(name)}`);
  return `${name}: ${cleanText(value)}\r\n`;
}

/** Line breaks become blanks, so that no value can end its line and begin another header. */
function cleanText(text: string): string {
  if (!/[\r\n\u0100-\uffff]/.test(text)) return text;
  assert(!/[\u0100-\uffff]/.test(text), "headers are made of wire strings");
  return text.replace(/[\r\n]/g, " ");
}

/** Where the next line of `name` starts, at `from` or after; -1 when there is none. */
function findField(block: Buffer, name: string, from: number): number {
  const lineBreak = block.indexOf(`\r\n${name}:`, Math.max(from - 2, 0), "latin1");
  return lineBreak < 0 ? -1 : lineBreak + 2;
}

function skipBlanks(block: Buffer, from: number): number {
  let at = from;
  while (at < block.length && block[at] === SPACE) at++;
  return at;
}

/** Position of the next CRLF, or the end of the block. */
function lineEnd(block: Buffer, from: number): number {
  for (let at = block.indexOf(CR, from); at >= 0; at = block.indexOf(CR, at + 1))
    if (block[at + 1] === LF) return at;
  return block.length;
}

function endsLine(block: Uint8Array, end: number): boolean {
  return end >= 2 && block[end - 1] === LF && block[end - 2] === CR;
}

function bufferOf(block: Uint8Array): Buffer {
  if (Buffer.isBuffer(block)) return block;
  return block.length === 0 ? emptyBytes : Buffer.from(block.buffer, block.byteOffset, block.length);
}
