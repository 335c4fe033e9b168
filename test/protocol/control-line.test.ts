import { describe, expect, it } from "vitest";
import { canonicalPublish, splitArguments } from "../../src/protocol/control-line.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";

describe("arguments", () => {
  it.each([
    ["", []],
    ["   \t ", []],
    ["a", ["a"]],
    ["a b", ["a", "b"]],
    [" \ta \t b  ", ["a", "b"]],
    ["a\rb\nc", ["a", "b", "c"]],
    ["\x00 \x01\x1f \xff", ["\x00", "\x01\x1f", "\xff"]],
  ])("of %j", (text, args) => {
    const bytes = Buffer.from(`##${text}##`, "latin1");
    expect(splitArguments(bytes, 2, 2 + text.length)).toEqual(args);
  });
});

describe("a canonical publish", () => {
  it.each([
    [["s", "2"], false, "PUB s 2\r\n", 0, -1, 2],
    [["s", "r", "002"], false, "PUB s r 2\r\n", 1, -1, 2],
    [["s", "0"], false, "PUB s 0\r\n", 0, -1, 0],
    [["s", "4", "6"], true, "HPUB s 4 6\r\n", 0, 4, 6],
    [["s", "rr", "04", "06"], true, "HPUB s rr 4 6\r\n", 2, 4, 6],
    [["s", "6", "6"], true, "HPUB s 6 6\r\n", 0, 6, 6],
    // Receivers see no headers then.
    [["s", "0", "6"], true, "PUB s 6\r\n", 0, -1, 6],
    [["s", "rr", "00", "6"], true, "PUB s rr 6\r\n", 2, -1, 6],
  ])("of %j, headers: %j", (args, hasHeaders, text, replyBytes, headerBytes, size) => {
    expect(canonicalPublish(args, hasHeaders)).toEqual({
      text,
      subjectBytes: 1,
      replyBytes,
      headerBytes,
      size,
    });
  });

  it.each([
    [[], false],
    [["s"], false],
    [["s", "r", "x", "1"], false],
    [["s", "1"], true],
    [["s", "r", "x", "1", "1"], true],
    [["s", "-1"], false],
    [["s", "1.0"], false],
    [["s", ""], false],
    [["s", "1234567890"], false],
    [["s", "7", "6"], true],
    [["s", "x", "6"], true],
  ])("cannot be made of %j, headers: %j", (args, hasHeaders) => {
    expect(() => canonicalPublish(args, hasHeaders)).toThrow(ProtocolError);
  });

  it("says briefly what is wrong with a size", () => {
    expect(() => canonicalPublish(["s", "z".repeat(4_000)], false)).toThrow(/^.{1,100}$/);
  });
});
