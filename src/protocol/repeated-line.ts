/**
 * The control line of the last publish in the bytes being parsed. Publishers repeat themselves, and comparing a line
 * with the one before, four bytes a step, takes a quarter of the time of reading it: with 16 bytes to nobody a message
 * costs 63 ns instead of 92.
 *
 * Invariant: only a canonical line that was accepted under the limits in force is remembered. It is forgotten before
 * anything else but a publish is parsed, since that may change the limits, and when the bytes are another chunk's.
 */
import { viewBytes, type ViewedBytes } from "../base/bytes.ts";

export class RepeatedLine {
  start = 0;
  /** With CRLF; 0 when there is none. */
  length = 0;
  /** From the start of the line, as are all of these. */
  subjectEnd = 0;
  replyEnd = 0;
  /** -1 for PUB. */
  headerBytes = -1;
  size = 0;
  #bytes: Buffer | null = null;
  #viewed: ViewedBytes | null = null;

  /** Other bytes are parsed from now on. */
  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#viewed = null;
    this.length = 0;
  }

  /** Lets go of the bytes. */
  end(): void {
    this.#bytes = null;
    this.#viewed = null;
    this.length = 0;
  }

  /** `subjectEnd` and `replyEnd` are positions in the bytes. */
  remember(
    start: number,
    length: number,
    subjectEnd: number,
    replyEnd: number,
    headerBytes: number,
    size: number,
  ): void {
    this.start = start;
    this.length = length;
    this.subjectEnd = subjectEnd - start;
    this.replyEnd = replyEnd - start;
    this.headerBytes = headerBytes;
    this.size = size;
  }

  forget(): void {
    this.length = 0;
  }

  /** Whether the same line stands at `at`. */
  isAt(at: number, end: number): boolean {
    const last = this.length - 4;
    if (last < 0 || at + last + 4 > end || this.#bytes === null) return false;
    const { view } = (this.#viewed ??= viewBytes(this.#bytes));
    const before = this.start;
    for (let step = 0; step < last; step += 4) {
      if (view.getInt32(before + step, true) !== view.getInt32(at + step, true)) return false;
    }
    return view.getInt32(before + last, true) === view.getInt32(at + last, true);
  }
}
