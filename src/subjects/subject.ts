/**
 * What a subject is: tokens separated by dots; `*` stands for one token and `>` for one or more at the end.
 *
 * Inside the broker a subject is a **wire string**: one character for each byte received, so that comparing
 * strings is comparing bytes, whatever the bytes are. Text from configuration and JSON is converted at the edge.
 */

export function wireFromText(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function textFromWire(wire: string): string {
  return Buffer.from(wire, "latin1").toString("utf8");
}

/** A subject one may subscribe to: no empty token, and `>` only as the last one. */
export function isValidSubject(subject: string): boolean {
  return checkTokens(subject, true);
}

/** A subject without wildcards that one may publish to. */
export function isValidLiteralSubject(subject: string): boolean {
  return checkTokens(subject, false);
}

/** True when a whole token is `*` or `>`; `foo*` and `a.b>` are plain names. */
export function hasWildcard(subject: string): boolean {
  for (let at = 0; at < subject.length; at++) {
    const code = subject.charCodeAt(at);
    if (code !== 0x2a && code !== 0x3e) continue;
    const startsToken = at === 0 || subject.charCodeAt(at - 1) === 0x2e;
    const endsToken = at + 1 === subject.length || subject.charCodeAt(at + 1) === 0x2e;
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
  const tokens = tokensOf(subject);
  const patternTokens = tokensOf(pattern);
  for (let at = 0; at < patternTokens.length; at++) {
    const wanted = patternTokens[at];
    if (wanted === ">") return tokens.length > at;
    const token = tokens[at];
    if (token === undefined || token === ">") return false;
    if (wanted !== "*" && wanted !== token) return false;
  }
  return tokens.length === patternTokens.length;
}

/** Whether some literal subject matches both. */
export function collides(left: string, right: string): boolean {
  const a = tokensOf(left);
  const b = tokensOf(right);
  for (let at = 0; ; at++) {
    const x = a[at];
    const y = b[at];
    if (x === undefined || y === undefined) return x === y;
    if (x === ">" || y === ">") return true;
    if (x !== y && x !== "*" && y !== "*") return false;
  }
}

function checkTokens(subject: string, wildcardsAllowed: boolean): boolean {
  if (subject.length === 0) return false;
  const tokens = tokensOf(subject);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as string;
    if (token.length === 0) return false;
    if (token === ">" && (!wildcardsAllowed || at !== tokens.length - 1)) return false;
    if (token === "*" && !wildcardsAllowed) return false;
    if (/[ \t\r\n\f]/.test(token)) return false;
  }
  return true;
}
