/**
 * What the reply subject of a delivered message tells of it:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or the same with
 * `<domain>.<account hash>` behind `$JS.ACK` and maybe more tokens at its end.
 */

const shortTokenCount = 9;
const longTokenCount = 11;

/** Filled in again and again. */
export class DeliveredReply {
  consumer = "";
  deliveries = 0;
  streamSeq = 0;
  consumerSeq = 0;
  timeMs = 0;
  timeNs = 0;
  pending = 0;
  /** Where each token begins; one more than there are tokens at most. */
  readonly #starts = new Int32Array(longTokenCount + 1);

  /** @returns false when `bytes[start, end)` is no such subject */
  parse(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 8 || bytes.latin1Slice(start, start + 8) !== "$JS.ACK.") return false;
    const starts = this.#starts;
    starts[0] = start;
    let tokenCount = 1;
    for (let at = start; at < end && tokenCount <= longTokenCount; at++)
      if (bytes[at] === DOT) starts[tokenCount++] = at + 1;
    if (tokenCount <= longTokenCount) starts[tokenCount] = end + 1;
    if (tokenCount !== shortTokenCount && tokenCount < longTokenCount) return false;
    const consumerAt = tokenCount === shortTokenCount ? 3 : 5;
    this.consumer = bytes.latin1Slice(this.#start(consumerAt), this.#end(consumerAt));
    this.deliveries = this.#number(bytes, consumerAt + 1);
    this.streamSeq = this.#number(bytes, consumerAt + 2);
    this.consumerSeq = this.#number(bytes, consumerAt + 3);
    this.pending = this.#number(bytes, consumerAt + 5);
    this.#readTime(bytes, this.#start(consumerAt + 4), this.#end(consumerAt + 4));
    return this.streamSeq > 0 && this.consumerSeq > 0;
  }

  /** The last six digits are nanoseconds within the millisecond. */
  #readTime(bytes: Buffer, start: number, end: number): void {
    const middle = Math.max(start, end - 6);
    this.timeMs = digits(bytes, start, middle);
    this.timeNs = digits(bytes, middle, end);
  }

  #number(bytes: Buffer, token: number): number {
    return digits(bytes, this.#start(token), this.#end(token));
  }

  #start(token: number): number {
    return this.#starts[token] as number;
  }

  #end(token: number): number {
    return (this.#starts[token + 1] as number) - 1;
  }
}

const DOT = 0x2e;
const ZERO = 0x30;

/** 0 when they are no digits. */
function digits(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}
