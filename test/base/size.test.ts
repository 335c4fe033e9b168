import { expect, test } from "vitest";
import { parseSize } from "../../src/base/size.ts";

test.each([
  ["0", 0],
  ["1000", 1_000],
  ["12B", 12],
  ["64k", 65_536],
  ["64KB", 65_536],
  ["64 KiB", 65_536],
  ["10mb", 10_485_760],
  ["1.5G", 1_610_612_736],
  ["2TiB", 2_199_023_255_552],
])("%s is %d bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "MB", "-1", "1e3", "10 XB", "1,5G", "10M B", "Infinity", "9000000T"])(
  "%j is no size",
  (text) => {
    expect(parseSize(text)).toBeNull();
  },
);
