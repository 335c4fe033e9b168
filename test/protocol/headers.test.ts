import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { MsgHdrsImpl } from "@nats-io/nats-core/internal";
import { AssertionError } from "../../src/base/assert.ts";
import {
  encodeHeaders,
  encodeStatus,
  headerValue,
  parseHeaders,
  removeHeader,
  setHeader,
} from "../../src/protocol/headers.ts";
import type { HeaderField } from "../../src/protocol/headers.ts";

function bytes(wire: string): Buffer {
  return Buffer.from(wire, "latin1");
}

function text(block: Uint8Array | null): string | null {
  return block === null ? null : Buffer.from(block).toString("latin1");
}

const name = fc.constantFrom("A", "a", "Ab", "Nats-Msg-Id", "b");
const value = fc.stringMatching(/^[ -~\x80-\xff]{0,6}$/);
const field = fc.tuple(name, value);
/** Anything that might stand where a block should, made of what matters to a reader. */
const anyBlock = fc
  .array(fc.constantFrom("NATS/1.0", "\r\n", "\r", "\n", "A", "a", ":", " ", "b", "Ab", "x", "\u00ff"), {
    maxLength: 30,
  })
  .map((pieces) => pieces.join(""));

describe("looking one up", () => {
  it.each([
    ["NATS/1.0\r\nA: x\r\n\r\n", "A", "x"],
    ["NATS/1.0\r\nA:x\r\n\r\n", "A", "x"],
    ["NATS/1.0\r\nA:    x y \r\n\r\n", "A", "x y "],
    ["NATS/1.0\r\nA:\r\n\r\n", "A", ""],
    ["NATS/1.0\r\nA:   \r\n\r\n", "A", ""],
    ["NATS/1.0\r\nA:\tx\r\n\r\n", "A", "\tx"],
    ["NATS/1.0\r\nA: x\r\nA: y\r\n\r\n", "A", "x"],
    ["NATS/1.0\r\na: x\r\n\r\n", "A", null],
    ["NATS/1.0\r\nAA: x\r\nA: y\r\n\r\n", "A", "y"],
    ["NATS/1.0\r\nX-A: x\r\nA : y\r\n\r\n", "A", null],
    ["NATS/1.0\r\n A: x\r\n\r\n", "A", null],
    ["NATS/1.0\nA: x\n\n", "A", null],
    ["NATS/1.0 503\r\nA: x", "A", "x"],
    ["NATS/1.0\r\nA: x\ry\nz\r\n\r\n", "A", "x\ry\nz"],
    ["NATS/1.0\r\nA", "A", null],
    ["NATS/1.0\r\nA:", "A", ""],
    ["A: x\r\n\r\n", "A", null],
    ["\r\nA: x\r\n", "A", "x"],
    ["NATS/1.0\r\nB: A: x\r\n\r\n", "A", null],
    ["NATS/1.0\r\nA: \u00c3\u00a9\r\n\r\n", "A", "\u00c3\u00a9"],
    ["NATS/1.0\r\nFooFoo: x\r\nFoo: y\r\n\r\n", "Foo", "y"],
    ["", "A", null],
    ["\r\n", "A", null],
  ])("in %j, %s is %j", (block, key, expected) => {
    expect(headerValue(bytes(block), key)).toBe(expected);
  });

  it("finds what stands between CRLF and CRLF, in any bytes", () => {
    fc.assert(
      fc.property(anyBlock, fc.constantFrom("A", "a", "Ab", "b"), (block, key) => {
        const start = block.indexOf(`\r\n${key}:`);
        const expected =
          start < 0
            ? null
            : (block.slice(start + key.length + 3).split("\r\n")[0] as string).replace(/^ +/, "");
        expect(headerValue(bytes(block), key)).toBe(expected);
        expect(parseHeaders(bytes(block)).fields.find(([found]) => found === key)?.[1] ?? null).toBe(
          expected,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("reads a view into a larger buffer, and plain bytes", () => {
    const around = bytes("B: no\r\nNATS/1.0\r\nA: x\r\n\r\nA: no\r\n");
    const view = new Uint8Array(around.buffer, around.byteOffset + 7, 18);
    expect(headerValue(view, "A")).toBe("x");
    expect(headerValue(view, "B")).toBeNull();
    expect(parseHeaders(view).fields).toEqual([["A", "x"]]);
    expect(text(setHeader(view, "A", "y"))).toBe("NATS/1.0\r\nA: y\r\n\r\n");
  });
});

describe("parsing", () => {
  it.each([
    ["NATS/1.0\r\n\r\n", null, ""],
    ["NATS/1.0 503\r\n\r\n", 503, ""],
    ["NATS/1.0 100 Idle Heartbeat\r\n\r\n", 100, "Idle Heartbeat"],
    ["NATS/1.0  408   Request Timeout \r\n\r\n", 408, "Request Timeout"],
    ["NATS/1.0 12\r\n\r\n", null, ""],
    ["NATS/1.0 1234\r\n\r\n", null, ""],
    ["HTTP/1.1 200 OK\r\n\r\n", null, ""],
    ["", null, ""],
  ])("the status of %j", (block, code, description) => {
    expect(parseHeaders(bytes(block))).toEqual({ code, description, fields: [] });
  });

  it("keeps order and repeated names, and passes over what is no field", () => {
    const block = "NATS/1.0\r\nA: 1\r\nnonsense\r\n: nothing\r\nb:2\r\nA:   3: 4 \r\n\r\nlate: 5";
    expect(parseHeaders(bytes(block)).fields).toEqual([
      ["A", "1"],
      ["b", "2"],
      ["A", "3: 4 "],
      ["late", "5"],
    ]);
  });
});

describe("building", () => {
  it("writes fields, a status, and both", () => {
    expect(text(encodeHeaders([]))).toBe("NATS/1.0\r\n\r\n");
    expect(
      text(
        encodeHeaders([
          ["A", "x"],
          ["B", ""],
        ]),
      ),
    ).toBe("NATS/1.0\r\nA: x\r\nB: \r\n\r\n");
    expect(text(encodeStatus(503, "", [["Nats-Subject", "x"]]))).toBe(
      "NATS/1.0 503\r\nNats-Subject: x\r\n\r\n",
    );
    expect(text(encodeStatus(100, "Idle Heartbeat"))).toBe("NATS/1.0 100 Idle Heartbeat\r\n\r\n");
  });

  it("never lets a value or a description begin another header", () => {
    const forged = encodeStatus(400, "x\r\nB: 1", [["A", "x\r\nB: 2\r\n\r\n"]]);
    expect(text(forged)).toBe("NATS/1.0 400 x  B: 1\r\nA: x  B: 2    \r\n\r\n");
    expect(headerValue(forged, "B")).toBeNull();
    expect(text(setHeader(null, "A", "x\nB: 1"))).toBe("NATS/1.0\r\nA: x B: 1\r\n\r\n");
  });

  it.each(["", "a:b", "a b", "a\r\nb", "é"])("takes %j for our mistake, as a name", (bad) => {
    expect(() => encodeHeaders([[bad, "x"]])).toThrow(AssertionError);
    expect(() => setHeader(null, bad, "x")).toThrow(AssertionError);
  });

  it("takes text that is no wire string, or a status that is none, for our mistake", () => {
    expect(() => encodeHeaders([["A", "\u0100"]])).toThrow(AssertionError);
    expect(() => encodeStatus(99)).toThrow(AssertionError);
    expect(() => encodeStatus(50.5)).toThrow(AssertionError);
  });

  it("is read back the same, here and by a client", () => {
    const ascii = fc.tuple(name, fc.stringMatching(/^([!-~]([ -~]{0,6}[!-~])?)?$/));
    fc.assert(
      fc.property(fc.array(ascii, { maxLength: 5 }), fc.constantFrom(null, 100, 503), (fields, code) => {
        const block = code === null ? encodeHeaders(fields) : encodeStatus(code, "Some Words", fields);
        expect(parseHeaders(block)).toEqual({ code, description: code === null ? "" : "Some Words", fields });
        const client = MsgHdrsImpl.decode(block);
        expect(client.code).toBe(code ?? 0);
        for (const [key] of fields) {
          expect(client.values(key)).toEqual(
            fields.filter(([other]) => other === key).map(([, text]) => text),
          );
          expect(headerValue(block, key)).toBe(fields.find(([other]) => other === key)?.[1]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("changing", () => {
  it.each([
    [null, "NATS/1.0\r\nA: new\r\n\r\n"],
    ["", "NATS/1.0\r\nA: new\r\n\r\n"],
    ["NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: new\r\n\r\n"],
    ["NATS/1.0\r\nA: 1\r\n\r\n", "NATS/1.0\r\nA: new\r\n\r\n"],
    ["NATS/1.0\r\nA: 1\r\nB: 2\r\nA: 3\r\nA: 4\r\n\r\n", "NATS/1.0\r\nB: 2\r\nA: new\r\n\r\n"],
    ["NATS/1.0 503 x\r\nA: 1\r\n\r\n", "NATS/1.0 503 x\r\nA: new\r\n\r\n"],
    ["NATS/1.0\r\nB: 2\r\n", "NATS/1.0\r\nB: 2\r\nA: new\r\n\r\n"],
    ["NATS/1.0\r\nB: 2", "NATS/1.0\r\nB: 2\r\nA: new\r\n\r\n"],
    ["NATS/1.0\r\nB: 2\r\nA: 1", "NATS/1.0\r\nB: 2\r\nA: new\r\n\r\n"],
  ])("sets A in %j", (block, expected) => {
    expect(text(setHeader(block === null ? null : bytes(block), "A", "new"))).toBe(expected);
  });

  it.each([
    ["NATS/1.0\r\nA: 1\r\n\r\n", null],
    ["NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n", null],
    ["NATS/1.0\r\nA: 1", null],
    ["NATS/1.0 503\r\nA: 1\r\n\r\n", "NATS/1.0 503\r\n\r\n"],
    ["NATS/1.0\r\nA: 1\r\nB: 2\r\nA:\r\n\r\n", "NATS/1.0\r\nB: 2\r\n\r\n"],
    ["NATS/1.0\r\nAB: 1\r\nB: A: 2\r\nA: 3\r\n\r\n", "NATS/1.0\r\nAB: 1\r\nB: A: 2\r\n\r\n"],
  ])("removes A from %j", (block, expected) => {
    expect(text(removeHeader(bytes(block), "A"))).toBe(expected);
  });

  it("gives the block itself back when there is nothing to remove", () => {
    const block = bytes("NATS/1.0\r\nB: 2\r\n\r\n");
    expect(removeHeader(block, "A")).toBe(block);
  });

  it("leaves the original and all other fields as they were", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), name, value, (fields, key, newValue) => {
        const block = encodeHeaders(fields);
        const before = Buffer.from(block);
        const others: HeaderField[] = parseHeaders(block).fields.filter(([other]) => other !== key);

        const removed = removeHeader(block, key);
        expect(removed === null ? [] : parseHeaders(removed).fields).toEqual(others);
        const set = setHeader(block, key, newValue);
        expect(parseHeaders(set).fields).toEqual([...others, [key, newValue.replace(/^ +/, "")]]);
        expect(block.equals(before)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves no trace of a name in any bytes, and finds what it set there", () => {
    fc.assert(
      fc.property(anyBlock, fc.constantFrom("A", "a", "Ab"), (block, key) => {
        const removed = removeHeader(bytes(block), key);
        if (removed !== null) expect(headerValue(removed, key)).toBeNull();
        const set = setHeader(bytes(block), key, "new");
        expect(headerValue(set, key)).toBe("new");
        expect(parseHeaders(set).fields.filter(([found]) => found === key)).toEqual([[key, "new"]]);
        expect(text(set)?.endsWith(`\r\n${key}: new\r\n\r\n`)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
