/**
 * The mappings of an account: what is published to a source subject goes to one of its destinations instead.
 * The first mapping that covers a subject decides; what it makes of it is not mapped again.
 *
 * Source: nats-server `Account.AddWeightedMappings` and `selectMappedSubject`.
 */

import { destinationError, MappingError } from "./mapping-error.ts";
import { areTokensCoveredBy, isValidSubject, textFromWire, tokensOf } from "./subject.ts";
import { placeholdersFor, SubjectTransform } from "./transform.ts";

/** Subjects are wire strings. */
export interface SubjectMapping {
  readonly source: string;
  /** Weights add up to at most 100. What is missing stays unmapped, or is dropped if the source is listed too. */
  readonly destinations: readonly { readonly subject: string; readonly weightPercent: number }[];
}

/** What becomes of a subject, for people who ask. */
export interface MappingDescription {
  readonly source: string;
  readonly destinations: readonly DestinationDescription[];
  readonly droppedPercent: number;
}

export interface DestinationDescription {
  /** As configured, or `source` with its placeholders for the share that stays unmapped. */
  readonly destination: string;
  /** Where the subject asked for would go; null when that is drawn for each message. */
  readonly subject: string | null;
  readonly percent: number;
}

interface Entry {
  readonly source: string;
  readonly tokens: readonly string[];
  readonly destinations: readonly Destination[];
}

interface Destination {
  /** Null leaves the subject as it is. */
  readonly transform: SubjectTransform | null;
  readonly percent: number;
}

export class SubjectMappings {
  /** Entries that can match a subject with this first token, wildcard ones included, in order. */
  readonly #byFirstToken = new Map<string, Entry[]>();
  /** Entries whose first token is a wildcard: all there is for any other first token. */
  readonly #anyFirstToken: Entry[] = [];
  readonly #random: () => number;
  /** What is mapped, wildcards and all. */
  readonly sources: readonly string[];
  /** Only subjects that begin with `$` are mapped: those of the broker's own services. */
  readonly isInternal: boolean;

  /**
   * @param mappings in the order in which they are tried; a later one for the same source takes the place of the earlier
   * @param random gives numbers from 0 up to but not including 1
   * @throws MappingError
   */
  constructor(mappings: readonly SubjectMapping[], random: () => number = Math.random) {
    this.#random = random;
    const entries = new Map<string, Entry>();
    for (const mapping of mappings) entries.set(mapping.source, entryFor(mapping));
    for (const entry of entries.values()) this.#add(entry);
    this.sources = [...entries.keys()];
    this.isInternal = this.sources.every((source) => source.startsWith("$"));
  }

  get isEmpty(): boolean {
    return this.#byFirstToken.size === 0 && this.#anyFirstToken.length === 0;
  }

  /** @returns the subject to route, which is `subject` itself when no mapping covers it; null when the message is to be dropped */
  map(subject: string): string | null {
    const candidates = this.#candidates(subject);
    if (candidates.length === 0) return subject;
    const tokens = tokensOf(subject);
    const entry = firstCovering(candidates, tokens);
    if (entry === null) return subject;
    const destination = this.#draw(entry.destinations);
    if (destination === null) return null;
    return destination.transform === null ? subject : destination.transform.applyTokens(tokens, this.#random);
  }

  /** @returns null when no mapping covers `subject` */
  describe(subject: string): MappingDescription | null {
    const tokens = tokensOf(subject);
    const entry = firstCovering(this.#candidates(subject), tokens);
    if (entry === null) return null;
    const destinations = entry.destinations.map(({ transform, percent }) => {
      if (transform === null) return { destination: placeholdersFor(entry.source), subject, percent };
      return {
        destination: transform.destination,
        subject: transform.isRandom ? null : transform.applyTokens(tokens),
        percent,
      };
    });
    const total = destinations.reduce((sum, { percent }) => sum + percent, 0);
    return { source: entry.source, destinations, droppedPercent: 100 - total };
  }

  #add(entry: Entry): void {
    const first = entry.tokens[0] as string;
    if (first === "*" || first === ">") {
      this.#anyFirstToken.push(entry);
      for (const entries of this.#byFirstToken.values()) entries.push(entry);
      return;
    }
    const entries = this.#byFirstToken.get(first);
    if (entries === undefined) this.#byFirstToken.set(first, [...this.#anyFirstToken, entry]);
    else entries.push(entry);
  }

  #candidates(subject: string): readonly Entry[] {
    const dot = subject.indexOf(".");
    return this.#byFirstToken.get(dot < 0 ? subject : subject.slice(0, dot)) ?? this.#anyFirstToken;
  }

  #draw(destinations: readonly Destination[]): Destination | null {
    const only = destinations[0];
    if (only?.percent === 100) return only;
    let left = this.#random() * 100;
    for (const destination of destinations) {
      if (left < destination.percent) return destination;
      left -= destination.percent;
    }
    return null;
  }
}

function firstCovering(entries: readonly Entry[], tokens: readonly string[]): Entry | null {
  for (const entry of entries) if (areTokensCoveredBy(tokens, entry.tokens)) return entry;
  return null;
}

function entryFor({ source, destinations }: SubjectMapping): Entry {
  if (!isValidSubject(source)) throw new MappingError("invalid subject");
  const seen = new Set<string>();
  let total = 0;
  const weighted: Destination[] = destinations.map(({ subject, weightPercent }) => {
    if (seen.has(subject))
      throw new MappingError(`duplicate entry for ${JSON.stringify(textFromWire(subject))}`);
    seen.add(subject);
    total += checkedWeight(weightPercent);
    if (total > 100) throw new MappingError("total weight needs to be <= 100");
    // The reference server takes an empty destination and fails on the first message for it.
    if (subject === "") throw destinationError("invalid transform", "");
    return { transform: SubjectTransform.parseForMapping(source, subject), percent: weightPercent };
  });
  // Whoever lists the source too has weighed it, so the rest is meant to be lost.
  if (total < 100 && !seen.has(source)) weighted.push({ transform: null, percent: 100 - total });
  return { source, tokens: tokensOf(source), destinations: weighted.filter(({ percent }) => percent > 0) };
}

function checkedWeight(percent: number): number {
  if (percent > 100) throw new MappingError("individual weights need to be <= 100");
  if (!Number.isInteger(percent) || percent < 0) {
    throw new MappingError(`Invalid weight ${percent} for mapping destination`);
  }
  return percent;
}
