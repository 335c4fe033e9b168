import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LeafOperations } from "../../src/leaf/operations.ts";
import { LeafParser } from "../../src/leaf/parser.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";

const limits = { maxControlLineBytes: 4_096, maxPayloadBytes: 1_024 };

/** Writes down what it is handed, in words. */
class Recorder implements LeafOperations {
  readonly said: string[] = [];

  onMessage(
    ...[
      bytes,
      subjectStart,
      subjectEnd,
      replyStart,
      replyEnd,
      tailStart,
      headerBytes,
      bodyStart,
      bodyEnd,
      ,
      ,
      queues,
    ]: Parameters<LeafOperations["onMessage"]>
  ): void {
    const text = (from: number, to: number): string => bytes.latin1Slice(from, to);
    const size = bodyEnd - bodyStart;
    const reply = text(replyStart, replyEnd);
    const sizes = headerBytes > 0 ? `${headerBytes} ${size}` : `${size}`;
    // The invariant that everything behind the parser lives on.
    expect(text(tailStart, bodyEnd + 2)).toBe(
      `${reply === "" ? "" : `${reply} `}${sizes}\r\n${text(bodyStart, bodyEnd)}\r\n`,
    );
    this.said.push(
      `msg ${text(subjectStart, subjectEnd)} r=${reply} q=${queues.join(",")} ${sizes} ${text(bodyStart, bodyEnd)}`,
    );
  }

  onInterest(subject: string, queue: string | null, weight: number): void {
    this.said.push(`+ ${subject} ${queue} ${weight}`);
  }

  onNoInterest(subject: string, queue: string | null): void {
    this.said.push(`- ${subject} ${queue}`);
  }

  onConnect(json: Buffer): void {
    this.said.push(`connect ${json.toString()}`);
  }

  onInfo(json: Buffer): void {
    this.said.push(`info ${json.toString()}`);
  }

  onPing(): void {
    this.said.push("ping");
  }

  onPong(): void {
    this.said.push("pong");
  }

  onError(text: string): void {
    this.said.push(`err ${text}`);
  }

  onEarlyOperation(name: string): never {
    throw new ProtocolError("Authorization Violation", "Protocol Violation", name);
  }
}

function parse(...chunks: string[]): string[] {
  const recorder = new Recorder();
  const parser = new LeafParser(recorder, limits);
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk, "latin1");
    parser.parse(bytes, 0, bytes.length, false);
  }
  expect(parser.heldBytes).toBe(0);
  return recorder.said;
}

describe("lines", () => {
  test.each([
    ["LMSG a 1\r\nx\r\n", "msg a r= q= 1 x"],
    ["LMSG a b 1\r\nx\r\n", "msg a r=b q= 1 x"],
    ["LMSG a | q 1\r\nx\r\n", "msg a r= q=q 1 x"],
    ["LMSG a | q w v 1\r\nx\r\n", "msg a r= q=q,w,v 1 x"],
    ["LMSG a + r q 1\r\nx\r\n", "msg a r=r q=q 1 x"],
    ["LMSG a + r q w 001\r\nx\r\n", "msg a r=r q=q,w 1 x"],
    ["LMSG a + 1\r\nx\r\n", "msg a r=+ q= 1 x"],
    ["LMSG a | 0\r\n\r\n", "msg a r=| q= 0 "],
    ["lmsg  a\tb  01 \nx\r\n", "msg a r=b q= 1 x"],
    ["HMSG a 3 4\r\nhhhx\r\n", "msg a r= q= 3 4 hhhx"],
    ["HMSG a b 3 4\r\nhhhx\r\n", "msg a r=b q= 3 4 hhhx"],
    ["HMSG a | q 3 4\r\nhhhx\r\n", "msg a r= q=q 3 4 hhhx"],
    ["HMSG a + b q w 3 4\r\nhhhx\r\n", "msg a r=b q=q,w 3 4 hhhx"],
    ["HMSG a 0 1\r\nx\r\n", "msg a r= q= 1 x"],
    ["LS+ a\r\n", "+ a null 1"],
    ["LS+ a q 3\r\n", "+ a q 3"],
    ["LS+ a q x\r\n", "+ a q 1"],
    ["ls- a q\r\n", "- a q"],
    ["LS- a\n", "- a null"],
    ['INFO {"a":1} \r\n', 'info {"a":1} '],
    ['CONNECT{"a":1}\r\n', 'connect {"a":1}'],
    ["PING\r\n", "ping"],
    ["-ERR 'no'\r\n", "err 'no'"],
  ])("%j", (line, said) => {
    expect(parse(line)).toEqual([said]);
  });

  test("that repeat themselves are told apart from those that nearly do", () => {
    const same = "LMSG a.b r 2\r\nxy\r\n";
    const other = "LMSG a.c r 2\r\nxy\r\n";
    expect(parse(same + same + other + same + "LMSG a.b r 3\r\nxyz\r\n")).toHaveLength(5);
    expect(parse(same + other)[1]).toBe("msg a.c r=r q= 2 xy");
  });

  test.each([
    "LS+ a q\r\n",
    "LS+ a q 1 2\r\n",
    "LS+\r\n",
    "LS- a b c\r\n",
    "LMSG a\r\n",
    "LMSG a b c 1\r\nx\r\n",
    "LMSG a -1\r\n",
    "LMSG a 1025\r\n",
    "LMSG a 1\r\nxx\r\n",
    "HMSG a 2 1\r\nx\r\n",
    "HMSG a 1\r\nx\r\n",
    "SUB a 1\r\n",
    "FOO\r\n",
    "X",
    `LS+ ${"a".repeat(70_000)}`,
  ])("%j is an error of the other end", (line) => {
    expect(() => parse(line)).toThrow(ProtocolError);
  });

  test("only what is expected comes through", () => {
    const parser = new LeafParser(new Recorder(), limits);
    const say = (text: string): void => parser.parse(Buffer.from(text), 0, text.length, false);
    parser.expect("info");
    say("PING\r\nINFO {}\r\n");
    expect(() => say("CONNECT {}\r\n")).toThrow("CONNECT");
    parser.expect("connect");
    say("CONNECT {}\r\n");
    expect(() => say("PING\r\n")).toThrow("PING");
    expect(() => say("LMSG a 1\r\nx\r\n")).toThrow("LMSG");
  });
});

describe("any split of the bytes", () => {
  const token = fc.constantFrom("a", "a.b", "foo.bar.baz", "\xc3\xa4", "$JS.ACK.S.C.1.1.1.1.0@x");
  const body = fc.string({ maxLength: 60 });
  const operation = fc.oneof(
    fc.tuple(token, body).map(([subject, text]) => `LMSG ${subject} ${text.length}\r\n${text}\r\n`),
    fc
      .tuple(token, token, body)
      .map(([subject, reply, text]) => `LMSG ${subject} ${reply} ${text.length}\r\n${text}\r\n`),
    fc
      .tuple(token, token, fc.array(token, { minLength: 1, maxLength: 4 }), body)
      .map(
        ([subject, reply, queues, text]) =>
          `LMSG ${subject} + ${reply} ${queues.join(" ")} ${text.length}\r\n${text}\r\n`,
      ),
    fc.tuple(token, body).map(([subject, text]) => `HMSG ${subject} 2 ${text.length + 2}\r\nhh${text}\r\n`),
    token.map((subject) => `LS+ ${subject}\r\n`),
    fc
      .tuple(token, token, fc.nat(9))
      .map(([subject, queue, weight]) => `LS+ ${subject} ${queue} ${weight}\r\n`),
    token.map((subject) => `LS- ${subject}\r\n`),
    fc.constantFrom("PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n"),
  );

  test("gives the same operations", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (operations, cuts) => {
          const text = operations.map((each) => Buffer.from(each, "utf8").toString("latin1")).join("");
          const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
          const chunks = [0, ...places].map((place, at) => text.slice(place, places[at] ?? text.length));
          expect(safely(...chunks)).toEqual(safely(text));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("garbage is refused or taken, and nothing else happens", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(operation, fc.string(), fc.constantFrom("LMSG ", "\r\n", "LS+ ", "{")), {
          maxLength: 8,
        }),
        (pieces) => {
          const text = Buffer.from(pieces.join(""), "utf8").toString("latin1");
          safely(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});

function safely(...chunks: string[]): string[] {
  const recorder = new Recorder();
  const parser = new LeafParser(recorder, limits);
  try {
    for (const chunk of chunks) {
      const bytes = Buffer.from(chunk, "latin1");
      parser.parse(bytes, 0, bytes.length, false);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [...recorder.said, "error"];
  }
  return recorder.said;
}
