/**
 * Messages in the form in which they are sent, first in, first out, in blocks that are used again: what waits for the
 * disk is written once and costs no object.
 */
import { CR, LF, type ViewedBytes, viewBytes } from "../base/bytes.ts";
import { assert } from "../base/assert.ts";
import type { Account } from "../broker/account.ts";
import { Message } from "../protocol/message.ts";
import type { Publisher } from "../broker/publisher.ts";

const blockBytesMin = 64 * 1024;
const blockAnswers = 1_024;
const fieldsEach = 5;

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

  hasCapacity(bytes: number): boolean {
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
    bytes[bodyEnd] = CR;
    bytes[bodyEnd + 1] = LF;
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

  /** Fills `message` in with it. @returns whose it is */
  take(message: Message): Account {
    const at = this.taken * fieldsEach;
    const fields = this.#fields;
    message.viewed = this.viewed;
    message.viewedSubject = this.viewed;
    message.subjectStart = fields[at] as number;
    const subjectEnd = fields[at + 1] as number;
    message.subjectEnd = subjectEnd;
    message.tailStart = message.replyStart = message.replyEnd = subjectEnd + 1;
    message.bodyStart = fields[at + 2] as number;
    message.headerBytes = fields[at + 3] as number;
    message.bodyEnd = fields[at + 4] as number;
    message.stable = false;
    message.plainTail = null;
    const account = this.#accounts[this.taken] as Account;
    this.#accounts[this.taken] = null;
    this.taken++;
    return account;
  }

  empty(): void {
    this.used = 0;
    this.count = 0;
    this.taken = 0;
  }
}

export class ReplyQueue {
  /** The oldest first; the last is written to. */
  #blocks: AnswerBlock[] = [new AnswerBlock(blockBytesMin)];
  #spare: AnswerBlock | null = null;
  readonly #message = new Message();

  constructor() {
    this.#message.isScratch = true;
  }

  /** A block with room for `bytes` from its `used` on. What is written there is made an answer by its `end`. */
  reserve(bytes: number): AnswerBlock {
    const last = this.#blocks[this.#blocks.length - 1] as AnswerBlock;
    if (last.hasCapacity(bytes)) return last;
    const isCommon = bytes <= blockBytesMin;
    const block = (isCommon ? this.#spare : null) ?? new AnswerBlock(Math.max(bytes, blockBytesMin));
    if (isCommon) this.#spare = null;
    this.#blocks.push(block);
    return block;
  }

  /** Sends all whose group is `group` or before. Called where routing is allowed. */
  publish(publisher: Publisher, group: number): void {
    for (let account = this.#take(group); account !== null; account = this.#take(group))
      publisher.publishMessage(account, this.#message);
  }

  clear(): void {
    this.#blocks = [new AnswerBlock(blockBytesMin)];
    this.#spare = null;
  }

  /** The next one whose group is `group` or before, in the message. @returns whose it is; null when there is none */
  #take(group: number): Account | null {
    for (;;) {
      const first = this.#blocks[0];
      assert(first !== undefined, "a queue always has a block");
      if (first.taken < first.count) {
        if (first.group > group) return null;
        return first.take(this.#message);
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
}
