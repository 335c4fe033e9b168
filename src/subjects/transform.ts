/**
 * From a subject to another: what the source's wildcards stand for is put into the destination, or cut, hashed
 * or drawn there. Account mappings, stream transforms, republishing and imports all use this.
 *
 * Rules and texts of errors are those of nats-server's `subject_transform.go`, including what it lets pass.
 */

import { areTokensCoveredBy, tokensOf } from "./subject.ts";
import { destinationError, MappingError } from "./mapping-error.ts";
import { callsKnownFunction, looksLikeFunction, parseDestinationToken } from "./transform-function.ts";
import type { DestinationToken, Render } from "./transform-function.ts";

/** All subjects are wire strings. */
export class SubjectTransform {
  readonly source: string;
  readonly destination: string;
  /** Whether the same subject may come out differently the next time. */
  readonly isRandom: boolean;
  readonly #sourceTokens: readonly string[];
  readonly #destinationTokens: readonly DestinationToken[];
  readonly #renders: readonly Render[];
  readonly #endsInRest: boolean;

  /**
   * With the fewest checks, as for a stream's `republish`.
   *
   * @param source empty for `>`
   * @throws MappingError
   */
  static parse(source: string, destination: string): SubjectTransform {
    return new SubjectTransform(source, destination, false);
  }

  /**
   * With those for account mappings and for the transforms of streams, their sources and mirrors (`ValidateMapping`).
   *
   * @throws MappingError
   */
  static parseForMapping(source: string, destination: string): SubjectTransform {
    checkMappingDestination(destination);
    return new SubjectTransform(source, destination, false);
  }

  /**
   * With those for imports, which must be reversible: no function but `$n` and `{{wildcard(n)}}`, and as many of
   * them as the source has `*`.
   *
   * @throws MappingError
   */
  static parseForImport(source: string, destination: string): SubjectTransform {
    return new SubjectTransform(source, destination, true);
  }

  private constructor(source: string, destination: string, reversible: boolean) {
    this.source = source === "" ? ">" : source;
    this.destination = destination;
    this.#sourceTokens = checkedTokens(this.source);
    const tokens = checkedTokens(destination);
    this.#endsInRest = this.#sourceTokens.at(-1) === ">";
    if (tokens.includes("*") || (tokens.at(-1) === ">") !== this.#endsInRest) {
      throw new MappingError("invalid subject");
    }
    if (this.#endsInRest) tokens.pop();

    const positions = wildcardPositions(this.#sourceTokens);
    const hasWildcard = positions.length > 0 || this.#endsInRest;
    this.#destinationTokens = tokens.map((text) => {
      const token = parseDestinationToken(text);
      if (hasWildcard) checkAgainstWildcards(token, positions.length, reversible);
      else checkAgainstLiteral(token);
      return token;
    });
    const used = this.#destinationTokens.reduce((sum, token) => sum + token.wildcards.length, 0);
    if (reversible && used < positions.length) {
      throw destinationError("not using all of the token wildcard(s)", destination);
    }
    this.#renders = this.#destinationTokens.map((token) => {
      // A source without wildcards leaves partition() the whole subject, whatever it asks for.
      const wildcards = hasWildcard ? token.wildcards : [];
      return token.bind(wildcards.map((wildcard) => positions[wildcard - 1] ?? 0));
    });
    this.isRandom = this.#destinationTokens.some((token) => token.kind === "random");
  }

  /**
   * @returns null when the source does not cover `subject`
   * @param random gives numbers from 0 up to but not including 1
   */
  apply(subject: string, random: () => number = Math.random): string | null {
    return this.applyTokens(tokensOf(subject), random);
  }

  /** `apply` for a subject already split. */
  applyTokens(tokens: readonly string[], random: () => number = Math.random): string | null {
    if (!areTokensCoveredBy(tokens, this.#sourceTokens)) return null;
    let result = "";
    for (let at = 0; at < this.#renders.length; at++) {
      if (at > 0) result += ".";
      result += (this.#renders[at] as Render)(tokens, random);
    }
    if (!this.#endsInRest) return result;
    for (let at = this.#sourceTokens.length - 1; at < tokens.length; at++) {
      if (this.#renders.length > 0 || at >= this.#sourceTokens.length) result += ".";
      result += tokens[at] as string;
    }
    return result;
  }

  /** The way back; null when the destination does not keep everything that the source's wildcards stood for. */
  reverse(): SubjectTransform | null {
    if (this.#destinationTokens.some(({ kind }) => kind !== "literal" && kind !== "wildcard")) return null;
    // For each wildcard of the source, which wildcard of the way back holds it first.
    const positions = new Map<number, number>();
    let positionCount = 0;
    const source = this.#destinationTokens.map((token) => {
      const wildcard = token.wildcards[0];
      if (wildcard === undefined) return token.text;
      positionCount++;
      if (!positions.has(wildcard)) positions.set(wildcard, positionCount);
      return "*";
    });
    if (this.#endsInRest) source.push(">");

    const destination: string[] = [];
    let wildcard = 0;
    for (const token of this.#sourceTokens) {
      const position = token === "*" ? positions.get(++wildcard) : 0;
      if (position === undefined) return null;
      destination.push(token === "*" ? `$${position}` : token);
    }
    return SubjectTransform.parse(source.join("."), destination.join("."));
  }
}

/** `foo.*.*` becomes `foo.$1.$2`: the destination that names each wildcard of a pattern in turn. */
export function placeholdersFor(pattern: string): string {
  let wildcard = 0;
  return tokensOf(pattern)
    .map((token) => (token === "*" ? `$${++wildcard}` : token))
    .join(".");
}

/** White space is let pass here, as the reference server does. */
function checkedTokens(subject: string): string[] {
  const tokens = tokensOf(subject);
  const rest = tokens.indexOf(">");
  if (tokens.includes("") || (rest >= 0 && rest !== tokens.length - 1)) {
    throw new MappingError("invalid subject");
  }
  return tokens;
}

function checkMappingDestination(destination: string): void {
  let ended = false;
  for (const token of tokensOf(destination)) {
    if (token === "" || ended) throw destinationError("invalid transform", token);
    if (looksLikeFunction(token)) {
      if (!callsKnownFunction(token)) throw destinationError("unknown function", token);
    } else if (token === ">") {
      ended = true;
    } else if (/[\t\n\f\r ]/.test(token)) {
      throw destinationError("invalid transform", "");
    }
  }
}

function checkAgainstWildcards(token: DestinationToken, wildcardCount: number, reversible: boolean): void {
  if (reversible && token.kind !== "literal" && token.kind !== "wildcard") {
    throw destinationError(
      "the only mapping function allowed for import transforms is {{Wildcard()}}",
      token.text,
    );
  }
  const beyond = token.wildcards.find((wildcard) => wildcard > wildcardCount);
  if (beyond === undefined) return;
  throw destinationError("wildcard index out of range", `${token.text}: [${beyond}]`);
}

function checkAgainstLiteral(token: DestinationToken): void {
  if (token.kind !== "wildcard" && token.kind !== "cut") return;
  throw destinationError("wildcard index out of range", token.text);
}

/** Positions of `*`. */
function wildcardPositions(tokens: readonly string[]): number[] {
  return tokens.flatMap((token, at) => (token === "*" ? [at] : []));
}
