import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { viewBytes, wordsSlackBytes, writeWords } from "../../src/base/bytes.ts";
import {
  deliveryPrefix,
  errorLine,
  infoLine,
  noRespondersMessage,
  okLine,
  pingLine,
  pongLine,
  prefixBytesMax,
  writePrefix,
} from "../../src/protocol/encoder.ts";

const name = fc.string({ unit: fc.constantFrom("a", ".", "\xff", "1"), minLength: 1, maxLength: 60 });

describe("lines of the broker", () => {
  it("end in CRLF", () => {
    expect([okLine, pingLine, pongLine]).toEqual(["+OK\r\n", "PING\r\n", "PONG\r\n"]);
    expect(errorLine("no")).toBe("-ERR 'no'\r\n");
  });

  it("carry INFO as UTF-8, one character a byte, and a blank at its end", () => {
    expect(infoLine({ a: 1 })).toBe('INFO {"a":1} \r\n');
    const line = infoLine({ name: "grüß 😀" });
    expect(Buffer.from(line, "latin1").toString("utf8")).toBe('INFO {"name":"grüß 😀"} \r\n');
  });

  it("answer a request that nobody takes, with sizes that count bytes", () => {
    expect(noRespondersMessage("in.1", "7", "nobody")).toBe(
      "HMSG in.1 7 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n",
    );
    expect(noRespondersMessage("r", "s", "")).toContain(" 32 32\r\n");
    expect(noRespondersMessage("r", "s", "\xc3\xbc")).toContain(" 34 34\r\n");
  });
});

describe("the start of a delivery", () => {
  it("is ready-made for a literal subject", () => {
    fc.assert(
      fc.property(name, name, (subject, sid) => {
        const { literal } = deliveryPrefix(subject, sid);
        for (const [words, text] of [
          [literal?.plain, `MSG ${subject} ${sid} `],
          [literal?.headers, `HMSG ${subject} ${sid} `],
        ] as const) {
          const target = Buffer.alloc(text.length + wordsSlackBytes);
          expect(writeWords(viewBytes(target), 0, words as NonNullable<typeof words>)).toBe(text.length);
          expect(target.latin1Slice(0, text.length)).toBe(text);
        }
      }),
    );
  });

  it("holds the message's own subject for a pattern, within the room that is promised", () => {
    fc.assert(
      fc.property(name, name, fc.boolean(), fc.nat(5), (subject, sid, hasHeaders, before) => {
        const { literal, infix } = deliveryPrefix(null, sid);
        expect(literal).toBe(null);
        const text = `${hasHeaders ? "H" : ""}MSG ${subject} ${sid} `;
        const room = prefixBytesMax + subject.length + sid.length + 2;
        const target = Buffer.alloc(before + room, "#");
        const source = viewBytes(Buffer.from(`##${subject}##`, "latin1"));
        const end = writePrefix(viewBytes(target), before, hasHeaders, source, 2, 2 + subject.length, infix);
        expect(end).toBe(before + text.length);
        expect(target.latin1Slice(0, end)).toBe(`${"#".repeat(before)}${text}`);
      }),
    );
  });
});
