import { describe, expect, test } from "vitest";
import { encodeJson } from "../../src/base/json.ts";

describe("integers in JSON", () => {
  test.each<[number | bigint, string]>([
    [2 ** 53 - 1, "9007199254740991"],
    [9007199254740994, "9007199254740994"],
    [2 ** 62, "4611686018427387904"],
    // What a number makes of the largest and the smallest that Go's int64 and uint64 hold.
    [Number("9223372036854775807"), "9223372036854775807"],
    [Number("-9223372036854775808"), "-9223372036854775808"],
    [Number("18446744073709551615"), "18446744073709551615"],
    [1e300, "18446744073709551615"],
    [18446744073709551615n, "18446744073709551615"],
    [0.5, "0.5"],
  ])("%d is written as %s, which Go reads", (value, text) => {
    expect(encodeJson({ value }, false)).toBe(`{"value":${text}}`);
  });
});
