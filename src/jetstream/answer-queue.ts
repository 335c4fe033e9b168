/**
 * Messages in the form in which they are sent, first in, first out, in blocks that are used again: what waits for the
 * disk is written once and costs no object.
 */
import { type ViewedBytes, viewBytes } from "../base/bytes.ts";
import { assert } from "../base/assert.ts";
import type { Account } from "../broker/account.ts";

const blockBytesMin = 64 * 1024;
const blockAnswers = 1_024;
const fieldsEach = 5;

export interface Answer {
  readonly viewed: ViewedBytes;
  readonly account: Account | null;
  readonly start: number;
  readonly subjectEnd: number;
  readonly bodyStart: number;
  readonly headerBytes: number;
  readonly bodyEnd: number;
}

class AnswerBlock {
  readonly viewed: ViewedBytes;
  /** Where the next answer begins. */
  used = 0;
  count = 0;
  taken = 0;
  readonly #groups = new Float64Array(blockAnswers);
  readonly #fields = new Int32Array(blockAnswers * fieldsEach);
  readonly #accounts: (Account | null)[] = new Array<Account | null>(blockAnswers).fill(null);

  constructor(bytes: number) {
    this.viewed = viewBytes(Buffer.allocUnsafeSlow(bytes));
  }

  hasRoom(bytes: number): boolean {
    return this.count < blockAnswers && this.used + bytes <= this.viewed.bytes.length;
  }

  /** What stands from {@link used} to `bodyEnd` is an answer; its line end is added here. */
  end(
    group: number,
    account: Account,
    subjectEnd: number,
    bodyStart: number,
    headerBytes: number,
    bodyEnd: number,
  ): void {
    const { bytes } = this.viewed;
    bytes[bodyEnd] = 0x0d;
    bytes[bodyEnd + 1] = 0x0a;
    const fields = this.#fields;
    const at = this.count * fieldsEach;
    fields[at] = this.used;
    fields[at + 1] = subjectEnd;
    fields[at + 2] = bodyStart;
    fields[at + 3] = headerBytes;
    fields[at + 4] = bodyEnd;
    this.#groups[this.count] = group;
    this.#accounts[this.count] = account;
    this.used = bodyEnd + 2;
    this.count++;
  }

  /** The first that was not taken; its group must be looked at before. */
  get group(): number {
    return this.#groups[this.taken] as number;
  }

  take(into: Frame): void {
    const at = this.taken * fieldsEach;
    const fields = this.#fields;
    into.viewed = this.viewed;
    into.account = this.#accounts[this.taken] as Account;
    into.start = fields[at] as number;
    into.subjectEnd = fields[at + 1] as number;
    into.bodyStart = fields[at + 2] as number;
    into.headerBytes = fields[at + 3] as number;
    into.bodyEnd = fields[at + 4] as number;
    this.#accounts[this.taken] = null;
    this.taken++;
  }

  empty(): void {
    this.used = 0;
    this.count = 0;
    this.taken = 0;
  }
}

class Frame implements Answer {
  viewed: ViewedBytes;
  account: Account | null = null;
  start = 0;
  subjectEnd = 0;
  bodyStart = 0;
  headerBytes = 0;
  bodyEnd = 0;

  constructor(viewed: ViewedBytes) {
    this.viewed = viewed;
  }
}

export class AnswerQueue {
  /** The oldest first; the last is written to. */
  #blocks: AnswerBlock[] = [new AnswerBlock(blockBytesMin)];
  #spare: AnswerBlock | null = null;
  readonly #frame = new Frame((this.#blocks[0] as AnswerBlock).viewed);

  /** A block with room for `bytes` from its `used` on. What is written there is made an answer by its `end`. */
  reserve(bytes: number): AnswerBlock {
    const last = this.#blocks[this.#blocks.length - 1] as AnswerBlock;
    if (last.hasRoom(bytes)) return last;
    const isCommon = bytes <= blockBytesMin;
    const block = (isCommon ? this.#spare : null) ?? new AnswerBlock(Math.max(bytes, blockBytesMin));
    if (isCommon) this.#spare = null;
    this.#blocks.push(block);
    return block;
  }

  /**
   * The next answer whose group is `group` or before; null when there is none. Valid until the next call.
   */
  take(group: number): Answer | null {
    for (;;) {
      const first = this.#blocks[0];
      assert(first !== undefined, "a queue always has a block");
      if (first.taken < first.count) {
        if (first.group > group) return null;
        first.take(this.#frame);
        return this.#frame;
      }
      // What was taken last has been sent by now.
      first.empty();
      if (this.#blocks.length === 1) {
        // A large one is not kept for small ones.
        if (first.viewed.bytes.length > blockBytesMin) this.#blocks[0] = new AnswerBlock(blockBytesMin);
        return null;
      }
      this.#blocks.shift();
      if (first.viewed.bytes.length === blockBytesMin) this.#spare = first;
    }
  }

  clear(): void {
    this.#blocks = [new AnswerBlock(blockBytesMin)];
    this.#spare = null;
  }
}
