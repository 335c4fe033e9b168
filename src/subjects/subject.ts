/**
 * What a subject is: tokens separated by dots; `*` stands for one token and `>` for one or more at the end.
 * Both are wildcards only as whole tokens: `foo*` and `a.b>` are plain names.
 *
 * Inside the broker a subject is a **wire string**: one character for each byte received, so that comparing
 * strings is comparing bytes, whatever the bytes are. Text from configuration and JSON is converted at the edge.
 */

import { CR, DOT, GREATER, LF, SPACE, STAR, TAB } from "../base/bytes.ts";

const FORM_FEED = 0x0c;

export function wireFromText(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Bytes that are not UTF-8 come out as U+FFFD, so this is for people to read, not for the way back. */
export function textFromWire(wire: string): string {
  return Buffer.from(wire, "latin1").toString("utf8");
}

/** A pattern: no empty token, no white space, and `>` only as the last token. Source: nats-server `IsValidSubject`. */
export function isValidSubject(subject: string): boolean {
  let tokenStart = 0;
  for (let at = 0; at < subject.length; at++) {
    const code = subject.charCodeAt(at);
    if (code === DOT) {
      if (at === tokenStart || isRestToken(subject, tokenStart, at)) return false;
      tokenStart = at + 1;
    } else if (code === SPACE || code === TAB || code === LF || code === FORM_FEED || code === CR) {
      return false;
    }
  }
  return tokenStart < subject.length;
}

/**
 * What a pedantic client may publish to: no empty token and no wildcard. White space is not looked for, since the
 * protocol cannot carry it here. Source: nats-server `IsValidLiteralSubject`.
 */
export function isValidLiteralSubject(subject: string): boolean {
  return !hasEmptyToken(subject) && !hasWildcard(subject);
}

export function hasWildcard(subject: string): boolean {
  for (let at = 0; at < subject.length; at++) {
    const code = subject.charCodeAt(at);
    if (code !== STAR && code !== GREATER) continue;
    const startsToken = at === 0 || subject.charCodeAt(at - 1) === DOT;
    const endsToken = at + 1 === subject.length || subject.charCodeAt(at + 1) === DOT;
    if (startsToken && endsToken) return true;
  }
  return false;
}

export function tokensOf(subject: string): string[] {
  return subject.split(".");
}

/**
 * Whether `pattern` covers every subject that `subject` stands for; wildcards in `subject` must themselves be
 * covered, as the reference server's permission checks have it (`*` is covered by `*` and `>`, `>` only by `>`).
 */
export function isCoveredBy(subject: string, pattern: string): boolean {
  return areTokensCoveredBy(tokensOf(subject), tokensOf(pattern));
}

/** `isCoveredBy` for subjects already split. An empty token is covered by `>` alone. */
export function areTokensCoveredBy(tokens: readonly string[], patternTokens: readonly string[]): boolean {
  for (let at = 0; at < patternTokens.length; at++) {
    const wanted = patternTokens[at];
    if (wanted === ">") return tokens.length > at;
    const token = tokens[at];
    if (token === undefined || token === "" || token === ">") return false;
    if (wanted !== "*" && wanted !== token) return false;
  }
  return tokens.length === patternTokens.length;
}

/** Whether some literal subject matches both. Both must be valid. */
export function collides(left: string, right: string): boolean {
  const leftTokens = tokensOf(left);
  const rightTokens = tokensOf(right);
  for (let at = 0; ; at++) {
    const a = leftTokens[at];
    const b = rightTokens[at];
    if (a === undefined || b === undefined) return a === b;
    if (a === ">" || b === ">") return true;
    if (a !== b && a !== "*" && b !== "*") return false;
  }
}

function isRestToken(subject: string, start: number, end: number): boolean {
  return end - start === 1 && subject.charCodeAt(start) === GREATER;
}

function hasEmptyToken(subject: string): boolean {
  return subject === "" || subject.startsWith(".") || subject.endsWith(".") || subject.includes("..");
}
