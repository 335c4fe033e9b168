import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { Parser } from "../../src/protocol/parser.ts";
import { callsOf, cuts, feed, largePieces, limits, pieces, Recorder, streamOf } from "./recorder.ts";

function unchanged(recorder: Recorder): boolean {
  return recorder.kept.every(({ view, text }) => view.latin1Slice() === text);
}

describe("any stream of operations, however it is cut", () => {
  it("makes the same calls", () => {
    fc.assert(
      fc.property(pieces, cuts, (stream, cut) => {
        const recorder = new Recorder();
        const parser = new Parser(recorder, limits);
        expect(feed(parser, streamOf(stream), cut)).toBe(null);
        expect(recorder.calls).toEqual(callsOf(stream));
        expect(parser.heldBytes).toBe(0);
        // What was called stable has not been written to since.
        expect(unchanged(recorder)).toBe(true);
      }),
      { numRuns: 800 },
    );
  });

  it("makes the same calls with payloads of up to 64 KiB", () => {
    fc.assert(
      fc.property(largePieces, fc.array(fc.nat()), (stream, cut) => {
        const recorder = new Recorder();
        const parser = new Parser(recorder, limits);
        expect(feed(parser, streamOf(stream), cut)).toBe(null);
        expect(recorder.calls.length).toBe(stream.length);
        expect(recorder.calls.every((call, at) => call === stream[at]?.call)).toBe(true);
        expect(unchanged(recorder)).toBe(true);
      }),
      { numRuns: 80 },
    );
  });

  it("makes the same calls when it is paused at any of them and goes on at any later moment", () => {
    fc.assert(
      fc.property(
        pieces,
        cuts,
        fc.array(fc.nat(8), { maxLength: 8 }),
        fc.array(fc.nat(3), { maxLength: 4 }),
        (stream, cut, pauses, waits) => {
          const recorder = new Recorder();
          const parser = new Parser(recorder, limits);
          const expected = callsOf(stream);
          recorder.then = () => {
            if (pauses.includes(recorder.calls.length)) parser.pause();
          };
          let waited = 0;
          let chunk = 0;
          const error = feed(parser, streamOf(stream), cut, () => {
            if (!parser.paused) return;
            const before = recorder.calls.length;
            if (waited++ < (waits[chunk++ % Math.max(1, waits.length)] ?? 0)) return;
            waited = 0;
            parser.resume();
            expect(recorder.calls.slice(0, before)).toEqual(expected.slice(0, before));
          });
          expect(error).toBe(null);
          for (let turn = 0; parser.paused && turn < 20; turn++) parser.resume();
          expect(recorder.calls).toEqual(expected);
          expect(parser.heldBytes).toBe(0);
          expect(unchanged(recorder)).toBe(true);
        },
      ),
      { numRuns: 800 },
    );
  });

  it("makes no further call once it is closed within one", () => {
    fc.assert(
      fc.property(pieces, cuts, fc.nat(8), (stream, cut, last) => {
        const recorder = new Recorder();
        const parser = new Parser(recorder, limits);
        recorder.then = () => {
          if (recorder.calls.length > last) parser.close();
        };
        expect(feed(parser, streamOf(stream), cut)).toBe(null);
        expect(recorder.calls).toEqual(callsOf(stream).slice(0, last + 1));
        parser.resume();
        expect(recorder.calls).toEqual(callsOf(stream).slice(0, last + 1));
        if (recorder.calls.length > last) expect(parser.heldBytes).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("tells once of an operation that is not CONNECT, before it", () => {
    fc.assert(
      fc.property(
        pieces,
        cuts,
        fc.constantFrom("pass", "pause", "close", "throw"),
        (stream, cut, reaction) => {
          const recorder = new Recorder();
          const parser = new Parser(recorder, limits);
          parser.expectConnect();
          const refusal = new ProtocolError("no", "Authentication Failure");
          recorder.then = (call) => {
            if (call.startsWith('["CONNECT')) parser.connectDone();
            if (call !== "early") return;
            if (reaction === "pause") parser.pause();
            if (reaction === "close") parser.close();
            if (reaction === "throw") throw refusal;
          };
          const error = feed(parser, streamOf(stream), cut);
          const expected = callsOf(stream);
          const early = !/^CONNECT/i.test(stream[0]?.text ?? "");
          if (!early) {
            expect(recorder.calls).toEqual(expected);
          } else if (reaction === "pass" || reaction === "pause") {
            parser.resume();
            expect(recorder.calls).toEqual(["early", ...expected]);
          } else {
            expect(recorder.calls).toEqual(["early"]);
          }
          expect(error).toBe(early && reaction === "throw" ? refusal : null);
        },
      ),
      { numRuns: 800 },
    );
  });
});

/** Bytes that go wrong in interesting places. */
const noise = fc.array(
  fc.oneof(
    pieces.map((stream) => stream.map((piece) => piece.text).join("")),
    fc.string({ unit: fc.constantFrom(..."PUBHSNICOGT+-KER \t\r\n019ax.*>\x00\xff"), maxLength: 8 }),
    fc.constantFrom(
      "PUB a 3\r\nabcd\r\n",
      "PUB a 1234567890\r\n",
      "PUB a -1\r\n",
      "PUB a\r\n",
      "PUB\r\n",
      "HPUB a 5 3\r\nabc\r\n",
      "HPUB a 3\r\nabc\r\n",
      "SUB a\r\n",
      "SUB a b c d\r\n",
      "UNSUB\r\n",
      "MSG a 1 0\r\n\r\n",
      "-ERR 'x'\r\n",
      "A+ x\r\n",
      "\r\n",
    ),
  ),
  { minLength: 1, maxLength: 6 },
);

describe("any bytes", () => {
  const small = { maxControlLineBytes: 64, maxPayloadBytes: 100 };

  it("throw nothing but a ProtocolError, and never hold more than the limits allow", () => {
    const heldMax = Math.max(512, small.maxPayloadBytes + 2 + 4 * (small.maxControlLineBytes + 16));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
          noise.map(toBuffer),
        ),
        cuts,
        fc.boolean(),
        (stream, cut, headers) => {
          const parser = new Parser(new Recorder(), small);
          parser.headersAllowed = headers;
          let held = 0;
          feed(parser, stream, cut, () => (held = Math.max(held, parser.heldBytes)));
          expect(held).toBeLessThanOrEqual(heldMax);
        },
      ),
      { numRuns: 800 },
    );
  });

  it("come to the same end however they are cut", () => {
    fc.assert(
      fc.property(noise.map(toBuffer), cuts, (stream, cut) => {
        const [whole, pieced] = [new Recorder(), new Recorder()];
        const error = feed(new Parser(whole, limits), stream, []);
        const other = feed(new Parser(pieced, limits), stream, cut);
        expect(pieced.calls).toEqual(whole.calls);
        expect([other?.text, other?.reason]).toEqual([error?.text, error?.reason]);
      }),
      { numRuns: 800 },
    );
  });

  it("are never read beyond the end of their chunk", () => {
    fc.assert(
      fc.property(noise.map(toBuffer), fc.nat(), (stream, seed) => {
        const end = seed % (stream.length + 1);
        const [inPlace, alone] = [new Recorder(), new Recorder()];
        const error = refusalOf(() => new Parser(inPlace, limits).parse(stream, 0, end, false));
        const other = refusalOf(() =>
          new Parser(alone, limits).parse(Buffer.from(stream.subarray(0, end)), 0, end, false),
        );
        expect(inPlace.calls).toEqual(alone.calls);
        expect(error).toEqual(other);
      }),
      { numRuns: 600 },
    );
  });
});

function refusalOf(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return `${error.text} ${error.reason}`;
  }
}

function toBuffer(texts: readonly string[]): Buffer {
  return Buffer.from(texts.join(""), "latin1");
}
