/**
 * Bytes to operations. Two states: a control line, and a body whose size the line gave. No socket, no promise; every
 * operation is handed over while its bytes lie in one piece.
 *
 * **Whole operations only.** What a chunk holds whole is parsed in place. An operation that is split over chunks is
 * gathered in {@link Parser.#pending}, a buffer made for it alone and bounded by the limits; it is handed over from
 * there as *stable* bytes, that nobody will write to again.
 *
 * **Canonical messages.** The commonest form of PUB and HPUB (single blanks, CRLF, no leading zeros) is found by one
 * scan and handed over as offsets. Any other form that the protocol allows is rewritten to that form first.
 */
import { CR, LF, NINE, SPACE, TAB, ZERO } from "../base/bytes.ts";
import { splitArguments, canonicalPublish } from "./control-line.ts";
import type { OperationHandler } from "./operations.ts";
import { RepeatedLine } from "./repeated-line.ts";
import { controlLineTooLong, malformed, payloadTooLarge, unknownOperation } from "./errors.ts";

export interface ParserLimits {
  readonly maxControlLineBytes: number;
  readonly maxPayloadBytes: number;
}

/** An operation's name and what precedes its arguments may come on top of the limit, which counts arguments only. */
const operationSlackBytes = 16;
const pendingLineBytesAtStart = 512;

export class Parser {
  readonly #handler: OperationHandler;
  /** Replaced when an account or a reload changes them. */
  limits: ParserLimits;
  /** The start of an operation that has not come whole; null between operations. */
  #pending: Buffer | null = null;
  #pendingBytes = 0;
  /** How long the pending operation is in all; -1 while its control line has no end yet. */
  #pendingNeed = -1;
  /** Whether HPUB is accepted; without it, as the reference server has it, HPUB closes the connection. */
  headersAllowed = true;
  #connectExpected = false;
  #paused = false;
  #closed = false;
  readonly #repeated = new RepeatedLine();
  /** What came while paused; the transport stops reading, so it is at most a chunk or two. */
  #remainder: Buffer | null = null;

  constructor(handler: OperationHandler, limits: ParserLimits) {
    this.#handler = handler;
    this.limits = limits;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Bytes kept for later: an unfinished operation and what came while paused. */
  get heldBytes(): number {
    return (this.#pending?.length ?? 0) + (this.#remainder?.length ?? 0);
  }

  /**
   * Parses `chunk[start, end)`.
   * @param stable whether the chunk's bytes will never be written to again
   * @throws ProtocolError for what the peer did wrong; the parser must then be closed
   */
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

  /** From now on nothing but CONNECT is accepted, and no body is gathered, until {@link connectDone}. */
  expectConnect(): void {
    this.#connectExpected = true;
  }

  connectDone(): void {
    this.#connectExpected = false;
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

  /** Drops everything; whatever comes later is ignored. */
  close(): void {
    this.#closed = true;
    this.#repeated.end();
    this.#pending = null;
    this.#remainder = null;
  }

  /** Parses whole operations from `at` on; what is left over at the end is kept as pending. */
  #run(bytes: Buffer, from: number, end: number, stable: boolean): void {
    this.#repeated.begin(bytes);
    this.#runOperations(bytes, from, end, stable);
    this.#repeated.end();
  }

  #runOperations(bytes: Buffer, from: number, end: number, stable: boolean): void {
    let at = from;
    while (at < end) {
      const next = this.#repeated.isAt(at, end)
        ? this.#publishAgain(bytes, at, end, stable)
        : this.#operation(bytes, at, end, stable);
      if (next < 0) return this.#stash(bytes, at, end, -next);
      at = next;
      if (this.#paused) return this.#keep(bytes, at, end);
      if (this.#closed) return;
    }
  }

  /**
   * Hands over the operation that starts at `at`.
   * @returns the position after it; or, when it is not whole, the negative of its length in all, `-1` if unknown
   */
  #operation(bytes: Buffer, at: number, end: number, stable: boolean): number {
    if (this.#connectExpected && ((bytes[at] as number) | 0x20) !== 0x63) {
      this.#handler.onEarlyOperation();
      this.#connectExpected = false;
      if (this.#paused || this.#closed) return at;
    }
    // A scan for the commonest form. Whatever is unusual, or cut short, falls through to the careful way.
    const first = bytes[at] as number | undefined;
    if ((first === 0x50 || first === 0x48) && end - at > 8) {
      const hasHeaders = first === 0x48;
      const nameStart = hasHeaders ? at + 1 : at;
      if (
        bytes[nameStart] === 0x50 &&
        bytes[nameStart + 1] === 0x55 &&
        bytes[nameStart + 2] === 0x42 &&
        bytes[nameStart + 3] === SPACE
      ) {
        const next = this.#publish(bytes, at, nameStart + 4, end, hasHeaders, stable);
        if (next !== 0) return next;
      }
    }
    return this.#line(bytes, at, end);
  }

  /** The line at `at` is the last one again. Returns as {@link #operation}. */
  #publishAgain(bytes: Buffer, at: number, end: number, stable: boolean): number {
    const line = this.#repeated;
    const { headerBytes } = line;
    const subjectStart = at + (headerBytes < 0 ? 4 : 5);
    const subjectEnd = at + line.subjectEnd;
    const bodyStart = at + line.length;
    const bodyEnd = bodyStart + line.size;
    if (bodyEnd + 2 > end) return -(bodyEnd + 2 - at);
    if (bytes[bodyEnd] !== CR || bytes[bodyEnd + 1] !== LF)
      throw unknownOperation("payload not followed by CRLF");
    const tailStart = subjectEnd + 1;
    const replyEnd = at + line.replyEnd;
    this.#handler.onPublish(
      bytes,
      subjectStart,
      subjectEnd,
      tailStart,
      replyEnd,
      tailStart,
      headerBytes,
      bodyStart,
      bodyEnd,
      stable,
      true,
    );
    return bodyEnd + 2;
  }

  /** @returns as {@link #operation}, or 0 when the line is not in canonical form or not whole */
  #publish(
    bytes: Buffer,
    at: number,
    subjectStart: number,
    end: number,
    hasHeaders: boolean,
    stable: boolean,
  ): number {
    let scan = subjectStart;
    let byte = 0;
    while (scan < end && (byte = bytes[scan] as number) > SPACE) scan++;
    if (byte !== SPACE || scan === subjectStart) return 0;
    const subjectEnd = scan++;
    const tailStart = scan;
    // Up to three more tokens: [reply] [header size] size. Numbers are read on the way; which is which shows at the end.
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
      if (byte === SPACE) {
        if (tokens > tokensNeeded) return 0;
        if (tokens === 1) replyEnd = scan - 1;
        headerBytes =
          digits && tokenBytes <= 9 && !(tokenBytes > 1 && bytes[tokenStart] === ZERO) ? size : -1;
        tokenStart = scan;
        size = 0;
        digits = true;
        continue;
      }
      if (byte !== CR || scan >= end || bytes[scan] !== LF) return 0;
      if (!digits || tokenBytes > 9 || (tokenBytes > 1 && bytes[tokenStart] === ZERO)) return 0;
      break;
    }
    if (tokens < tokensNeeded || (hasHeaders && (headerBytes <= 0 || !this.headersAllowed))) return 0;
    if (tokens === tokensNeeded) replyEnd = tailStart;
    const bodyStart = scan + 1;
    if (scan - 1 - subjectStart > this.limits.maxControlLineBytes) throw controlLineTooLong();
    return this.#body(
      bytes,
      at,
      subjectStart,
      subjectEnd,
      tailStart,
      replyEnd,
      hasHeaders ? headerBytes : -1,
      bodyStart,
      size,
      end,
      stable,
    );
  }

  #body(
    bytes: Buffer,
    at: number,
    subjectStart: number,
    subjectEnd: number,
    tailStart: number,
    replyEnd: number,
    headerBytes: number,
    bodyStart: number,
    size: number,
    end: number,
    stable: boolean,
  ): number {
    if (headerBytes > size) throw malformed(`HPUB with ${headerBytes} header bytes in ${size}`);
    if (size > this.limits.maxPayloadBytes) throw payloadTooLarge(size, this.limits.maxPayloadBytes);
    const bodyEnd = bodyStart + size;
    if (bodyEnd + 2 > end) {
      if (bodyEnd < end && bytes[bodyEnd] !== CR) throw unknownOperation("payload not followed by CRLF");
      return -(bodyEnd + 2 - at);
    }
    if (bytes[bodyEnd] !== CR || bytes[bodyEnd + 1] !== LF)
      throw unknownOperation("payload not followed by CRLF");
    this.#repeated.remember(at, bodyStart - at, subjectEnd, replyEnd, headerBytes, size);
    this.#handler.onPublish(
      bytes,
      subjectStart,
      subjectEnd,
      tailStart,
      replyEnd,
      tailStart,
      headerBytes,
      bodyStart,
      bodyEnd,
      stable,
      false,
    );
    return bodyEnd + 2;
  }

  /** Any operation, in any form that the protocol allows. Returns as {@link #operation}. */
  #line(bytes: Buffer, at: number, end: number): number {
    // Whatever it is, it may change what a publish may be, or is no line to compare with.
    this.#repeated.forget();
    const feed = bytes.indexOf(LF, at);
    if (feed < 0 || feed >= end) {
      this.#checkOperationStart(bytes, at, end);
      return -1;
    }
    const next = feed + 1;
    const lineEnd = feed > at && bytes[feed - 1] === CR ? feed - 1 : feed;
    const nameEnd = this.#nameEnd(bytes, at, lineEnd);
    let argsStart = nameEnd;
    while (argsStart < lineEnd && isBlank(bytes[argsStart] as number)) argsStart++;
    const name = bytes.latin1Slice(at, Math.min(nameEnd, at + 16)).toUpperCase();
    if (lineEnd - argsStart > this.limits.maxControlLineBytes) throw controlLineTooLong();
    if (nameEnd === lineEnd && blankNeeded.has(name)) throw unknownOperation(JSON.stringify(name));
    switch (name) {
      case "PUB":
      case "HPUB":
        return this.#publishLoosely(bytes, at, argsStart, lineEnd, next, end, name === "HPUB");
      case "SUB":
        this.#subscribe(splitArguments(bytes, argsStart, lineEnd));
        return next;
      case "UNSUB":
        this.#unsubscribe(splitArguments(bytes, argsStart, lineEnd));
        return next;
      case "CONNECT":
        this.#handler.onConnect(bytes.subarray(argsStart, lineEnd));
        return next;
      case "INFO":
        this.#handler.onInfo(bytes.subarray(argsStart, lineEnd));
        return next;
      case "-ERR":
        this.#handler.onError(bytes.latin1Slice(argsStart, lineEnd));
        return next;
      default:
        return this.#bareOperation(name, next);
    }
  }

  /** The JSON of CONNECT and INFO may follow without a blank. */
  #nameEnd(bytes: Buffer, at: number, lineEnd: number): number {
    let nameEnd = at;
    while (nameEnd < lineEnd && !isBlank(bytes[nameEnd] as number)) nameEnd++;
    const first = (bytes[at] as number) | 0x20;
    if (first !== 0x63 && first !== 0x69) return nameEnd;
    const start = bytes.latin1Slice(at, Math.min(nameEnd, at + 8)).toUpperCase();
    const name = jsonOperations.find((json) => start.startsWith(json));
    return name === undefined ? nameEnd : at + name.length;
  }

  /** PING, PONG and +OK; whatever follows the word on its line is ignored. */
  #bareOperation(name: string, next: number): number {
    if (name.startsWith("PING")) this.#handler.onPing();
    else if (name.startsWith("PONG")) this.#handler.onPong();
    else if (!name.startsWith("+OK")) throw unknownOperation(JSON.stringify(name));
    return next;
  }

  #subscribe(args: readonly string[]): void {
    if (args.length === 2) this.#handler.onSubscribe(args[0] as string, null, args[1] as string);
    else if (args.length === 3)
      this.#handler.onSubscribe(args[0] as string, args[1] as string, args[2] as string);
    else throw malformed(`SUB with ${args.length} arguments`);
  }

  #unsubscribe(args: readonly string[]): void {
    if (args.length !== 1 && args.length !== 2) throw malformed(`UNSUB with ${args.length} arguments`);
    const max = args[1] === undefined || !/^\d{1,9}$/.test(args[1]) ? 0 : Number(args[1]);
    this.#handler.onUnsubscribe(args[0] as string, max);
  }

  /** A PUB or HPUB line that is not canonical: rewritten, with its body, into bytes of its own. */
  #publishLoosely(
    bytes: Buffer,
    at: number,
    argsStart: number,
    lineEnd: number,
    bodyStart: number,
    end: number,
    hasHeaders: boolean,
  ): number {
    if (hasHeaders && !this.headersAllowed) throw malformed("HPUB without headers support");
    const line = canonicalPublish(splitArguments(bytes, argsStart, lineEnd), hasHeaders);
    if (line.size > this.limits.maxPayloadBytes)
      throw payloadTooLarge(line.size, this.limits.maxPayloadBytes);
    const next = bodyStart + line.size + 2;
    if (next > end) return -(next - at);
    const { text, subjectBytes, replyBytes, headerBytes, size } = line;
    const rewritten = Buffer.allocUnsafe(text.length + size + 2);
    rewritten.latin1Write(text, 0, text.length);
    bytes.copy(rewritten, text.length, bodyStart, next);
    const subjectStart = headerBytes < 0 ? 4 : 5;
    const subjectEnd = subjectStart + subjectBytes;
    const tailStart = subjectEnd + 1;
    this.#body(
      rewritten,
      0,
      subjectStart,
      subjectEnd,
      tailStart,
      tailStart + replyBytes,
      headerBytes,
      text.length,
      size,
      rewritten.length,
      true,
    );
    // Offsets into other bytes than those being parsed.
    this.#repeated.forget();
    return next;
  }

  /** Refuses at once what can no longer become an operation, so that no peer fills memory with a line that never ends. */
  #checkOperationStart(bytes: Buffer, at: number, end: number): void {
    if (end - at > this.limits.maxControlLineBytes + operationSlackBytes) throw controlLineTooLong();
    const head = bytes.latin1Slice(at, Math.min(end, at + 8)).toUpperCase();
    const known = operationNames.some((name) => {
      if (head.length <= name.length) return name.startsWith(head);
      return head.startsWith(name) && (!blankNeeded.has(name) || isBlank(head.charCodeAt(name.length)));
    });
    if (!known) throw unknownOperation(JSON.stringify(head));
  }

  /** Keeps the start of an operation; `need` is its whole length, or 1 when its line has not ended. */
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
      const lineEnds = feed >= 0 && feed < end;
      const taken = this.#append(chunk, at, lineEnds ? feed + 1 : end);
      const pending = this.#pending as Buffer;
      const next = this.#operation(pending, 0, this.#pendingBytes, true);
      if (next === 0) this.#keep(pending, 0, this.#pendingBytes);
      if (next >= 0) this.#pending = null;
      if (next >= -1) return taken;
      this.#pendingNeed = -next;
      from = taken;
    }
    const missing = this.#pendingNeed - this.#pendingBytes;
    const taken = this.#append(chunk, from, Math.min(end, from + missing));
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

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** Without a blank behind them these are no operation at all, rather than one without arguments. */
const blankNeeded: ReadonlySet<string> = new Set(["PUB", "HPUB", "SUB", "UNSUB", "-ERR"]);
const jsonOperations = ["CONNECT", "INFO"];
const operationNames = [...blankNeeded, ...jsonOperations, "PING", "PONG", "+OK"];
