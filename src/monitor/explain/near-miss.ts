/** How near a subscription's subject comes to one that it does not match, and what makes the difference. */
import { editDistance } from "../../base/edit-distance.ts";
import { areTokensCoveredBy, textFromWire, tokensOf } from "../../subjects/subject.ts";

export interface NearMiss {
  /** The lower, the likelier a mistake. */
  readonly rank: number;
  readonly kind: "case" | "part_of_token" | "too_short" | "too_long" | "spelling" | "one_token";
  /** Follows the pattern in a sentence. */
  readonly text: string;
}

const capitals = /[A-Z]/;

/** A literal subject, prepared for many comparisons. */
export class SubjectToMiss {
  readonly #subject: string;
  readonly #tokens: readonly string[];
  readonly #lowerTokens: readonly string[];
  readonly #hasCapitals: boolean;

  constructor(subject: string) {
    this.#subject = subject;
    this.#tokens = tokensOf(subject);
    this.#lowerTokens = tokensOf(lowerCase(subject));
    this.#hasCapitals = capitals.test(subject);
  }

  /** @returns null when `pattern` matches, or is nowhere near */
  nearMiss(pattern: string): NearMiss | null {
    const isPlain = !this.#hasCapitals && !capitals.test(pattern) && !pattern.includes("*");
    if (isPlain && !pattern.includes(">") && this.#isFar(pattern)) return null;
    const wanted = tokensOf(pattern);
    if (areTokensCoveredBy(this.#tokens, wanted)) return null;
    return (
      this.#byCase(pattern) ??
      this.#asGlob(pattern, wanted) ??
      this.#byLength(wanted) ??
      this.#byOneToken(wanted)
    );
  }

  /** Whether two tokens differ, as in nearly all subscriptions: found without taking the pattern apart. */
  #isFar(pattern: string): boolean {
    let different = 0;
    let at = 0;
    for (const token of this.#tokens) {
      if (at > pattern.length) return false;
      const end = at + token.length;
      if (pattern.startsWith(token, at) && (end === pattern.length || pattern[end] === ".")) {
        at = end + 1;
        continue;
      }
      if (++different > 1) return true;
      const dot = pattern.indexOf(".", at);
      at = dot < 0 ? pattern.length + 1 : dot + 1;
    }
    return false;
  }

  #byCase(pattern: string): NearMiss | null {
    if (!this.#hasCapitals && !capitals.test(pattern)) return null;
    if (!areTokensCoveredBy(this.#lowerTokens, tokensOf(lowerCase(pattern)))) return null;
    return { rank: 0, kind: "case", text: "differs in upper and lower case" };
  }

  #asGlob(pattern: string, wanted: readonly string[]): NearMiss | null {
    if (!pattern.includes("*") && !pattern.includes(">")) return null;
    const token = wanted.find((text) => text.length > 1 && /[*>]/.test(text));
    if (token === undefined || !globCovers(pattern, this.#subject)) return null;
    return {
      rank: 1,
      kind: "part_of_token",
      text: `has no wildcard in ${quoted(token)}: * and > are wildcards only as whole tokens`,
    };
  }

  #byLength(wanted: readonly string[]): NearMiss | null {
    const tokens = this.#tokens;
    const last = wanted.at(-1) as string;
    if (wanted.length < tokens.length) {
      if (!areTokensCoveredBy(tokens.slice(0, wanted.length), wanted)) return null;
      const wider = last === "*" ? [...wanted.slice(0, -1), ">"] : [...wanted, ">"];
      const why = last === "*" ? "ends in a * that stands for one token" : "is only the beginning of it";
      return { rank: 2, kind: "too_short", text: `${why}; ${quoted(wider.join("."))} would match` };
    }
    if (wanted.length !== tokens.length + 1 || !areTokensCoveredBy(tokens, wanted.slice(0, -1))) return null;
    if (last === ">") return { rank: 2, kind: "too_long", text: "wants at least one token more" };
    if (last === "*") return { rank: 2, kind: "too_long", text: "wants one token more" };
    return { rank: 4, kind: "too_long", text: `wants one token more, ${quoted(last)}` };
  }

  /** One literal token that is another, and at least one literal token that is the same, unless it is just misspelt. */
  #byOneToken(wanted: readonly string[]): NearMiss | null {
    const tokens = this.#tokens;
    const isOpen = wanted.at(-1) === ">";
    const count = isOpen ? wanted.length - 1 : wanted.length;
    if (isOpen ? tokens.length <= count : tokens.length !== count) return null;
    let different = -1;
    let same = 0;
    for (let at = 0; at < count; at++) {
      if (wanted[at] === "*") continue;
      if (wanted[at] === tokens[at]) same++;
      else if (different >= 0) return null;
      else different = at;
    }
    if (different < 0) return null;
    const have = tokens[different] as string;
    const want = wanted[different] as string;
    if (isMisspelt(have, want)) {
      return {
        rank: 3,
        kind: "spelling",
        text: `is spelt ${quoted(want)} where the subject has ${quoted(have)}`,
      };
    }
    if (same === 0) return null;
    return { rank: 5, kind: "one_token", text: `has ${quoted(want)} where the subject has ${quoted(have)}` };
  }
}

/** Whether `*` and `>` standing for any run of characters would make it match. Linear but for the restarts at a star. */
function globCovers(pattern: string, subject: string): boolean {
  let at = 0;
  let position = 0;
  let starAt = -1;
  let starPosition = 0;
  while (position < subject.length) {
    const wanted = pattern[at];
    if (wanted === "*" || wanted === ">") {
      starAt = at++;
      starPosition = position;
    } else if (wanted === subject[position]) {
      at++;
      position++;
    } else if (starAt >= 0) {
      at = starAt + 1;
      position = ++starPosition;
    } else return false;
  }
  while (pattern[at] === "*" || pattern[at] === ">") at++;
  return at === pattern.length;
}

const spellingLengthMax = 32;

/** One or two letters off, in words that are long enough for that to be a slip. */
function isMisspelt(have: string, want: string): boolean {
  const longer = Math.max(have.length, want.length);
  if (longer > spellingLengthMax || longer < 4) return false;
  // Numbers and ids differ by design.
  if (/[0-9]/.test(have) || /[0-9]/.test(want)) return false;
  return editDistance(have, want) <= (longer < 8 ? 1 : 2);
}

/** Only ASCII: the subjects are bytes. */
function lowerCase(wire: string): string {
  return wire.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function quoted(wire: string): string {
  return JSON.stringify(textFromWire(wire));
}
