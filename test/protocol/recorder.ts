/** What a parser hands over, written down; and byte streams of which it is known what that should be. */
import fc from "fast-check";
import { ProtocolError } from "../../src/protocol/errors.ts";
import type { OperationHandler } from "../../src/protocol/operations.ts";
import { Parser, type ParserLimits } from "../../src/protocol/parser.ts";

export const limits: ParserLimits = { maxControlLineBytes: 4096, maxPayloadBytes: 1024 * 1024 };

/** One call, as text; bytes are latin1. */
export type Call = string;

export class Recorder implements OperationHandler {
  readonly calls: Call[] = [];
  /** Called after each call is written down. */
  then: (call: Call) => void = () => {};
  /** What was handed over as stable, with what it was then: nobody may write to it later. */
  readonly kept: { view: Buffer; text: string }[] = [];
  /** Subject, reply and sizes of the publish before. */
  #lastLine: string | null = null;

  onPublish(
    bytes: Buffer,
    subjectStart: number,
    subjectEnd: number,
    replyStart: number,
    replyEnd: number,
    tailStart: number,
    headerBytes: number,
    bodyStart: number,
    bodyEnd: number,
    stable: boolean,
    repeated: boolean,
  ): void {
    const text = (start: number, end: number): string => bytes.latin1Slice(start, end);
    const reply = text(replyStart, replyEnd);
    const payload = text(bodyStart, bodyEnd);
    // The promise on which every delivery is built: the tail is the end of a canonical line.
    const sizes = headerBytes < 0 ? `${payload.length}` : `${headerBytes} ${payload.length}`;
    const tail = `${reply === "" ? "" : `${reply} `}${sizes}\r\n${payload}\r\n`;
    if (text(tailStart, bodyEnd + 2) !== tail)
      throw new Error(`the tail is ${JSON.stringify(text(tailStart, bodyEnd + 2))}`);
    const line = JSON.stringify([text(subjectStart, subjectEnd), reply, sizes]);
    if (repeated && line !== this.#lastLine)
      throw new Error(`${line} is said to repeat ${String(this.#lastLine)}`);
    this.#lastLine = line;
    if (stable) {
      const view = bytes.subarray(tailStart, bodyEnd + 2);
      this.kept.push({ view, text: tail });
    }
    this.#note(publishCall(text(subjectStart, subjectEnd), reply, headerBytes, payload));
  }

  onSubscribe(subject: string, queue: string | null, sid: string): void {
    this.#note(JSON.stringify(["SUB", subject, queue, sid]));
  }

  onUnsubscribe(sid: string, max: number): void {
    this.#note(JSON.stringify(["UNSUB", sid, max]));
  }

  onConnect(json: Buffer): void {
    this.#note(JSON.stringify(["CONNECT", json.latin1Slice()]));
  }

  onPing(): void {
    this.#note("PING");
  }

  onPong(): void {
    this.#note("PONG");
  }

  onInfo(json: Buffer): void {
    this.#note(JSON.stringify(["INFO", json.latin1Slice()]));
  }

  onError(text: string): void {
    this.#note(JSON.stringify(["-ERR", text]));
  }

  onEarlyOperation(): void {
    this.#note("early");
  }

  #note(call: Call): void {
    this.calls.push(call);
    this.then(call);
  }
}

export function publishCall(subject: string, reply: string, headerBytes: number, payload: string): Call {
  return JSON.stringify(["PUB", subject, reply, headerBytes, payload]);
}

/** A piece of a stream with the call it should make; null for one that makes none. */
export interface Piece {
  readonly text: string;
  readonly call: Call | null;
}

/**
 * Feeds `stream` cut at `cuts`, as transport does: from a read buffer that is written over after each call.
 * @returns the error that ended it, if any
 */
export function feed(
  parser: Parser,
  stream: Buffer,
  cuts: Cuts,
  afterEach: () => void = () => {},
): ProtocolError | null {
  const places = cuts === "every byte" ? [...stream.keys()] : cuts.map((cut) => cut % (stream.length + 1));
  const ends = [...places, stream.length].sort((a, b) => a - b);
  let at = 0;
  for (const [index, end] of ends.entries()) {
    // What lies around the chunk is not part of it, whatever it looks like.
    const before = index % 7;
    const buffer = Buffer.alloc(before + end - at + 9, "\r\nPING\r\n");
    stream.copy(buffer, before, at, end);
    const stable = index % 3 === 0;
    try {
      parser.parse(buffer, before, before + end - at, stable);
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      throw error;
    }
    if (!stable) buffer.fill("#");
    afterEach();
    at = end;
  }
  return null;
}

const wireChars = [..."ab.*>$_-0159"];
/** Everything that may stand in a token: any byte that is no blank and no line break. */
const oddChars = [..."\x00\x01\x08\x0b\x0c\x1f\x7f\x80\xe4\xff"];
const token = fc.string({
  unit: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...wireChars) },
    { weight: 1, arbitrary: fc.constantFrom(...oddChars) },
  ),
  minLength: 1,
  maxLength: 12,
});
/** Bytes that look like what surrounds them. */
const payloadText = fc.oneof(
  fc.string({ unit: fc.constantFrom("\r", "\n", "P", "U", "B", " ", "0", "\x00", "x"), maxLength: 20 }),
  fc.constantFrom("", "\r\n", "PUB a 1\r\nx\r\n", "PING\r\n", "\r\n\r\n", "+OK\r\n", "HPUB a 1 1\r\n"),
  fc.string({ unit: fc.constantFrom("\x00", "\x7f", "\xff", "z"), maxLength: 40 }),
);
const largePayload = fc.nat(65_536).map((length) => "PUB a 3\r\n".repeat(length / 9 + 1).slice(0, length));

const eol = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n");
const blank = fc.oneof(
  { weight: 5, arbitrary: fc.constant(" ") },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(" ", "\t"), minLength: 1, maxLength: 3 }) },
);
const zeros = fc.constantFrom("", "", "", "0", "000");

function inAnyCase(name: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(name) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
        .map((lower) => [...name].map((char, at) => (lower[at] ? char.toLowerCase() : char)).join("")),
    },
  );
}

function publishPiece(payloads: fc.Arbitrary<string>): fc.Arbitrary<Piece> {
  return fc
    .record({
      name: fc.boolean(),
      subject: fc.oneof(token, fc.constantFrom("a", "b")),
      reply: fc.option(token, { nil: "" }),
      headers: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(30)),
      payload: payloads,
      blanks: fc.array(blank, { minLength: 5, maxLength: 5 }),
      zeros,
      end: eol,
      upper: fc.boolean(),
    })
    .map(({ name, subject, reply, headers, payload, blanks, zeros: pad, end, upper }) => {
      const [a, b, c, d, e] = blanks as [string, string, string, string, string];
      const word = name ? "HPUB" : "PUB";
      const headerBytes = Math.min(headers, payload.length);
      const sizes = name ? `${headerBytes}${c}${pad}${payload.length}` : `${pad}${payload.length}`;
      const replyPart = reply === "" ? "" : `${reply}${b}`;
      const trailing = d === " " ? "" : e;
      const line = `${upper ? word : word.toLowerCase()}${a}${subject}${a}${replyPart}${sizes}${trailing}${end}`;
      return {
        text: `${line}${payload}\r\n`,
        // Without header bytes it is what a PUB is.
        call: publishCall(subject, reply, name && headerBytes > 0 ? headerBytes : -1, payload),
      };
    });
}

const simplePublish: fc.Arbitrary<Piece> = fc
  .tuple(fc.oneof(token, fc.constantFrom("a", "b")), payloadText)
  .map(([subject, payload]) => ({
    text: `PUB ${subject} ${payload.length}\r\n${payload}\r\n`,
    call: publishCall(subject, "", -1, payload),
  }));

const subscribePiece: fc.Arbitrary<Piece> = fc
  .tuple(inAnyCase("SUB"), token, fc.option(token), token, blank, eol)
  .map(([name, subject, queue, sid, gap, end]) => ({
    text: `${name}${gap}${[subject, ...(queue === null ? [] : [queue]), sid].join(gap)}${end}`,
    call: JSON.stringify(["SUB", subject, queue, sid]),
  }));

const unsubscribePiece: fc.Arbitrary<Piece> = fc
  .tuple(
    inAnyCase("UNSUB"),
    token,
    fc.constantFrom("", "0", "5", "007", "-1", "x", "1234567890", "999999999"),
    blank,
    eol,
  )
  .map(([name, sid, max, gap, end]) => ({
    text: `${name}${gap}${sid}${max === "" ? "" : gap + max}${end}`,
    call: JSON.stringify(["UNSUB", sid, /^\d{1,9}$/.test(max) ? Number(max) : 0]),
  }));

const barePiece: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.constantFrom("PING", "PONG", "+OK"),
    fc.constantFrom("", "", "xyz", " and more", "\t", "PING and a rather long rest"),
    eol,
    fc.boolean(),
  )
  .map(([name, rest, end, upper]) => ({
    text: `${upper ? name : name.toLowerCase()}${rest}${end}`,
    call: name === "+OK" ? null : name,
  }));

const jsonPiece: fc.Arbitrary<Piece> = fc
  .tuple(fc.constantFrom("CONNECT", "INFO"), fc.constantFrom("{}", '{"a":"b c"}', "[1, 2]"), blank, eol)
  .map(([name, json, gap, end]) => ({
    text: `${name}${gap}${json}${end}`,
    call: JSON.stringify([name, json]),
  }));

/** Any operation in any form that the protocol allows, with the call that it makes. */
const anyPiece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 4, arbitrary: simplePublish },
  { weight: 4, arbitrary: publishPiece(payloadText) },
  { weight: 2, arbitrary: subscribePiece },
  { weight: 1, arbitrary: unsubscribePiece },
  { weight: 2, arbitrary: barePiece },
  { weight: 1, arbitrary: jsonPiece },
);

/** Operations, some of them again and again. */
export const pieces: fc.Arbitrary<Piece[]> = fc
  .tuple(
    fc.array(anyPiece, { minLength: 1, maxLength: 8 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(3)), { maxLength: 4 }),
  )
  .map(([made, repeats]) => {
    const stream = [...made];
    for (const [place, times] of repeats) {
      const at = place % stream.length;
      stream.splice(at, 0, ...Array.from({ length: times }, () => stream[at] as Piece));
    }
    return stream;
  });

export const largePieces: fc.Arbitrary<Piece[]> = fc.array(publishPiece(largePayload), {
  minLength: 1,
  maxLength: 3,
});

export type Cuts = readonly number[] | "every byte";

export const cuts: fc.Arbitrary<Cuts> = fc.oneof(
  fc.array(fc.nat(), { maxLength: 12 }),
  fc.constant<Cuts>("every byte"),
);

export function streamOf(pieces: readonly Piece[]): Buffer {
  return Buffer.from(pieces.map((piece) => piece.text).join(""), "latin1");
}

export function callsOf(pieces: readonly Piece[]): Call[] {
  return pieces.map((piece) => piece.call).filter((call) => call !== null);
}
