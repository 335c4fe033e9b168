/** What is wrong with a configuration: collected, so that one run shows all of it. */

/** Where in a file something stands. Line 0: not in a file, and `file` is the whole description. */
export interface SourcePosition {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Bytes, from 1. */
  readonly column: number;
}

/** `file:line:column`, as editors and compilers have it. */
export function showPosition(position: SourcePosition): string {
  return position.line === 0 ? position.file : `${position.file}:${position.line}:${position.column}`;
}

/** Registered by name, so that the modules and the CommonJS build know each other's errors. */
const brand = Symbol.for("frond.ConfigError");

/** A configuration with which no broker can start. The message has the warnings and problems, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** One sentence for each problem, with its place in front if it has one. */
  readonly diagnostics: readonly string[];
  /** One sentence for each key that is ignored. */
  readonly warnings: readonly string[];

  constructor(diagnostics: readonly string[], warnings: readonly string[] = []) {
    super([...warnings, ...diagnostics].join("\n"));
    this.diagnostics = diagnostics;
    this.warnings = warnings;
  }

  get [brand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** Thrown while one key is read, caught by {@link Diagnostics.attempt}, so that the next key is read all the same. */
class PositionedError extends Error {}

/** @returns what to throw when a value is wrong; a null place stands for the configuration as a whole */
export function diagnosticAt(position: SourcePosition | null, text: string): Error {
  return new PositionedError(position === null ? text : `${showPosition(position)}: ${text}`);
}

export class Diagnostics {
  readonly #diagnostics: string[] = [];
  readonly #warnings: string[] = [];
  readonly #keys = new Map<string, SourcePosition>();
  #misuses = 0;

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Whether a warning is of the kind with which nats-server refuses a reload and a file under test. */
  get hasMisuse(): boolean {
    return this.#misuses > 0;
  }

  get isEmpty(): boolean {
    return this.#diagnostics.length === 0;
  }

  /** Notes where a key stands, for checks that take more than one. */
  sawKey(block: string, key: string, position: SourcePosition): void {
    this.#keys.set(`${block} ${key}`, position);
  }

  /** @param keys spellings of one key, or several of which any will do @returns null where none of them was written */
  positionOf(block: string, ...keys: string[]): SourcePosition | null {
    for (const key of keys) {
      const position = this.#keys.get(`${block} ${key}`);
      if (position !== undefined) return position;
    }
    return null;
  }

  add(position: SourcePosition | null, text: string): void {
    this.#diagnostics.push(position === null ? text : `${showPosition(position)}: ${text}`);
  }

  /** Something to know that stops nothing. */
  warn(position: SourcePosition | null, text: string): void {
    this.#warnings.push(position === null ? text : `${showPosition(position)}: ${text}`);
  }

  /** What nats-server itself warns about: a broker starts with it, but neither `-t` nor a reload lets it pass. */
  warnOfMisuse(position: SourcePosition, key: string, text: string): void {
    this.#misuses++;
    this.warn(position, `invalid use of field "${key}": ${text}`);
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
      if (!(error instanceof PositionedError)) throw error;
      this.#diagnostics.push(error.message);
    }
  }

  throwIfAny(): void {
    if (this.#diagnostics.length > 0) throw new ConfigError(this.#diagnostics, this.#warnings);
  }
}
