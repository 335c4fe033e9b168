/** Which subjects somebody wants: any of several patterns. */
import { areTokensCoveredBy, hasWildcard, tokensOf } from "./subject.ts";

export class SubjectFilter {
  /** Wire strings, maybe with wildcards; at least one. */
  readonly patterns: readonly string[];
  /** The one subject that it matches; null when it may match others. */
  readonly literal: string | null;
  readonly #literals: ReadonlySet<string>;
  readonly #wildcards: readonly (readonly string[])[];

  constructor(patterns: readonly string[]) {
    this.patterns = patterns;
    const [first = ">"] = patterns;
    this.literal = patterns.length === 1 && !hasWildcard(first) ? first : null;
    this.#literals = new Set(patterns.filter((pattern) => !hasWildcard(pattern)));
    this.#wildcards = patterns.filter(hasWildcard).map(tokensOf);
  }

  /** Whether it takes every subject there is. */
  get isEverything(): boolean {
    return this.patterns.includes(">");
  }

  /** @param subject literal */
  matches(subject: string): boolean {
    if (this.#literals.has(subject)) return true;
    if (this.#wildcards.length === 0) return false;
    const tokens = tokensOf(subject);
    for (const pattern of this.#wildcards) if (areTokensCoveredBy(tokens, pattern)) return true;
    return false;
  }
}

/** Null, which stands for everything, when there are no patterns or one takes all. */
export function filterOf(patterns: readonly string[]): SubjectFilter | null {
  if (patterns.length === 0 || patterns.includes(">")) return null;
  return new SubjectFilter(patterns);
}
