/** JSON as Go writes it, so that what compares or searches the text of nats-server's answers finds the same here. */

/** What Go's `encoding/json` escapes beyond the standard, to be safe within HTML and JavaScript. */
const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** Stands around an integer that is too large for a number, until it is text. Never in text that was read. */
const bigMark = "\uE000bigint:";

/**
 * Integers are written digit by digit, and never beyond what Go reads: the largest of 64 bits, which a number holds as
 * one more, are written as they were meant.
 * @param value in which integers that a number can not hold are bigints @param indented by two spaces
 */
export function encodeJson(value: unknown, indented: boolean): string {
  let hasBig = false;
  const replacer = (_key: string, part: unknown): unknown => {
    const big = typeof part === "number" && isLargeInteger(part) ? within64Bits(BigInt(part)) : part;
    if (typeof big !== "bigint") return part;
    hasBig = true;
    return `${bigMark}${big}`;
  };
  let text = indented ? JSON.stringify(value, replacer, 2) : JSON.stringify(value, replacer);
  if (hasBig) text = text.replaceAll(new RegExp(`"${bigMark}(-?\\d+)"`, "g"), "$1");
  // None of these occurs in JSON but inside strings.
  return text.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] as string);
}

function isLargeInteger(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

const signedMax = 2n ** 63n - 1n;
const unsignedMax = 2n ** 64n - 1n;

function within64Bits(value: bigint): bigint {
  if (value < -signedMax) return -signedMax - 1n;
  if (value === signedMax + 1n) return signedMax;
  return value > unsignedMax ? unsignedMax : value;
}
