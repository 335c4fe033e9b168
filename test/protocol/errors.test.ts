import { describe, expect, it } from "vitest";
import * as errors from "../../src/protocol/errors.ts";
import { ProtocolError, quote, recoverable } from "../../src/protocol/errors.ts";
import { processorMs } from "../fixture/processor-time.ts";

describe("fatal errors", () => {
  it.each([
    [errors.unknownOperation("x"), "Unknown Protocol Operation", "Protocol Violation"],
    [errors.malformed("x"), null, "Protocol Violation"],
    [errors.controlLineTooLong(), "maximum control line exceeded", "Maximum Control Line Exceeded"],
    [errors.payloadTooLarge(2, 1), "Maximum Payload Violation", "Maximum Message Payload Exceeded"],
    [errors.authorizationViolation(), "Authorization Violation", "Authentication Failure"],
    [errors.authenticationTimeout(), "Authentication Timeout", "Authentication Timeout"],
    [errors.staleConnection(), "Stale Connection", "Stale Connection"],
    [errors.connectionsExceeded(), "maximum connections exceeded", "Maximum Connections Exceeded"],
    [
      errors.accountConnectionsExceeded(),
      "maximum account active connections exceeded",
      "Maximum Account Connections Exceeded",
    ],
    [errors.invalidClientProtocol(), "invalid client protocol", "Bad Client Protocol Version"],
    [
      errors.noRespondersRequiresHeaders(),
      "no responders requires headers support",
      "No Responders Requires Headers",
    ],
  ])("%s", (error, text, reason) => {
    expect(error).toBeInstanceOf(ProtocolError);
    expect([error.text, error.reason]).toEqual([text, reason]);
    expect(error.message.startsWith(text ?? reason)).toBe(true);
  });

  it("tell the operator more than the peer", () => {
    expect(errors.payloadTooLarge(20, 10).message).toBe("Maximum Payload Violation: 20 > 10 bytes");
    expect(errors.malformed("SUB with 1 arguments").message).toBe("Protocol Violation: SUB with 1 arguments");
  });
});

describe("errors that leave the connection open", () => {
  it("name what was refused", () => {
    expect(recoverable.publishDenied("a.b")).toBe('Permissions Violation for Publish to "a.b"');
    expect(recoverable.replyDenied("a.b")).toBe('Permissions Violation for Publish with Reply of "a.b"');
    expect(recoverable.subscribeDenied("a", null)).toBe('Permissions Violation for Subscription to "a"');
    expect(recoverable.subscribeDenied("a", "q")).toBe(
      'Permissions Violation for Subscription to "a" using queue "q"',
    );
    expect(recoverable.tooManyTokens("a.b")).toBe(
      'Permissions Violation for Subscription to "a.b", too many tokens',
    );
  });
});

describe("quoting", () => {
  const wire = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

  it.each([
    ["", '""'],
    ["plain.subject_1-*>", '"plain.subject_1-*>"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["'", `"'"`],
    [" ", '" "'],
    ["\x07\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\x00\x1f\x7f", '"\\x00\\x1f\\x7f"'],
  ])("%j", (text, quoted) => {
    expect(quote(text)).toBe(quoted);
  });

  it.each(["grüß", "日本.語", "😀", "\ufffd", "e\u0301", "€", "½", "«»"])("leaves %j as it is", (text) => {
    expect(quote(wire(text))).toBe(`"${wire(text)}"`);
  });

  it.each([
    ["\u0080", "\\u0080"],
    ["\u00a0", "\\u00a0"],
    ["\u00ad", "\\u00ad"],
    ["\u200b", "\\u200b"],
    ["\u2028", "\\u2028"],
    ["\ufeff", "\\ufeff"],
    ["\ue000", "\\ue000"],
    ["\u{10ffff}", "\\U0010ffff"],
  ])("escapes %j, which cannot be printed, as a character", (text, escaped) => {
    expect(quote(wire(`a${text}b`))).toBe(`"a${escaped}b"`);
  });

  it.each([
    ["\xff", "\\xff"],
    ["\x80", "\\x80"],
    ["\xc3", "\\xc3"],
    ["\xc3(", "\\xc3("],
    // Longer than needed, a surrogate, beyond the last character, cut short.
    ["\xc0\xaf", "\\xc0\\xaf"],
    ["\xe0\x80\xaf", "\\xe0\\x80\\xaf"],
    ["\xed\xa0\x80", "\\xed\\xa0\\x80"],
    ["\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"],
    ["\xe2\x82", "\\xe2\\x82"],
  ])("escapes %j, which is no UTF-8, byte by byte", (bytes, escaped) => {
    expect(quote(bytes)).toBe(`"${escaped}"`);
    expect(quote(`${wire("ü")}${bytes}${wire("ü")}`)).toBe(`"${wire("ü")}${escaped}${wire("ü")}"`);
  });

  it("is quick with a long name", () => {
    const name = wire("ü\xff\x00").repeat(100_000);
    expect(processorMs(() => void quote(name))).toBeLessThan(5_000);
  });
});
