/** Whether a filter takes a stored message, told from its bytes: a string for each message would cost more than all else. */
import { DOT } from "../../base/bytes.ts";
import type { LogFilter, StoredMessage } from "../contract.ts";

/** A token of a pattern: its bytes, or what stands for any. */
type Token = Buffer | "*" | ">";

/** Of more the filter is asked, which does not look at them one by one. */
const patternsMax = 32;

export class SubjectMatcher {
  readonly #filter: LogFilter;
  readonly #patterns: readonly (readonly Token[])[];

  constructor(filter: LogFilter) {
    this.#filter = filter;
    const patterns = filter.patterns.length > patternsMax ? [] : filter.patterns;
    this.#patterns = patterns.map((pattern) => pattern.split(".").map(tokenOf));
  }

  takes(stored: StoredMessage): boolean {
    if (this.#patterns.length === 0) return this.#filter.matches(stored.subject);
    const { bytes, subjectStart, subjectEnd } = stored;
    for (const pattern of this.#patterns) if (isTaken(bytes, subjectStart, subjectEnd, pattern)) return true;
    return false;
  }
}

function tokenOf(text: string): Token {
  return text === "*" || text === ">" ? text : Buffer.from(text, "latin1");
}

function isTaken(bytes: Buffer, start: number, end: number, pattern: readonly Token[]): boolean {
  let at = start;
  for (let index = 0; index < pattern.length; index++) {
    // Where the one before ended the subject.
    if (at > end) return false;
    const token = pattern[index] as Token;
    if (token === ">") return true;
    if (token === "*") {
      while (at < end && bytes[at] !== DOT) at++;
    } else {
      const tokenEnd = at + token.length;
      if (tokenEnd > end || (tokenEnd < end && bytes[tokenEnd] !== DOT)) return false;
      for (let position = 0; position < token.length; position++)
        if (bytes[at + position] !== token[position]) return false;
      at = tokenEnd;
    }
    // Over the dot, or beyond the end.
    at++;
  }
  return at === end + 1;
}
