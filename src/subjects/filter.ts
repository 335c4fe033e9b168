/** Which subjects somebody wants: any of several patterns. */
import { DOT, GREATER, STAR } from "../base/bytes.ts";
import { patternTokensMax, SubjectTrie, type TrieValue } from "./subject-trie.ts";
import { hasWildcard } from "./subject.ts";

/** Up to here patterns with wildcards are looked at one by one. */
const wildcardsMax = 16;

export class SubjectFilter {
  /** Wire strings, maybe with wildcards; at least one. */
  readonly patterns: readonly string[];
  /** The one subject that it matches; null when it may match others. */
  readonly literal: string | null;
  readonly #literals: ReadonlySet<string>;
  /** Looked at one by one. */
  readonly #wildcards: readonly string[];
  /** Where there are many. */
  readonly #trie: SubjectTrie<TrieValue> | null;

  constructor(patterns: readonly string[]) {
    this.patterns = patterns;
    const [first = ">"] = patterns;
    this.literal = patterns.length === 1 && !hasWildcard(first) ? first : null;
    this.#literals = new Set(patterns.filter((pattern) => !hasWildcard(pattern)));
    const wildcards = patterns.filter(hasWildcard);
    const trie = wildcards.length > wildcardsMax ? new SubjectTrie<TrieValue>() : null;
    const fits = (pattern: string): boolean => trie !== null && pattern.length < 2 * patternTokensMax;
    for (const pattern of wildcards) if (fits(pattern)) trie?.insert(pattern, { triePosition: 0 });
    this.#wildcards = wildcards.filter((pattern) => !fits(pattern));
    this.#trie = trie;
  }

  /** Whether it takes every subject there is. */
  get isEverything(): boolean {
    return this.patterns.includes(">");
  }

  /** @param subject literal */
  matches(subject: string): boolean {
    if (this.#literals.size > 0 && this.#literals.has(subject)) return true;
    for (const pattern of this.#wildcards) if (isTaken(subject, pattern)) return true;
    return this.#trie !== null && this.#trie.matches(subject, () => true);
  }
}

/** Null, which stands for everything, when there are no patterns or one takes all. */
export function filterOf(patterns: readonly string[]): SubjectFilter | null {
  if (patterns.length === 0 || patterns.includes(">")) return null;
  return new SubjectFilter(patterns);
}

/**
 * As `isCoveredBy` for a literal subject, without an array of tokens: every consumer of a stream asks with every message.
 */
function isTaken(subject: string, pattern: string): boolean {
  let at = 0;
  for (let position = 0; ; position++, at++) {
    const first = pattern.charCodeAt(position);
    if (first === GREATER && position + 1 === pattern.length) return true;
    const isAny = first === STAR && endsToken(pattern, position + 1);
    const start = at;
    if (isAny) {
      while (!endsToken(subject, at)) at++;
      position++;
    } else {
      while (!endsToken(pattern, position) && pattern.charCodeAt(position) === subject.charCodeAt(at)) {
        position++;
        at++;
      }
      if (!endsToken(pattern, position)) return false;
    }
    if (at === start || !endsToken(subject, at)) return false;
    if (at === start + 1 && subject.charCodeAt(start) === GREATER) return false;
    if (position === pattern.length || at === subject.length)
      return position === pattern.length && at === subject.length;
  }
}

function endsToken(subject: string, at: number): boolean {
  return at >= subject.length || subject.charCodeAt(at) === DOT;
}
