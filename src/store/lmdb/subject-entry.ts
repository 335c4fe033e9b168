/**
 * What the index says of one subject. Its *postings* are the sequences of its messages. The latest stand in the entry,
 * those of before in chunks of their own, once there are too many.
 *
 * Entry: the whole subject where it is too long for a key (length, bytes); the subject's number for its chunks (0: it has
 * none), count, first, last less first, how many postings are in the entry, and these, each less the one before, the
 * first of them less the entry's first. A lone posting is always in the entry, and left
 * out. Chunk: count, and each posting less the one before,
 * the first of which stands in the key. All are numbers as in `varint.ts`.
 */
import { subjectBytesMax } from "./keys.ts";
import { NumberReader, NumberWriter } from "../varint.ts";

export class SubjectEntry {
  count = 0;
  firstSeq = 0;
  lastSeq = 0;
  /** 0: it has no chunks. */
  number = 0;
  /** The latest postings, ascending; those before them are in chunks. */
  recent: number[] = [];
}

const writer = new NumberWriter();
const reader = new NumberReader();

export function encodeEntry(subject: string, entry: SubjectEntry): Buffer {
  const { count, firstSeq, lastSeq, number, recent } = entry;
  writer.clear();
  if (subject.length > subjectBytesMax) writer.putText(subject);
  writer.put(number);
  writer.put(count);
  writer.put(firstSeq);
  writer.put(lastSeq - firstSeq);
  if (count > 1) {
    writer.put(recent.length);
    let before = firstSeq;
    for (const seq of recent) {
      writer.put(seq - before);
      before = seq;
    }
  }
  return writer.take();
}

/** @returns the subject, where it was too long for a key; null otherwise */
export function decodeEntry(value: Buffer, isLong: boolean, into: SubjectEntry): string | null {
  reader.read(value);
  const subject = isLong ? reader.nextText() : null;
  into.number = reader.next();
  into.count = reader.next();
  into.firstSeq = reader.next();
  into.lastSeq = into.firstSeq + reader.next();
  const recent: number[] = [];
  if (into.count > 1) {
    let seq = into.firstSeq;
    for (let left = reader.next(); left > 0; left--) {
      seq += reader.next();
      recent.push(seq);
    }
  } else recent.push(into.firstSeq);
  into.recent = recent;
  return subject;
}

export function encodeChunk(postings: readonly number[]): Buffer {
  writer.clear();
  writer.put(postings.length);
  for (let index = 1; index < postings.length; index++)
    writer.put((postings[index] as number) - (postings[index - 1] as number));
  return writer.take();
}

export function decodeChunk(firstSeq: number, value: Buffer): number[] {
  reader.read(value);
  const count = reader.next();
  const postings = [firstSeq];
  let seq = firstSeq;
  for (let index = 1; index < count; index++) {
    seq += reader.next();
    postings.push(seq);
  }
  return postings;
}

export function chunkCount(value: Buffer): number {
  return reader.read(value).next();
}
