/** What is wrong with a configuration: collected, so that one run shows all of it. */

/** Where in a file something stands. Line 0: not in a file, and `file` is the whole description. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Bytes, from 1. */
  readonly column: number;
}

/** `file:line:column`, as editors and compilers have it. */
export function showPlace(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}:${place.column}`;
}

/** Registered by name, so that the modules and the CommonJS build know each other's errors. */
const brand = Symbol.for("frond.ConfigError");

/** A configuration with which no broker can start. The message has the warnings and problems, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** One sentence for each problem, with its place in front if it has one. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];

  constructor(problems: readonly string[], warnings: readonly string[] = []) {
    super([...warnings, ...problems].join("\n"));
    this.problems = problems;
    this.warnings = warnings;
  }

  get [brand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** Thrown while one key is read, caught by {@link Problems.attempt}, so that the next key is read all the same. */
class PlacedProblem extends Error {}

/** @returns what to throw when a value is wrong; a null place stands for the configuration as a whole */
export function problemAt(place: Place | null, text: string): Error {
  return new PlacedProblem(place === null ? text : `${showPlace(place)}: ${text}`);
}

export class Problems {
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];
  readonly #keys = new Map<string, Place>();
  #misuses = 0;

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Whether a warning is of the kind with which nats-server refuses a reload and a file under test. */
  get hasMisuse(): boolean {
    return this.#misuses > 0;
  }

  get isEmpty(): boolean {
    return this.#problems.length === 0;
  }

  /** Notes where a key stands, for checks that take more than one. */
  sawKey(block: string, key: string, place: Place): void {
    this.#keys.set(`${block} ${key}`, place);
  }

  /** @param keys spellings of one key, or several of which any will do @returns null where none of them was written */
  placeOf(block: string, ...keys: string[]): Place | null {
    for (const key of keys) {
      const place = this.#keys.get(`${block} ${key}`);
      if (place !== undefined) return place;
    }
    return null;
  }

  add(place: Place | null, text: string): void {
    this.#problems.push(place === null ? text : `${showPlace(place)}: ${text}`);
  }

  /** Something to know that stops nothing. */
  warn(place: Place | null, text: string): void {
    this.#warnings.push(place === null ? text : `${showPlace(place)}: ${text}`);
  }

  /** What nats-server itself warns about: a broker starts with it, but neither `-t` nor a reload lets it pass. */
  warnOfMisuse(place: Place, key: string, text: string): void {
    this.#misuses++;
    this.warn(place, `invalid use of field "${key}": ${text}`);
  }

  /** {@link warnOfMisuse} for the file as a whole. */
  warnOfFile(text: string): void {
    this.#misuses++;
    this.warn(null, text);
  }

  /** Runs `read`, keeping the problem that ends it early. */
  attempt(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof PlacedProblem)) throw error;
      this.#problems.push(error.message);
    }
  }

  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems, this.#warnings);
  }
}
