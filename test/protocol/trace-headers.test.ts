import fc from "fast-check";
import { expect, test } from "vitest";
import { isTraceOnly } from "../../src/protocol/trace-headers.ts";

function asked(...lines: string[]): boolean {
  const block = `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  const bytes = Buffer.from(`PUB a\r\n${block}\r\nNats-Trace-Only: 1\r\n`, "latin1");
  return isTraceOnly(bytes, "PUB a\r\n".length, "PUB a\r\n".length + block.length);
}

test.each([
  [["Nats-Trace-Dest: t", "Nats-Trace-Only: true"]],
  [["Nats-Trace-Only:1", "Nats-Trace-Dest:t"]],
  [["A: b", "Nats-Trace-Dest: t", "C: d", "Nats-Trace-Only: \t ON  ", "E: f"]],
  [["Nats-Trace-Dest: not..valid", "Nats-Trace-Only: True"]],
  [
    [
      "Nats-Trace-Dest:",
      "Nats-Trace-Dest: t",
      "Nats-Trace-Only:",
      "Nats-Trace-Only: on",
      "Nats-Trace-Only: no",
    ],
  ],
  [["Nats-Trace-Origin-Account: A", "Nats-Trace-Dest: t", "Nats-Trace-Only: 1"]],
])("%j is for the trace only", (lines) => {
  expect(asked(...lines)).toBe(true);
});

test.each([
  [[]],
  [["Nats-Trace-Only: true"]],
  [["Nats-Trace-Dest: t"]],
  [["Nats-Trace-Dest: t", "Nats-Trace-Only: false"]],
  [["Nats-Trace-Dest: t", "Nats-Trace-Only: 2"]],
  [["Nats-Trace-Dest: trace disabled", "Nats-Trace-Only: true"]],
  [["nats-trace-dest: t", "Nats-Trace-Only: true"]],
  [["Nats-Trace-Dest: t", "nats-trace-only: true"]],
  [["Nats-Trace-Dest: t", "X-Nats-Trace-Only: true"]],
  [["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Nats-Trace-Only: true"]],
])("%j is a message", (lines) => {
  expect(asked(...lines)).toBe(false);
});

test("a block that is none, or a status, is a message", () => {
  const fields = "\r\nNats-Trace-Dest: t\r\nNats-Trace-Only: true\r\n\r\n";
  for (const first of ["NATS/1.1", "NATS/1.0 503", ""]) {
    const bytes = Buffer.from(first + fields);
    expect(isTraceOnly(bytes, 0, bytes.length)).toBe(false);
  }
});

test("the field is found wherever it stands, and nowhere else", () => {
  const text = fc.string({
    unit: fc.constantFrom("N", "a", "t", "s", "-", "O", "n", "l", "y", ":", "\r", "\n"),
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, text, fc.boolean(), (before, after, isThere) => {
      const field = isThere ? "\r\nNats-Trace-Only: 1\r\n" : "";
      const block = `NATS/1.0\r\nNats-Trace-Dest: t\r\nA:${before.replace(/\r\n/g, "")}${field}B:${after.replace(/\r\n/g, "")}\r\n\r\n`;
      const bytes = Buffer.from(block, "latin1");
      expect(isTraceOnly(bytes, 0, bytes.length)).toBe(/\r\nNats-Trace-Only: 1\r\n/.test(block));
    }),
  );
});
