import fc from "fast-check";
import { expect, test } from "vitest";
import { LastSubject } from "../../../../src/jetstream/stream/message/last-subject.ts";

test("the text is that of the bytes, whatever came before", () => {
  const subject = fc.oneof(
    fc.constantFrom("", "a", "b", "a.b", "a.c", "é", "a.b.c.d.e.f.g.h"),
    fc.string({ unit: fc.constantFrom("a", "b", ".", "\u00ff"), maxLength: 300 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(subject, fc.nat(8)), { maxLength: 30 }), (subjects) => {
      const last = new LastSubject();
      for (const [text, before] of subjects) {
        const bytes = Buffer.from(`${"x".repeat(before)}${text}yy`, "latin1");
        expect(last.textOf(bytes, before, before + text.length)).toBe(text);
      }
    }),
  );
});
