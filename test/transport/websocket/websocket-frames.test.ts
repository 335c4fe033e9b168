import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FrameReader,
  unmask,
  writeFrameHead,
  type FrameHandler,
} from "../../../src/transport/websocket/websocket-frames.ts";
import { frame, opcodes } from "../frames.ts";

class Witness implements FrameHandler {
  readonly payload: Buffer[] = [];
  readonly raw: Buffer[] = [];
  readonly controls: Buffer[] = [];
  readonly violations: string[] = [];
  messages = 0;
  goesOn: () => boolean = () => true;

  onPayload(bytes: Buffer, start: number, end: number): boolean {
    this.payload.push(Buffer.from(bytes.subarray(start, end)));
    return this.goesOn();
  }

  onRaw(bytes: Buffer, start: number, end: number, endsMessage: boolean): boolean {
    this.raw.push(Buffer.from(bytes.subarray(start, end)));
    if (endsMessage) this.messages++;
    return this.goesOn();
  }

  onControl(bytes: Buffer, opcode: number): boolean {
    expect((bytes[0] as number) & 0x0f).toBe(opcode);
    this.controls.push(bytes);
    return this.goesOn();
  }

  onViolation(code: number, text: string): void {
    this.violations.push(`${code} ${text}`);
  }
}

/** Reads `stream` in pieces that end at `cuts`, each in memory of its own at some offset. */
function read(stream: Buffer, cuts: readonly number[], raw = false, witness = new Witness()): Witness {
  const reader = new FrameReader(witness, raw);
  const ends = [...new Set([...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort(
    (a, b) => a - b,
  );
  let from = 0;
  for (const end of ends) {
    const offset = end % 5;
    const piece = Buffer.alloc(offset + end - from + 3, 0xaa);
    stream.copy(piece, offset, from, end);
    for (let at = offset; at < offset + end - from && witness.violations.length === 0; )
      at = reader.read(piece, at, offset + end - from);
    expect(piece.subarray(0, offset).equals(Buffer.alloc(offset, 0xaa))).toBe(true);
    expect(piece.subarray(-3).equals(Buffer.alloc(3, 0xaa))).toBe(true);
    from = end;
  }
  return witness;
}

const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const payload = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 120, max: 132 }).map((length) => new Uint8Array(length).fill(7)),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 65_530, max: 65_545 }).map((length) => new Uint8Array(length).fill(9)),
  },
);
const part = fc.record({ payload, mask, ping: fc.option(fc.uint8Array({ maxLength: 125 }), { nil: null }) });
const message = fc.record({ parts: fc.array(part, { minLength: 1, maxLength: 4 }), text: fc.boolean() });

function framesOf(
  messages: readonly {
    readonly parts: readonly {
      payload: Uint8Array;
      mask: [number, number, number, number];
      ping: Uint8Array | null;
    }[];
    readonly text: boolean;
  }[],
) {
  const frames: Buffer[] = [];
  const pings: Buffer[] = [];
  const dataFrames: Buffer[] = [];
  for (const { parts, text } of messages) {
    for (const [index, { payload: content, mask: key, ping }] of parts.entries()) {
      const opcode = index > 0 ? opcodes.continuation : text ? opcodes.text : opcodes.binary;
      const data = frame(opcode, Buffer.from(content), { fin: index === parts.length - 1, mask: key });
      dataFrames.push(data);
      frames.push(data);
      if (ping === null) continue;
      const control = frame(opcodes.ping, Buffer.from(ping), { mask: key });
      pings.push(control);
      frames.push(control);
    }
  }
  const content = messages.flatMap(({ parts }) => parts.map(({ payload: bytes }) => bytes));
  return { stream: Buffer.concat(frames), pings, dataFrames, content: Buffer.concat(content) };
}

const cuts = fc.array(fc.nat(200_000), { maxLength: 40 });

describe("any split of the stream", () => {
  test("gives the same payload and the same control frames", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), cuts, (messages, at) => {
        const { stream, pings, content } = framesOf(messages);
        const witness = read(stream, at);
        expect(Buffer.concat(witness.payload).equals(content)).toBe(true);
        expect(witness.controls).toEqual(pings);
        expect(witness.violations).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test("gives the same frames where they are not to be unmasked", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), cuts, (messages, at) => {
        const { stream, pings, dataFrames } = framesOf(messages);
        const witness = read(stream, at, true);
        expect(Buffer.concat(witness.raw).equals(Buffer.concat(dataFrames))).toBe(true);
        expect(witness.controls).toEqual(pings);
        expect(witness.messages).toBe(messages.length);
      }),
      { numRuns: 100 },
    );
  });

  test("even one byte at a time, gives the same", () => {
    const stream = Buffer.concat([
      frame(opcodes.binary, "one", { fin: false }),
      frame(opcodes.ping, "p"),
      frame(opcodes.continuation, "x".repeat(70_000)),
      frame(opcodes.text, ""),
      frame(opcodes.close, Buffer.from([3, 232])),
    ]);
    const witness = read(stream, Array.from(stream.keys()).slice(0, 400));
    expect(Buffer.concat(witness.payload).toString()).toBe(`one${"x".repeat(70_000)}`);
    expect(witness.controls.length).toBe(2);
  });

  test("and any interruption, loses nothing", () => {
    const { stream, pings, content } = framesOf([
      {
        text: false,
        parts: [{ payload: new Uint8Array(300).fill(1), mask: [1, 2, 3, 4], ping: new Uint8Array(3) }],
      },
      { text: true, parts: [{ payload: new Uint8Array(5).fill(2), mask: [4, 3, 2, 1], ping: null }] },
    ]);
    const witness = new Witness();
    witness.goesOn = () => false;
    read(stream, [10, 100, 312], false, witness);
    expect(Buffer.concat(witness.payload).equals(content)).toBe(true);
    expect(witness.controls).toEqual(pings);
  });
});

test("random bytes are read or refused, never anything else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.boolean(), cuts, (bytes, raw, at) => {
      const witness = new Witness();
      const reader = new FrameReader(witness, raw);
      const stream = Buffer.from(bytes);
      const ends = [...at.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
      let from = 0;
      for (const end of ends) {
        const stopped = reader.read(stream, from, end);
        expect(stopped).toBeLessThanOrEqual(end);
        from = end;
      }
      expect(witness.violations.length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 500 },
  );
});

describe("a frame that breaks the protocol", () => {
  const huge = 2n ** 53n;
  test.each<[string, Buffer, string]>([
    ["has no mask", frame(opcodes.binary, "x", { mask: null }), "1002 mask bit missing"],
    ["sets a reserved bit", frame(opcodes.binary, "x", { reserved: 1 }), "1002 reserved bits must be clear"],
    ["is compressed", frame(opcodes.binary, "x", { reserved: 4 }), "1002 reserved bits must be clear"],
    ["has an unknown opcode", frame(3, "x"), "1002 unknown opcode 3"],
    ["has an unknown control opcode", frame(11, "x"), "1002 unknown opcode 11"],
    ["continues nothing", frame(opcodes.continuation, "x"), "1002 a continuation without a message"],
    [
      "begins a message within a message",
      Buffer.concat([frame(opcodes.binary, "x", { fin: false }), frame(opcodes.text, "y")]),
      "1002 a message within a message",
    ],
    [
      "is a fragment of a ping",
      frame(opcodes.ping, "x", { fin: false }),
      "1002 a control frame must not be fragmented",
    ],
    [
      "is a long ping",
      frame(opcodes.ping, "x".repeat(126)),
      "1002 a control frame must not exceed 125 bytes",
    ],
    ["is longer than a number can hold", frame(opcodes.binary, "", { length: huge }), "1009 frame too long"],
  ])("%s", (_name, bytes, violation) => {
    for (const at of [[], [1], [2], [3, 9]]) {
      const witness = read(Buffer.concat([bytes, frame(opcodes.binary, "never")]), at);
      expect(witness.violations).toEqual([violation]);
      expect(Buffer.concat(witness.payload).toString()).not.toContain("never");
    }
  });

  test("may be compressed where that was negotiated, but not in its continuations", () => {
    const good = Buffer.concat([
      frame(opcodes.binary, "x", { reserved: 4, fin: false }),
      frame(opcodes.continuation, "y"),
    ]);
    expect(read(good, [], true).violations).toEqual([]);
    const bad = Buffer.concat([
      frame(opcodes.binary, "x", { reserved: 4, fin: false }),
      frame(opcodes.continuation, "y", { reserved: 4 }),
    ]);
    expect(read(bad, [], true).violations).toEqual(["1002 reserved bits must be clear"]);
  });
});

test("a frame of any length costs no memory", () => {
  const witness = new Witness();
  const reader = new FrameReader(witness, false);
  const head = frame(opcodes.binary, "", { length: 2n ** 50n });
  reader.read(head, 0, head.length);
  const piece = Buffer.alloc(1024);
  for (let count = 0; count < 100; count++) reader.read(piece, 0, piece.length);
  expect(witness.payload.length).toBe(100);
});

test("masks are undone at any place, length and phase", () => {
  for (let start = 0; start < 6; start++) {
    for (const length of [0, 1, 63, 64, 65, 100, 1_000]) {
      for (let phase = 0; phase < 4; phase++) {
        const key = Buffer.from([0x9a, 0x01, 0xff, 0x40]);
        const bytes = Buffer.alloc(start + length, 0x55);
        expect(unmask(bytes, start, start + length, key, phase)).toBe((phase + length) & 3);
        const expected = Array.from({ length }, (_, at) => 0x55 ^ (key[(at + phase) & 3] as number));
        expect([...bytes.subarray(start)]).toEqual(expected);
      }
    }
  }
});

test("heads say how long a frame is", () => {
  const head = (bytes: number) => {
    const target = Buffer.alloc(10);
    return target.subarray(0, writeFrameHead(target, bytes)).toString("hex");
  };
  expect([0, 125, 126, 65_535, 65_536, 2 ** 33 + 1].map(head)).toEqual([
    "8200",
    "827d",
    "827e007e",
    "827effff",
    "827f0000000000010000",
    "827f0000000200000001",
  ]);
});
