/**
 * Fields of a JSON object that a peer sent, read as Go's `encoding/json` reads them into a struct: names match in any
 * case, of several the last that is not null counts, null is as good as absent, and unknown ones are ignored.
 *
 * Requests to the JetStream API are read by `jetstream/json/shape.ts` instead, which answers with Go's own error texts.
 */

/** What is wrong, without what it was read from: `name must be a string`. */
export class JsonFieldError extends Error {}

export class JsonFields {
  readonly #values: ReadonlyMap<string, unknown>;

  private constructor(values: ReadonlyMap<string, unknown>) {
    this.#values = values;
  }

  /** @throws JsonFieldError when it is not an object */
  static parse(text: string): JsonFields {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new JsonFieldError("not valid JSON");
    }
    return JsonFields.#of(value, "not a JSON object");
  }

  static #of(value: unknown, complaint: string): JsonFields {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new JsonFieldError(complaint);
    const values = new Map<string, unknown>();
    for (const [name, field] of Object.entries(value))
      if (field !== null) values.set(name.toLowerCase(), field);
    return new JsonFields(values);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string, otherwise = ""): string {
    const value = this.#values.get(name) ?? otherwise;
    if (typeof value !== "string") throw new JsonFieldError(`${name} must be a string`);
    return value;
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.#values.get(name) ?? otherwise;
    if (typeof value !== "boolean") throw new JsonFieldError(`${name} must be true or false`);
    return value;
  }

  /** Beyond 2^53 its last digits are lost. */
  integer(name: string, otherwise = 0): number {
    const value = this.#values.get(name) ?? otherwise;
    if (typeof value !== "number" || !Number.isInteger(value))
      throw new JsonFieldError(`${name} must be a whole number`);
    return value;
  }

  /** Null when there is none. */
  texts(name: string): readonly string[] | null {
    const value = this.#values.get(name) ?? null;
    if (value === null) return null;
    if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
      throw new JsonFieldError(`${name} must be an array of strings`);
    return value;
  }

  /** Null when there is none. */
  object(name: string): JsonFields | null {
    return this.#values.has(name)
      ? JsonFields.#of(this.#values.get(name), `${name} must be an object`)
      : null;
  }
}
