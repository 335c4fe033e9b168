/**
 * Proof of where a dead letter comes from. Whoever may publish where dead letters go can put any headers there, so the broker
 * signs what it puts there itself, with a key that never leaves the store: all headers, the payload, and the place where the
 * letter is kept, so that it proves nothing about a copy of it.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { encodeHeaders, type HeaderField, parseHeaders } from "../../../protocol/headers.ts";
import type { StoredMessage } from "../../../store/contract.ts";
import type { Stream } from "../../stream/stream.ts";

/** A consumer whose messages become dead letters. */
export interface LetterOrigin {
  readonly stream: Stream;
  /** Of the consumer. */
  readonly name: string;
}

export const deadLetterPrefix = "Frond-Dead-Letter-";
export const signatureHeader = `${deadLetterPrefix}Signature`;
/** Of the stream whose consumers the letters come from; not a part of its snapshots. */
const keyRecord = "dead-letter-key";
const keyBytes = 32;

/**
 * @param keeper the stream that is about to store the letter
 * @returns the field to be added to `fields`
 */
export function signatureOf(
  origin: Stream,
  keeper: Stream,
  fields: readonly HeaderField[],
  payload: Uint8Array,
): HeaderField {
  const seq = keeper.log.state.lastSeq + 1;
  // As they are read back.
  const { fields: stored } = parseHeaders(encodeHeaders(fields));
  return [signatureHeader, digest(keyOf(origin) ?? newKey(origin), keeper, seq, stored, payload)];
}

/** Whether the broker has put this message where it is, for a consumer of `origin`. */
export function isSigned(origin: Stream, keeper: Stream, letter: StoredMessage): boolean {
  const key = keyOf(origin);
  if (letter.headers === null || key === null) return false;
  const { fields } = parseHeaders(letter.headers);
  const given = fields.filter(([name]) => name === signatureHeader);
  const others = fields.filter(([name]) => name !== signatureHeader);
  const expected = Buffer.from(digest(key, keeper, letter.seq, others, letter.payload), "latin1");
  const found = Buffer.from(given[0]?.[1] ?? "", "latin1");
  return given.length === 1 && found.length === expected.length && timingSafeEqual(found, expected);
}

function digest(
  key: Buffer,
  keeper: Stream,
  seq: number,
  fields: readonly HeaderField[],
  payload: Uint8Array,
): string {
  const position = JSON.stringify([keeper.name, seq]);
  return createHmac("sha256", key)
    .update(`${position}\n`)
    .update(encodeHeaders(fields))
    .update(payload)
    .digest("base64url");
}

function keyOf({ store }: Stream): Buffer | null {
  return store.record(keyRecord)?.value ?? null;
}

function newKey({ store }: Stream): Buffer {
  const key = randomBytes(keyBytes);
  store.putRecord(keyRecord, key);
  return key;
}
