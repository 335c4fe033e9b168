import { describe, expect, test } from "vitest";
import { DerReader, derTag, objectIdentifierText, stringText, stringValue } from "../../src/auth/der.ts";

const hex = (text: string): Buffer => Buffer.from(text, "hex");

describe("reading values", () => {
  test("one after the other, with short and long lengths", () => {
    const long = Buffer.concat([hex("048200c8"), Buffer.alloc(200, 1)]);
    const reader = new DerReader(Buffer.concat([hex("0c0161"), long, hex("0500")]));
    expect(reader.next()).toMatchObject({
      tag: derTag.utf8String,
      content: Buffer.from("a"),
      whole: hex("0c0161"),
    });
    expect(reader.optional(derTag.sequence)).toBeNull();
    expect(reader.expect(derTag.octetString).content).toHaveLength(200);
    expect(reader.done).toBe(false);
    expect(reader.optional(5)?.content).toHaveLength(0);
    expect(reader.done).toBe(true);
    expect(reader.optional(5)).toBeNull();
  });

  test.each([
    ["nothing", "", /cut off/],
    ["a tag alone", "30", /cut off/],
    ["a length cut off", "3082", /cut off/],
    ["content cut off", "300401", /beyond its container/],
    ["an indefinite length", "3080", /length that is not supported/],
    ["a length of five octets", "308500000000", /length that is not supported/],
    ["a tag of two octets", "1f8100", /tag of more than one octet/],
  ])("%s is refused", (_what, bytes, message) => {
    expect(() => new DerReader(hex(bytes)).next()).toThrow(message);
  });

  test("another tag than expected is refused", () => {
    expect(() => new DerReader(hex("0500")).expect(derTag.sequence)).toThrow("tag 5 where 48 was expected");
  });
});

describe("object identifiers", () => {
  test.each([
    ["550403", "2.5.4.3"],
    ["2a864886f70d010901", "1.2.840.113549.1.9.1"],
    ["0992268993f22c640119", "0.9.2342.19200300.100.1.25"],
    ["883703", "2.999.3"],
    ["27", "0.39"],
    ["28", "1.0"],
  ])("%s is %s", (bytes, text) => {
    expect(objectIdentifierText(hex(bytes))).toBe(text);
  });

  test.each(["", "80", "ffffffffffffffffffff7f"])("%j is none", (bytes) => {
    expect(() => objectIdentifierText(hex(bytes))).toThrow(/object identifier/);
  });
});

describe("strings", () => {
  test.each([
    [derTag.utf8String, "c5bd", "Ž"],
    [derTag.utf8String, "efbbbf61", "\ufeffa"],
    [derTag.printableString, "61", "a"],
    [derTag.teletexString, "e9", "é"],
    [derTag.bmpString, "017d00e9", "Žé"],
  ])("of tag %d, %s, are %j", (tag, bytes, text) => {
    expect(stringText({ tag, content: hex(bytes), whole: hex("") })).toBe(text);
  });

  test.each([
    ["broken UTF-8", derTag.utf8String, "ff"],
    ["half a character", derTag.bmpString, "017d00"],
    ["an integer", 2, "01"],
  ])("%s is none", (_what, tag, bytes) => {
    expect(() => stringText({ tag, content: hex(bytes), whole: hex("") })).toThrow();
  });

  test.each([
    ["com", "1303636f6d"],
    ["a@b", "0c03614062"],
    ["é", "0c02c3a9"],
    ["", "1300"],
  ])("%j is written %s", (text, bytes) => {
    expect(stringValue(text).toString("hex")).toBe(bytes);
  });

  test("long ones are written with a length in octets", () => {
    expect(stringValue("x".repeat(127)).subarray(0, 2)).toEqual(hex("137f"));
    expect(stringValue("x".repeat(128)).subarray(0, 3)).toEqual(hex("138180"));
    expect(stringValue("x".repeat(1000)).subarray(0, 4)).toEqual(hex("138203e8"));
  });
});
