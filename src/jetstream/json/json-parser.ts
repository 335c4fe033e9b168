/**
 * JSON with the errors of Go's `encoding/json`, which clients are shown. Numbers stay text, since they may be larger than
 * a double can hold, and so do the values that an enumeration complains about.
 */

export type JsonValue =
  | { readonly kind: "string"; readonly value: string; readonly text: string }
  | { readonly kind: "number" | "bool" | "null"; readonly text: string }
  | { readonly kind: "array"; readonly items: readonly JsonValue[]; readonly text: string }
  | {
      readonly kind: "object";
      readonly entries: readonly (readonly [string, JsonValue])[];
      readonly text: string;
    };

/** A body that is no JSON, or not of the expected shape; the text is Go's. */
export class JsonError extends Error {}

/** Go goes ten times as deep; no request needs that, and the stack here has less room. */
const depthMax = 1_000;
const goDepthMax = 10_000;
const opening = /(?:\[|\{(?:\s*"(?:[^"\\]|\\.)*"\s*:)?)\s*/y;

/**
 * @param asStream reads value after value, as Go's `Decoder` does, whose errors name the place; else there is one value,
 *   as `Unmarshal` has it
 * @returns mostly one; none when there is nothing to read from a stream
 * @throws JsonError
 */
export function parseJsonValues(text: string, asStream = false): JsonValue[] {
  const parser = new Parser(text, asStream);
  const values: JsonValue[] = [];
  if (!asStream) {
    values.push(parser.value("looking for beginning of value", 0));
    parser.end();
    return values;
  }
  while (parser.hasMore()) values.push(parser.value("looking for beginning of value", 0));
  return values;
}

class Parser {
  readonly #text: string;
  readonly #asStream: boolean;
  #at = 0;

  constructor(text: string, asStream: boolean) {
    this.#text = text;
    this.#asStream = asStream;
  }

  end(): void {
    if (this.hasMore()) this.#fail("after top-level value");
  }

  hasMore(): boolean {
    this.#skipBlanks();
    return this.#at < this.#text.length;
  }

  value(context: string, depth: number): JsonValue {
    if (depth > depthMax) this.#failTooDeep();
    this.#skipBlanks();
    const start = this.#at;
    const character = this.#text[start];
    if (character === "{") return this.#object(depth);
    if (character === "[") return this.#array(depth);
    if (character === '"') {
      const value = this.#string();
      return { kind: "string", value, text: this.#text.slice(start, this.#at) };
    }
    if (character === "t") return this.#word("true", "bool");
    if (character === "f") return this.#word("false", "bool");
    if (character === "n") return this.#word("null", "null");
    if (character === "-" || isDigit(character)) return this.#number();
    return this.#fail(context);
  }

  #object(depth: number): JsonValue {
    const start = this.#at++;
    const entries: (readonly [string, JsonValue])[] = [];
    this.#skipBlanks();
    if (this.#take("}")) return { kind: "object", entries, text: this.#text.slice(start, this.#at) };
    for (;;) {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string");
      const key = this.#string();
      this.#skipBlanks();
      if (!this.#take(":")) this.#fail("after object key");
      entries.push([key, this.value("looking for beginning of value", depth + 1)]);
      this.#skipBlanks();
      if (this.#take("}")) return { kind: "object", entries, text: this.#text.slice(start, this.#at) };
      if (!this.#take(",")) this.#fail("after object key:value pair");
    }
  }

  #array(depth: number): JsonValue {
    const start = this.#at++;
    const items: JsonValue[] = [];
    this.#skipBlanks();
    if (this.#take("]")) return { kind: "array", items, text: this.#text.slice(start, this.#at) };
    for (;;) {
      items.push(this.value("looking for beginning of value", depth + 1));
      this.#skipBlanks();
      if (this.#take("]")) return { kind: "array", items, text: this.#text.slice(start, this.#at) };
      if (!this.#take(",")) this.#fail("after array element");
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character < " ") this.#fail("in string literal");
      this.#at++;
      if (character === '"') break;
      if (character === "\\") this.#escape();
    }
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #escape(): void {
    const character = this.#text[this.#at];
    if (character !== "u") {
      if (character === undefined || !'"\\/bfnrt'.includes(character)) this.#fail("in string escape code");
      this.#at++;
      return;
    }
    this.#at++;
    for (let count = 0; count < 4; count++) {
      if (!/^[0-9A-Fa-f]$/.test(this.#text[this.#at] ?? ""))
        this.#fail("in \\u hexadecimal character escape");
      this.#at++;
    }
  }

  #word(word: string, kind: "bool" | "null"): JsonValue {
    const start = this.#at;
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) {
        this.#fail(`in literal ${word} (expecting ${quoteCharacter(letter)})`);
      }
      this.#at++;
    }
    return { kind, text: this.#text.slice(start, this.#at) };
  }

  #number(): JsonValue {
    const start = this.#at;
    this.#take("-");
    if (!isDigit(this.#text[this.#at])) this.#fail("in numeric literal");
    if (!this.#take("0")) this.#digits();
    if (this.#take(".")) {
      if (!isDigit(this.#text[this.#at])) this.#fail("after decimal point in numeric literal");
      this.#digits();
    }
    if (this.#take("e") || this.#take("E")) {
      if (!this.#take("+")) this.#take("-");
      if (!isDigit(this.#text[this.#at])) this.#fail("in exponent of numeric literal");
      this.#digits();
    }
    return { kind: "number", text: this.#text.slice(start, this.#at) };
  }

  #digits(): void {
    while (isDigit(this.#text[this.#at])) this.#at++;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  /** Where nothing has been closed, the place is the one where Go would have stopped. */
  #failTooDeep(): never {
    let at = 0;
    for (let depth = 0; depth < goDepthMax; depth++) {
      opening.lastIndex = at;
      if (!opening.test(this.#text)) break;
      at = opening.lastIndex;
    }
    if (at === this.#text.length || "[{".includes(this.#text[at] as string)) this.#at = at;
    return this.#fail("exceeded max depth");
  }

  #fail(context: string): never {
    const character = this.#text[this.#at];
    if (character === undefined)
      throw new JsonError(this.#asStream ? "unexpected EOF" : "unexpected end of JSON input");
    const offset = Buffer.byteLength(this.#text.slice(0, this.#at)) + 1;
    // Go sees bytes.
    const first = Buffer.from(character)[0] as number;
    const shown = quoteCharacter(String.fromCharCode(first));
    const position = this.#asStream ? ` at offset ${offset}` : "";
    throw new JsonError(`invalid character ${shown} ${context}${position}`);
  }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

/** As Go's `quoteChar`. */
function quoteCharacter(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
