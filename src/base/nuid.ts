/**
 * Unique names as NATS has them (a NUID): 22 characters of base 62, of which 12 are random and 10 count up in
 * random steps, so that making one costs no entropy and no two are alike.
 */
import { randomBytes, randomInt } from "node:crypto";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefixLength = 12;
/** 62^5: the counter is two halves of five digits, since 62^10 is beyond an exact number. */
const halfMax = 62 ** 5;
const stepMin = 33;
const stepMax = 333;

export class Nuid {
  #prefix = "";
  #high = 0;
  #low = 0;
  #step = 0;
  /** The digits of `#high`, which changes once in millions. */
  #highText = "";

  /** @param start where the counter begins, as two halves below 62^5; random when left out */
  constructor(start?: { readonly high: number; readonly low: number }) {
    this.#restart();
    if (start === undefined) return;
    this.#setHigh(start.high);
    this.#low = start.low;
  }

  next(): string {
    this.#low += this.#step;
    if (this.#low >= halfMax) {
      this.#low -= halfMax;
      this.#setHigh(this.#high + 1);
      if (this.#high >= halfMax) this.#restart();
    }
    return this.#prefix + this.#highText + fiveDigits(this.#low);
  }

  /** Begins anew with a fresh prefix; a counter that has run out must not begin again under the old one. */
  #restart(): void {
    this.#prefix = randomDigits(prefixLength);
    this.#setHigh(randomInt(halfMax));
    this.#low = randomInt(halfMax);
    this.#step = randomInt(stepMin, stepMax);
  }

  #setHigh(high: number): void {
    this.#high = high;
    this.#highText = fiveDigits(high);
  }
}

/** `length` characters of base 62, each equally likely and unpredictable. */
export function randomDigits(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 62 in a byte: above it some digits would come more often.
      if (byte < 248 && text.length < length) text += digits[byte % 62] as string;
    }
  }
  return text;
}

function fiveDigits(value: number): string {
  let text = "";
  let rest = value;
  for (let at = 0; at < 5; at++) {
    text = (digits[rest % 62] as string) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
