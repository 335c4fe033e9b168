/**
 * A stream's own record: where it belongs and how it stands. One for each stream, so that a store opens with one walk
 * over them. Value: twelve numbers (f64, little-endian) in the order of `encodeState`, length of the account (u32), account,
 * name.
 */

import type { LogCounters } from "../log-counters.ts";

export interface StreamState extends LogCounters {
  readonly account: string;
  readonly name: string;
  /** Of its messages and their index; another after a full purge. */
  incarnation: number;
  subjectCount: number;
  nextSubjectNumber: number;
  /** Records of message ids so far, for their keys. */
  messageIdRecords: number;
}

const numbersEnd = 12 * 8;

export function freshState(account: string, name: string, incarnation: number): StreamState {
  return {
    account,
    name,
    incarnation,
    messages: 0,
    bytes: 0,
    firstSeq: 0,
    lastSeq: 0,
    firstMs: 0,
    firstNs: 0,
    lastMs: 0,
    lastNs: 0,
    subjectCount: 0,
    nextSubjectNumber: 1,
    messageIdRecords: 0,
  };
}

export function encodeState(state: StreamState): Buffer {
  const account = Buffer.from(state.account);
  const name = Buffer.from(state.name);
  const value = Buffer.alloc(numbersEnd + 4 + account.length + name.length);
  const numbers = [
    state.incarnation,
    state.messages,
    state.bytes,
    state.firstSeq,
    state.lastSeq,
    state.firstMs,
    state.firstNs,
    state.lastMs,
    state.lastNs,
    state.subjectCount,
    state.nextSubjectNumber,
    state.messageIdRecords,
  ];
  for (const [index, number] of numbers.entries()) value.writeDoubleLE(number, index * 8);
  value.writeUInt32LE(account.length, numbersEnd);
  account.copy(value, numbersEnd + 4);
  name.copy(value, numbersEnd + 4 + account.length);
  return value;
}

export function decodeState(value: Buffer): StreamState {
  const nameStart = numbersEnd + 4 + value.readUInt32LE(numbersEnd);
  return {
    account: value.utf8Slice(numbersEnd + 4, nameStart),
    name: value.utf8Slice(nameStart, value.length),
    incarnation: value.readDoubleLE(0),
    messages: value.readDoubleLE(8),
    bytes: value.readDoubleLE(16),
    firstSeq: value.readDoubleLE(24),
    lastSeq: value.readDoubleLE(32),
    firstMs: value.readDoubleLE(40),
    firstNs: value.readDoubleLE(48),
    lastMs: value.readDoubleLE(56),
    lastNs: value.readDoubleLE(64),
    subjectCount: value.readDoubleLE(72),
    nextSubjectNumber: value.readDoubleLE(80),
    messageIdRecords: value.readDoubleLE(88),
  };
}
