/** Subjects as text, where many messages in a row have the same one: to compare the bytes is a tenth of making a string. */
import { emptyBytes } from "../../../base/bytes.ts";

export class LastSubject {
  #text = "";
  #bytes: Buffer = emptyBytes;

  /** Of the wire string `bytes[start, end)`. */
  textOf(bytes: Buffer, start: number, end: number): string {
    if (!this.#isSame(bytes, start, end)) {
      this.#text = bytes.latin1Slice(start, end);
      if (this.#bytes.length < end - start) this.#bytes = Buffer.allocUnsafeSlow(2 * (end - start));
      for (let at = start; at < end; at++) this.#bytes[at - start] = bytes[at] as number;
    }
    return this.#text;
  }

  /** From the end, where subjects differ. */
  #isSame(bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== this.#text.length) return false;
    const known = this.#bytes;
    for (let at = end - 1; at >= start; at--) if (bytes[at] !== known[at - start]) return false;
    return true;
  }
}
