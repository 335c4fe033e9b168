/** Whether a filter takes a stored message, told from its bytes: a string for each message would cost more than all else. */
import { DOT } from "../base/bytes.ts";
import type { LogFilter, StoredMessage } from "./contract.ts";

/** A token of a pattern: its bytes, or what stands for any. */
type Token = Buffer | "*" | ">";

export class SubjectMatcher {
  readonly #patterns: readonly (readonly Token[])[];

  constructor(filter: LogFilter) {
    this.#patterns = filter.patterns.map((pattern) => pattern.split(".").map(tokenOf));
  }

  takes({ bytes, subjectStart, subjectEnd }: StoredMessage): boolean {
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
      for (let place = 0; place < token.length; place++) if (bytes[at + place] !== token[place]) return false;
      at = tokenEnd;
    }
    // Over the dot, or beyond the end.
    at++;
  }
  return at === end + 1;
}
