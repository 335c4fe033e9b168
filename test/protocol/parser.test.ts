import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { Parser } from "../../src/protocol/parser.ts";
import { limits, publishCall, Recorder } from "./recorder.ts";

function parse(text: string, parserLimits = limits): string[] {
  const recorder = new Recorder();
  const parser = new Parser(recorder, parserLimits);
  const bytes = Buffer.from(text, "latin1");
  parser.parse(bytes, 0, bytes.length, false);
  return recorder.calls;
}

/** What the peer is told, and why it is closed. */
function refusal(text: string, parserLimits = limits): [text: string | null, reason: string] {
  try {
    parse(text, parserLimits);
  } catch (error) {
    if (error instanceof ProtocolError) return [error.text, error.reason];
    throw error;
  }
  throw new Error(`was accepted: ${JSON.stringify(text)}`);
}

describe("the forms of an operation", () => {
  it.each([
    ["PUB a 2\r\nhi\r\n", publishCall("a", "", -1, "hi")],
    ["PUB a 0\r\n\r\n", publishCall("a", "", -1, "")],
    ["PUB a r 2\r\nhi\r\n", publishCall("a", "r", -1, "hi")],
    ["pUb\ta \t r\t\t0002 \nhi\r\n", publishCall("a", "r", -1, "hi")],
    ["PUB 5 5\r\nhello\r\n", publishCall("5", "", -1, "hello")],
    ["PUB a 5 5\r\nhello\r\n", publishCall("a", "5", -1, "hello")],
    ["HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", publishCall("a", "", 12, "NATS/1.0\r\n\r\nhi")],
    ["HPUB a 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", publishCall("a", "7", 12, "NATS/1.0\r\n\r\nhi")],
    ["HPUB a 4 6\r\nabcdhi\r\n", publishCall("a", "", 4, "abcdhi")],
    ["HPUB a 0 2\r\nhi\r\n", publishCall("a", "", -1, "hi")],
    ["HPUB a r 00 02\r\nhi\r\n", publishCall("a", "r", -1, "hi")],
    ["HPUB a 2 2\r\nhi\r\n", publishCall("a", "", 2, "hi")],
    // Any byte but blanks and line ends is part of a name.
    ["PUB a\x01\xff.\x00 1\r\nx\r\n", publishCall("a\x01\xff.\x00", "", -1, "x")],
    ["PUB a \x1fr 1\r\nx\r\n", publishCall("a", "\x1fr", -1, "x")],
    ["SUB \x01 \x00\r\n", '["SUB","\\u0001",null,"\\u0000"]'],
    ["SUB a 1\r\n", '["SUB","a",null,"1"]'],
    ["sub  a\tq  1 \n", '["SUB","a","q","1"]'],
    ["UNSUB 1\r\n", '["UNSUB","1",0]'],
    ["unsub 1 5\r\n", '["UNSUB","1",5]'],
    ["UNSUB 1 1234567890\r\n", '["UNSUB","1",0]'],
    ["UNSUB 1 -5\r\n", '["UNSUB","1",0]'],
    ["PING\r\n", "PING"],
    ["pingxyz what\n", "PING"],
    ["PONGPING\r\n", "PONG"],
    ['CONNECT {"a":1}\r\n', '["CONNECT","{\\"a\\":1}"]'],
    ['connect{"a": 1}\r\n', '["CONNECT","{\\"a\\": 1}"]'],
    ["CONNECT\r\n", '["CONNECT",""]'],
    ["INFO {}\r\n", '["INFO","{}"]'],
    ["info{}\n", '["INFO","{}"]'],
    ["-ERR 'no way'\r\n", '["-ERR","\'no way\'"]'],
  ])("%j", (text, call) => {
    expect(parse(text)).toEqual([call]);
    expect(parse(`${text}PING\r\n`)).toEqual([call, "PING"]);
  });

  it("has +OK mean nothing", () => {
    expect(parse("+OK\r\n+oK and more\nPING\r\n")).toEqual(["PING"]);
  });
});

describe("what is refused", () => {
  const unknown = ["Unknown Protocol Operation", "Protocol Violation"];
  const silent = [null, "Protocol Violation"];

  it.each([
    "\r\n",
    " PING\r\n",
    "HELLO\r\n",
    "PUBX a 0\r\n\r\n",
    "PUB\r\n",
    "SUB\n",
    "UNSUB\r\n",
    "HPUB\r\n",
    "-ERR\r\n",
    "PUB\x01a 0\r\n\r\n",
    "MSG a 1 0\r\n\r\n",
    "HMSG a 1 0 0\r\n\r\n",
    "LS+ a\r\n",
    "RS+ a\r\n",
    "A+ a\r\n",
    "PUB a 2\r\nhello\r\n",
    "PUB a 2\r\nhi\n\n",
    "PUB a 2\r\nhi\rx",
    "HPUB a 1 2\r\nhi  ",
    "ßUB a 1\r\n",
    // Without the end of a line, too.
    "X",
    "PUBX",
    "SUBS",
    "CONNEXT",
  ])("%j as no operation", (text) => {
    expect(refusal(text)).toEqual(unknown);
  });

  it.each([
    "PUB a\r\n",
    "PUB  \r\n",
    "PUB a b c 1\r\n",
    "PUB a -1\r\n",
    "PUB a 1x\r\n",
    "PUB a +1\r\n",
    "PUB a 1234567890\r\n",
    "PUB a 0000000001\r\n",
    "HPUB a 5\r\n",
    "HPUB a b c 1 1\r\n",
    "HPUB a 5 3\r\n",
    "HPUB a -1 3\r\n",
    "HPUB a 1 x\r\n",
    "SUB a\r\n",
    "SUB a b c d\r\n",
    "UNSUB 1 2 3\r\n",
    // Larger than the limit too, but that is looked at later.
    "HPUB a 9999999 9999998\r\n",
  ])("%j as malformed, without a word", (text) => {
    expect(refusal(text)).toEqual(silent);
  });

  it("HPUB where headers are off, in any form", () => {
    for (const text of ["HPUB a 0 0\r\n\r\n", "HPUB a 2 2\r\nhi\r\n", "hpub a  2 2\r\nhi\r\n"]) {
      const parser = new Parser(new Recorder(), limits);
      parser.headersAllowed = false;
      const bytes = Buffer.from(text);
      expect(() => parser.parse(bytes, 0, bytes.length, false)).toThrow(ProtocolError);
    }
  });

  it("a payload over the limit, before any of it has come", () => {
    const small = { ...limits, maxPayloadBytes: 10 };
    expect(parse("PUB a 10\r\n0123456789\r\n", small)).toHaveLength(1);
    const tooLarge = ["Maximum Payload Violation", "Maximum Message Payload Exceeded"];
    for (const line of ["PUB a 11", "PUB  a 11", "HPUB a 1 11", "HPUB a 11 11", "PUB a 999999999"])
      expect(refusal(`${line}\r\n`, small)).toEqual(tooLarge);
  });

  it("a control line whose arguments are over the limit", () => {
    const small = { ...limits, maxControlLineBytes: 20 };
    const tooLong = ["maximum control line exceeded", "Maximum Control Line Exceeded"];
    const name = "a".repeat(18);
    for (const line of [`PUB ${name} 0`, `SUB ${name} 1`, `PUB    ${name} 0`, `CONNECT ${"x".repeat(20)}`])
      expect(() => parse(`${line}\r\n${line.startsWith("PUB") ? "\r\n" : ""}`, small)).not.toThrow();
    for (const line of [`PUB ${name}a 0`, `PUB  ${name}a 0`, `SUB ${name}a 1`, `CONNECT ${"x".repeat(21)}`])
      expect(refusal(`${line}\r\n\r\n`, small)).toEqual(tooLong);
    // A line that never ends is refused before it fills memory; whatever stands before the arguments counts then.
    expect(refusal(`PUB ${"a".repeat(40)}`, small)).toEqual(tooLong);
  });
});

describe("what a parser holds", () => {
  it("is one operation at most, and nothing between two", () => {
    const parser = new Parser(new Recorder(), limits);
    feed(parser, "PUB a 100000\r\n");
    feed(parser, "x".repeat(99_999));
    expect(parser.heldBytes).toBe("PUB a 100000\r\n".length + 100_002);
    feed(parser, "x\r\nPI");
    expect(parser.heldBytes).toBeLessThanOrEqual(512);
    feed(parser, "NG\r\n");
    expect(parser.heldBytes).toBe(0);
  });

  it("is what came while it was paused, and goes when it is closed", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, limits);
    recorder.then = () => parser.pause();
    feed(parser, "PING\r\nPONG\r\n");
    feed(parser, "PING\r\n");
    expect([recorder.calls, parser.heldBytes, parser.paused]).toEqual([["PING"], 12, true]);
    parser.resume();
    expect([recorder.calls, parser.heldBytes]).toEqual([["PING", "PONG"], 6]);
    parser.close();
    expect(parser.heldBytes).toBe(0);
    parser.resume();
    feed(parser, "PING\r\n");
    expect(recorder.calls).toEqual(["PING", "PONG"]);
  });

  it("keeps its order when paused before an operation that was begun earlier", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, limits);
    feed(parser, "PUB a ");
    parser.expectConnect();
    recorder.then = (call) => {
      if (call === "early") parser.pause();
    };
    feed(parser, "2\r\nhi\r\nPING\r\n");
    expect(recorder.calls).toEqual(["early"]);
    parser.resume();
    expect(recorder.calls).toEqual(["early", publishCall("a", "", -1, "hi"), "PING"]);
  });
});

describe("limits that change", () => {
  it("hold from the next operation on", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, limits);
    feed(parser, "PUB a 5\r\nhello\r\n");
    parser.limits = { ...limits, maxPayloadBytes: 4 };
    expect(() => feed(parser, "PUB a 5\r\nhello\r\n")).toThrow("Maximum Payload Violation");
    expect(recorder.calls).toHaveLength(1);
  });
});

function feed(parser: Parser, text: string): void {
  const bytes = Buffer.from(text, "latin1");
  parser.parse(bytes, 0, bytes.length, false);
}
