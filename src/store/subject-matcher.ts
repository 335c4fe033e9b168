/** Whether a filter takes a stored message, without asking the filter each time. */
import type { LogFilter, StoredMessage } from "./contract.ts";

/** Answers that are kept for a filter. */
const answersMax = 4_096;

export class SubjectMatcher {
  readonly #filter: LogFilter;
  readonly #answers = new Map<string, boolean>();
  /** The subject asked for last; messages of one subject come in runs. */
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #answer = false;

  constructor(filter: LogFilter) {
    this.#filter = filter;
  }

  takes(message: StoredMessage): boolean {
    const { bytes, subjectStart, subjectEnd } = message;
    if (!this.#isLast(bytes, subjectStart, subjectEnd)) {
      this.#answer = this.#ask(message.subject);
      this.#bytes = bytes;
      this.#start = subjectStart;
      this.#end = subjectEnd;
    }
    return this.#answer;
  }

  #isLast(bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== this.#end - this.#start) return false;
    const last = this.#bytes;
    // From behind: that is where subjects differ.
    for (let at = end - 1, lastAt = this.#end - 1; at >= start; at--, lastAt--)
      if (bytes[at] !== last[lastAt]) return false;
    return true;
  }

  #ask(subject: string): boolean {
    let answer = this.#answers.get(subject);
    if (answer !== undefined) return answer;
    answer = this.#filter.matches(subject);
    if (this.#answers.size >= answersMax) this.#answers.clear();
    this.#answers.set(subject, answer);
    return answer;
  }
}
