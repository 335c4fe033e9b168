/**
 * The subject that a delivery is acknowledged on: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer
 * sequence>.<nanoseconds>.<pending>`. From one delivery to the next little of it changes, so it is kept, and counted on
 * in place.
 */
import { DOT, NINE, viewBytes, type ViewedBytes, ZERO } from "../../../base/bytes.ts";
import { writeNumber, writePadded } from "../../../base/digits.ts";
import type { StoredMessage } from "../../../store/contract.ts";

/** The numbers in it that are the consumer's. */
export interface AckNumbers {
  deliveries: number;
  consumerSeq: number;
  pending: number;
}

/** Five numbers and their dots. */
const numbersBytesMax = 100;
const nsDigits = 6;

export class AckSubject {
  readonly viewed: ViewedBytes;
  /** Where it ends in {@link viewed}; it begins at 0. */
  end = 0;
  readonly #prefixBytes: number;
  // What it says now, and where each number ends.
  #deliveries = -1;
  #seq = 0;
  #seqStart = 0;
  #seqEnd = 0;
  #consumerSeq = 0;
  #consumerSeqEnd = 0;
  #timeMs = -1;
  #timeNs = -1;
  #timeEnd = 0;
  #pending = -1;

  /**
   * @param prefix wire string, up to and with the dot behind the consumer
   * @param bytesMin of {@link viewed}; what is behind {@link end} is the caller's, until the next `set`
   */
  constructor(prefix: string, bytesMin = 0) {
    this.#prefixBytes = prefix.length;
    this.viewed = viewBytes(Buffer.allocUnsafeSlow(Math.max(prefix.length + numbersBytesMax, bytesMin)));
    this.viewed.bytes.latin1Write(prefix, 0, prefix.length);
  }

  set({ seq, timeMs, timeNs }: StoredMessage, { deliveries, consumerSeq, pending }: AckNumbers): void {
    const isNext =
      deliveries === this.#deliveries && seq === this.#seq + 1 && consumerSeq === this.#consumerSeq + 1;
    this.#deliveries = deliveries;
    this.#seq = seq;
    this.#consumerSeq = consumerSeq;
    if (!isNext || !this.#countSeqsUp()) this.#writeSeqs();
    if (timeMs !== this.#timeMs || timeNs !== this.#timeNs) this.#writeTime(timeMs, timeNs);
    const isOneLess = pending === this.#pending - 1;
    this.#pending = pending;
    if (!isOneLess || !countDown(this.viewed.bytes, this.#timeEnd + 1, this.end))
      this.end = writeNumber(this.viewed.bytes, this.#timeEnd + 1, pending);
  }

  /** @returns false when one needs another digit */
  #countSeqsUp(): boolean {
    const { bytes } = this.viewed;
    return (
      countUp(bytes, this.#seqStart, this.#seqEnd) && countUp(bytes, this.#seqEnd + 1, this.#consumerSeqEnd)
    );
  }

  /** What stands behind them may have moved, and is to be written anew. */
  #writeSeqs(): void {
    const { bytes } = this.viewed;
    let at = writeNumber(bytes, this.#prefixBytes, this.#deliveries);
    bytes[at++] = DOT;
    this.#seqStart = at;
    this.#seqEnd = at = writeNumber(bytes, at, this.#seq);
    bytes[at++] = DOT;
    this.#consumerSeqEnd = at = writeNumber(bytes, at, this.#consumerSeq);
    bytes[at] = DOT;
    this.#timeMs = -1;
  }

  #writeTime(ms: number, ns: number): void {
    const { bytes } = this.viewed;
    const start = this.#consumerSeqEnd + 1;
    const nsStart = ms === this.#timeMs ? this.#timeEnd - nsDigits : writeNumber(bytes, start, ms);
    const end = writePadded(bytes, nsStart, ns, nsDigits);
    bytes[end] = DOT;
    if (end !== this.#timeEnd) this.#pending = -1;
    this.#timeMs = ms;
    this.#timeNs = ns;
    this.#timeEnd = end;
  }
}

/** Adds one to the number that stands in `bytes[start, end)`. @returns false when it needs another digit */
function countUp(bytes: Buffer, start: number, end: number): boolean {
  for (let at = end - 1; at >= start; at--) {
    const digit = bytes[at] as number;
    if (digit !== NINE) {
      bytes[at] = digit + 1;
      return true;
    }
    bytes[at] = ZERO;
  }
  return false;
}

/** Takes one from the number that stands in `bytes[start, end)`. @returns false when it needs a digit less, or was 0 */
function countDown(bytes: Buffer, start: number, end: number): boolean {
  for (let at = end - 1; at >= start; at--) {
    const digit = bytes[at] as number;
    if (digit !== ZERO) {
      bytes[at] = digit - 1;
      return at > start || digit > ZERO + 1 || end - start === 1;
    }
    bytes[at] = NINE;
  }
  return false;
}
