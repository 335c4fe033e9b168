/**
 * Bytes from the other end of a link to operations. Like the parser of clients (`protocol/parser.ts`): what a chunk
 * holds whole is parsed in place, what is split over chunks is gathered in a buffer made for it alone, bounded by the
 * limits. Messages are handed over in canonical form; a line that is in another, as each with queue groups is, gets
 * it in place, since that is never longer than the line was.
 */
import { CR, LF, NINE, SPACE, TAB, ZERO } from "../base/bytes.ts";
import { splitArguments } from "../protocol/control-line.ts";
import { controlLineTooLong, malformed, payloadTooLarge, unknownOperation } from "../protocol/errors.ts";
import { RepeatedLine } from "../protocol/repeated-line.ts";
import { readMessageLine } from "./message-line.ts";
import type { LeafOperations } from "./operations.ts";

export interface LeafParserLimits {
  /** Of the arguments. Links may have longer lines than clients; see {@link lineBytesFactor}. */
  readonly maxControlLineBytes: number;
  readonly maxPayloadBytes: number;
}

/** Source: nats-server `overMaxControlLineLimit`. */
const lineBytesFactor = 16;
const operationSlackBytes = 16;
const pendingLineBytesAtStart = 512;
const noQueues: readonly string[] = [];

/**
 * `connect`: nothing else, so that no stranger gets an answer, nor makes the broker gather a message. `info`: what a hub
 * says before the link is made, to a leaf that has dialled it.
 */
export type Expectation = "info" | "connect" | "anything";

export class LeafParser {
  readonly #handler: LeafOperations;
  limits: LeafParserLimits;
  #expected: Expectation = "anything";
  /** The start of an operation that has not come whole; null between operations. */
  #pending: Buffer | null = null;
  #pendingBytes = 0;
  /** How long the pending operation is in all; -1 while its line has no end yet. */
  #pendingNeed = -1;
  #paused = false;
  #closed = false;
  /** What came while paused. */
  #remainder: Buffer | null = null;
  readonly #repeated = new RepeatedLine();

  constructor(handler: LeafOperations, limits: LeafParserLimits) {
    this.#handler = handler;
    this.limits = limits;
  }

  /** Bytes kept for later. */
  get heldBytes(): number {
    return (this.#pending?.length ?? 0) + (this.#remainder?.length ?? 0);
  }

  expect(expectation: Expectation): void {
    this.#expected = expectation;
  }

  /** @throws ProtocolError for what the other end did wrong; the parser must then be closed */
  parse(chunk: Buffer, start: number, end: number, stable: boolean): void {
    if (this.#closed) return;
    if (this.#paused) return this.#keep(chunk, start, end);
    let at = start;
    while (this.#pending !== null && at < end && !this.#closed) {
      at = this.#gather(chunk, at, end);
      if (this.#paused) return this.#keep(chunk, at, end);
    }
    if (at < end && !this.#closed) this.#run(chunk, at, end, stable);
  }

  /** Hands nothing over until {@link resume}; may be called from within an operation. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    const remainder = this.#remainder;
    this.#remainder = null;
    if (remainder !== null) this.parse(remainder, 0, remainder.length, true);
  }

  close(): void {
    this.#closed = true;
    this.#repeated.end();
    this.#pending = null;
    this.#remainder = null;
  }

  #run(bytes: Buffer, from: number, end: number, stable: boolean): void {
    this.#repeated.begin(bytes);
    let at = from;
    while (at < end && !this.#closed && !this.#paused) {
      const next = this.#repeated.isAt(at, end)
        ? this.#messageAgain(bytes, at, end, stable)
        : this.#operation(bytes, at, end, stable);
      if (next < 0) {
        this.#stash(bytes, at, end, -next);
        at = end;
      } else at = next;
    }
    this.#repeated.end();
    if (this.#paused) this.#keep(bytes, at, end);
  }

  /**
   * Hands over the operation that starts at `at`.
   * @returns the position after it; or, when it is not whole, the negative of its length in all, -1 if unknown
   */
  #operation(bytes: Buffer, at: number, end: number, stable: boolean): number {
    const first = bytes[at] as number;
    if (
      end - at > 8 &&
      (first === 0x4c || first === 0x48) &&
      bytes[at + 1] === 0x4d &&
      bytes[at + 2] === 0x53 &&
      bytes[at + 3] === 0x47 &&
      bytes[at + 4] === SPACE &&
      this.#expected === "anything"
    ) {
      const next = this.#message(bytes, at, end, first === 0x48, stable);
      if (next !== 0) return next;
    }
    if (first === 0x4c && bytes[at + 2] === 0x2b && this.#expected === "anything") {
      const next = this.#plainInterest(bytes, at, end);
      if (next !== 0) return next;
    }
    return this.#line(bytes, at, end, stable);
  }

  /** `LS+ subject` with one blank, of which a link that is made may bring a hundred thousand. Returns as {@link #message}. */
  #plainInterest(bytes: Buffer, at: number, end: number): number {
    const start = at + 4;
    if (bytes[at + 1] !== 0x53 || bytes[at + 3] !== SPACE) return 0;
    let scan = start;
    while (scan < end && (bytes[scan] as number) > SPACE) scan++;
    if (scan === start || scan + 1 >= end || bytes[scan] !== CR || bytes[scan + 1] !== LF) return 0;
    if (scan - start > this.limits.maxControlLineBytes * lineBytesFactor) throw controlLineTooLong();
    this.#repeated.forget();
    this.#handler.onInterest(bytes.latin1Slice(start, scan), null, 1);
    return scan + 2;
  }

  /** The line at `at` is the last one again. Returns as {@link #operation}. */
  #messageAgain(bytes: Buffer, at: number, end: number, stable: boolean): number {
    const line = this.#repeated;
    const bodyStart = at + line.length;
    const bodyEnd = bodyStart + line.size;
    if (bodyEnd + 2 > end) return -(bodyEnd + 2 - at);
    checkBodyEnd(bytes, bodyEnd);
    const subjectEnd = at + line.subjectEnd;
    const tailStart = subjectEnd + 1;
    this.#handler.onMessage(
      bytes,
      at + 5,
      subjectEnd,
      tailStart,
      at + line.replyEnd,
      tailStart,
      line.headerBytes,
      bodyStart,
      bodyEnd,
      stable,
      true,
      noQueues,
    );
    return bodyEnd + 2;
  }

  /** The commonest form: `LMSG subject [reply] <sizes>` with single blanks. @returns as {@link #operation}; 0 when it is in another form or not whole */
  #message(bytes: Buffer, at: number, end: number, hasHeaders: boolean, stable: boolean): number {
    const subjectStart = at + 5;
    let scan = subjectStart;
    let byte = 0;
    while (scan < end && (byte = bytes[scan] as number) > SPACE) scan++;
    if (byte !== SPACE || scan === subjectStart) return 0;
    const subjectEnd = scan++;
    const tailStart = scan;
    let tokens = 0;
    let tokenStart = scan;
    let replyEnd = tailStart;
    let headerBytes = -1;
    let size = 0;
    let digits = true;
    const tokensNeeded = hasHeaders ? 2 : 1;
    for (;;) {
      if (scan >= end) return 0;
      byte = bytes[scan++] as number;
      if (byte >= ZERO && byte <= NINE) {
        size = size * 10 + (byte - ZERO);
        continue;
      }
      if (byte > SPACE) {
        digits = false;
        continue;
      }
      const tokenBytes = scan - 1 - tokenStart;
      if (tokenBytes === 0) return 0;
      tokens++;
      const isSize = digits && tokenBytes <= 9 && !(tokenBytes > 1 && bytes[tokenStart] === ZERO);
      if (byte === SPACE) {
        if (tokens > tokensNeeded) return 0;
        if (tokens === 1) replyEnd = scan - 1;
        headerBytes = isSize ? size : -1;
        tokenStart = scan;
        size = 0;
        digits = true;
        continue;
      }
      if (byte !== CR || scan >= end || bytes[scan] !== LF || !isSize) return 0;
      break;
    }
    if (tokens < tokensNeeded || (hasHeaders && headerBytes <= 0)) return 0;
    if (tokens === tokensNeeded) replyEnd = tailStart;
    const bodyStart = scan + 1;
    if (bodyStart - subjectStart > this.limits.maxControlLineBytes * lineBytesFactor)
      throw controlLineTooLong();
    const known = hasHeaders ? headerBytes : 0;
    const bodyEnd = this.#bodyEnd(bytes, known, bodyStart, size, end);
    if (bodyEnd < 0) return -(bodyStart + size + 2 - at);
    this.#repeated.remember(at, bodyStart - at, subjectEnd, replyEnd, known, size);
    this.#handler.onMessage(
      bytes,
      subjectStart,
      subjectEnd,
      tailStart,
      replyEnd,
      tailStart,
      known,
      bodyStart,
      bodyEnd,
      stable,
      false,
      noQueues,
    );
    return bodyEnd + 2;
  }

  /** Where the body ends; -1 when it is not all there. */
  #bodyEnd(bytes: Buffer, headerBytes: number, bodyStart: number, size: number, end: number): number {
    const { maxPayloadBytes } = this.limits;
    if (headerBytes > size) throw malformed(`HMSG with ${headerBytes} header bytes in ${size}`);
    if (size > maxPayloadBytes) throw payloadTooLarge(size, maxPayloadBytes);
    const bodyEnd = bodyStart + size;
    if (bodyEnd + 2 > end) return -1;
    checkBodyEnd(bytes, bodyEnd);
    return bodyEnd;
  }

  /** Any operation, in any form. Returns as {@link #operation}. */
  #line(bytes: Buffer, at: number, end: number, stable: boolean): number {
    this.#repeated.forget();
    const feed = bytes.indexOf(LF, at);
    if (feed < 0 || feed >= end) {
      this.#checkStart(bytes, at, end);
      return -1;
    }
    const lineEnd = feed > at && bytes[feed - 1] === CR ? feed - 1 : feed;
    const nameEnd = nameEndOf(bytes, at, lineEnd);
    let argsStart = nameEnd;
    while (argsStart < lineEnd && isBlank(bytes[argsStart] as number)) argsStart++;
    const name = bytes.latin1Slice(at, Math.min(nameEnd, at + 16)).toUpperCase();
    if (lineEnd - argsStart > this.limits.maxControlLineBytes * lineBytesFactor) throw controlLineTooLong();
    this.#checkExpected(name);
    switch (name) {
      case "LMSG":
      case "HMSG":
        return this.#messageLoosely(bytes, at, argsStart, lineEnd, feed + 1, end, name === "HMSG", stable);
      case "LS+":
        this.#interest(splitArguments(bytes, argsStart, lineEnd));
        break;
      case "LS-":
        this.#noInterest(splitArguments(bytes, argsStart, lineEnd));
        break;
      case "CONNECT":
        this.#handler.onConnect(bytes.subarray(argsStart, lineEnd));
        break;
      case "INFO":
        this.#handler.onInfo(bytes.subarray(argsStart, lineEnd));
        break;
      case "-ERR":
        this.#handler.onError(bytes.latin1Slice(argsStart, lineEnd));
        break;
      case "PING":
        this.#handler.onPing();
        break;
      case "PONG":
        this.#handler.onPong();
        break;
      case "+OK":
        break;
      default:
        throw unknownOperation(JSON.stringify(name));
    }
    return feed + 1;
  }

  #interest(args: readonly string[]): void {
    const [subject = "", queue = "", weight = ""] = args;
    if (args.length === 1) return this.#handler.onInterest(subject, null, 1);
    if (args.length !== 3) throw malformed(`LS+ with ${args.length} arguments`);
    this.#handler.onInterest(subject, queue, /^\d{1,9}$/.test(weight) ? Math.max(1, Number(weight)) : 1);
  }

  #noInterest(args: readonly string[]): void {
    if (args.length !== 1 && args.length !== 2) throw malformed(`LS- with ${args.length} arguments`);
    this.#handler.onNoInterest(args[0] as string, args[1] ?? null);
  }

  /** The canonical head is written over the end of the line. */
  #messageLoosely(
    bytes: Buffer,
    at: number,
    argsStart: number,
    lineEnd: number,
    bodyStart: number,
    end: number,
    hasHeaders: boolean,
    stable: boolean,
  ): number {
    const args = splitArguments(bytes, argsStart, lineEnd);
    const { head, replyBytes, headerBytes, size, queues } = readMessageLine(args, hasHeaders);
    const bodyEnd = this.#bodyEnd(bytes, headerBytes, bodyStart, size, end);
    if (bodyEnd < 0) return -(bodyStart + size + 2 - at);
    const tailStart = bodyStart - head.length;
    bytes.latin1Write(head, tailStart, head.length);
    this.#handler.onMessage(
      bytes,
      argsStart,
      argsStart + (args[0] as string).length,
      tailStart,
      tailStart + replyBytes,
      tailStart,
      headerBytes,
      bodyStart,
      bodyEnd,
      stable,
      false,
      queues,
    );
    return bodyEnd + 2;
  }

  #checkExpected(name: string): void {
    if (this.#expected === "anything" || (this.#expected === "info" && hubSays.includes(name))) return;
    if (this.#expected === "info" || name !== "CONNECT") this.#handler.onEarlyOperation(name);
  }

  /** Refuses at once what can no longer become an operation, so that no peer fills memory with a line that never ends. */
  #checkStart(bytes: Buffer, at: number, end: number): void {
    if (end - at > this.limits.maxControlLineBytes * lineBytesFactor + operationSlackBytes)
      throw controlLineTooLong();
    const head = bytes.latin1Slice(at, Math.min(end, at + 8)).toUpperCase();
    const known = operationNames.some((name) => name.startsWith(head) || head.startsWith(name));
    if (!known) throw unknownOperation(JSON.stringify(head));
  }

  #stash(bytes: Buffer, at: number, end: number, need: number): void {
    const have = end - at;
    this.#pendingNeed = need === 1 ? -1 : need;
    this.#pending = Buffer.allocUnsafeSlow(need === 1 ? Math.max(have, pendingLineBytesAtStart) : need);
    bytes.copy(this.#pending, 0, at, end);
    this.#pendingBytes = have;
  }

  /** Adds to the pending operation what `chunk` has of it, and hands it over when it is whole. Returns the position after. */
  #gather(chunk: Buffer, at: number, end: number): number {
    let from = at;
    if (this.#pendingNeed < 0) {
      const feed = chunk.indexOf(LF, at);
      const taken = this.#append(chunk, at, feed >= 0 && feed < end ? feed + 1 : end);
      const pending = this.#pending as Buffer;
      const next = this.#operation(pending, 0, this.#pendingBytes, true);
      if (next >= 0) this.#pending = null;
      if (next >= -1) return taken;
      this.#pendingNeed = -next;
      from = taken;
    }
    const taken = this.#append(chunk, from, Math.min(end, from + this.#pendingNeed - this.#pendingBytes));
    if (this.#pendingBytes < this.#pendingNeed) return taken;
    const pending = this.#pending as Buffer;
    this.#pending = null;
    this.#operation(pending, 0, this.#pendingNeed, true);
    return taken;
  }

  #append(chunk: Buffer, at: number, end: number): number {
    let pending = this.#pending as Buffer;
    const total = this.#pendingBytes + end - at;
    if (total > pending.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(total, this.#pendingNeed, pending.length * 2));
      pending.copy(larger, 0, 0, this.#pendingBytes);
      this.#pending = pending = larger;
    }
    chunk.copy(pending, this.#pendingBytes, at, end);
    this.#pendingBytes = total;
    return end;
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    if (at >= end || this.#closed) return;
    const more = bytes.subarray(at, end);
    this.#remainder = this.#remainder === null ? Buffer.from(more) : Buffer.concat([this.#remainder, more]);
  }
}

function checkBodyEnd(bytes: Buffer, bodyEnd: number): void {
  if (bytes[bodyEnd] !== CR || bytes[bodyEnd + 1] !== LF)
    throw unknownOperation("payload not followed by CRLF");
}

/** The JSON of CONNECT and INFO may follow without a blank. */
function nameEndOf(bytes: Buffer, at: number, lineEnd: number): number {
  let nameEnd = at;
  while (nameEnd < lineEnd && !isBlank(bytes[nameEnd] as number)) nameEnd++;
  const start = bytes.latin1Slice(at, Math.min(nameEnd, at + 8)).toUpperCase();
  const json = ["CONNECT{", "INFO{"].find((name) => start.startsWith(name));
  return json === undefined ? nameEnd : at + json.length - 1;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

const hubSays: readonly string[] = ["INFO", "PING", "PONG", "-ERR"];
const operationNames = ["LMSG ", "HMSG ", "LS+ ", "LS- ", "CONNECT", "INFO", "-ERR", "PING", "PONG", "+OK"];
