/**
 * Cuts text in the NATS configuration grammar into items. The text is a wire string, one character a byte, since
 * `\xHH` writes single bytes and columns count them; the parser turns values back into text.
 *
 * The rules are those of nats-server's lexer as observed. It is stricter here where that one silently drops or
 * misreads something (a lone `/`, a key without a value), and more lenient for `[1]`, for a block that ends a file,
 * and for blocks in files with CRLF line ends, which that one cannot read.
 */
import type { SourcePosition } from "./diagnostics.ts";

export type ItemKind =
  | "key"
  | "include"
  | "string"
  | "boolean"
  | "integer"
  | "float"
  | "datetime"
  | "variable"
  | "map-start"
  | "map-end"
  | "array-start"
  | "array-end"
  | "end";

export interface Item extends SourcePosition {
  readonly kind: ItemKind;
  /** Wire string; empty for brackets. */
  readonly text: string;
}

/** Caught by the parser, which knows the chain of files that led here. */
export class LexicalError extends Error {
  readonly position: SourcePosition;

  constructor(position: SourcePosition, text: string) {
    super(text);
    this.position = position;
  }
}

/** `block` is a `{ … }` around everything, as in JSON; its keys belong to the top. */
type Container = "top" | "block" | "map" | "array";

/** Far more than anybody writes; it keeps whoever walks the result off the end of the stack. */
const nestingMax = 200;

/** NUL ends the text for nats-server, and so it does here. */
const end = 0;

const openers: Readonly<Record<string, "map" | "array">> = { "{": "map", "[": "array" };
const closers: Readonly<Record<string, Container>> = { "}": "map", "]": "array" };
const wideSpace = /\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80/y;
const escapes: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", '"': '"', "\\": "\\" };

export class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #containers: Container[] = ["top"];
  #phase: "entry" | "separator" | "value" | "include" | "after" = "entry";
  #at = 0;
  // Line counting goes along with the items, which come in order.
  #line = 1;
  /** Of the line break before it. */
  #lineStart = -1;
  #lineEnd: number;

  /** @param file only for the places of items */
  constructor(text: string, file: string) {
    this.#text = text.startsWith("\xef\xbb\xbf") ? text.slice(3) : text;
    this.#file = file;
    this.#lineEnd = this.#text.indexOf("\n");
  }

  /** @throws LexicalError */
  next(): Item {
    for (;;) {
      const item = this.#step();
      if (item !== null) return item;
    }
  }

  /** Every step moves forward or changes the phase towards one that does. */
  #step(): Item | null {
    switch (this.#phase) {
      case "entry":
        return this.#container === "array" ? this.#element() : this.#entry();
      case "separator":
        return this.#separator();
      case "value":
        return this.#value();
      case "include":
        return this.#include();
      case "after":
        return this.#after();
    }
  }

  get #container(): Container {
    return this.#containers.at(-1) as Container;
  }

  /** A key, or the end of what the keys stand in. */
  #entry(): Item | null {
    if (this.#skipSpace() || this.#skipComment()) return null;
    const container = this.#container;
    const char = this.#char();
    if (char === "")
      return this.#endOfText(container === "map" ? 'a map is not closed: "}" is missing' : null);
    if (char === "{" && container !== "map") {
      this.#open("block");
      return null;
    }
    if (char === "}") return container === "top" ? this.#trailingBrace() : this.#close(char);
    if (char === "=" || char === ":")
      throw this.#error(`unexpected key separator "${char}": a key is missing`);
    if (char === "]" || char === "," || char === ";")
      throw this.#error(`unexpected "${char}" where a key should be`);
    if (char === "/") throw this.#error('unexpected "/": a comment starts with "//" or "#"');
    return char === '"' || char === "'" ? this.#quotedKey(char) : this.#plainKey();
  }

  #quotedKey(quote: string): Item {
    this.#phase = "separator";
    return this.#quoted("key", quote);
  }

  #plainKey(): Item | null {
    const start = this.#at;
    while (!this.#isEnd() && this.#spaceWidth() === 0 && !"=:".includes(this.#char())) this.#at++;
    const key = this.#text.slice(start, this.#at);
    if (key.toLowerCase() === "include" && this.#spaceWidth() > 0) {
      this.#phase = "include";
      return null;
    }
    this.#phase = "separator";
    return this.#item("key", start, key);
  }

  #separator(): Item | null {
    if (this.#skipSpace()) return null;
    // Left to the parser, which knows the key and says that it has no value.
    if (this.#isEnd())
      return this.#endOfText(this.#container === "map" ? 'a map is not closed: "}" is missing' : null);
    if ("=:".includes(this.#char())) {
      this.#at++;
      if (this.#container === "map") while (this.#skipSpace());
    }
    this.#phase = "value";
    return null;
  }

  #element(): Item | null {
    if (this.#skipSpace() || this.#skipComment()) return null;
    const char = this.#char();
    if (char === "") throw this.#error('an array is not closed: "]" is missing');
    if (char === "]") return this.#close(char);
    if (char === ",") throw this.#error('unexpected ",": an array element is missing');
    if (char === "/") throw this.#error('unexpected "/": a comment starts with "//" or "#"');
    return this.#value();
  }

  /** What may stand between a value and the next key or element. */
  #after(): Item | null {
    while (this.#char() === " " || this.#char() === "\t") this.#at++;
    if (this.#skipComment()) return null;
    const container = this.#container;
    const char = this.#char();
    if (char === "\n" || char === "\r" || char === "," || (char === ";" && container !== "array")) {
      this.#at++;
      this.#phase = "entry";
      return null;
    }
    if (container === "top" && (char === "" || char === "}")) {
      if (char === "}") this.#at++;
      this.#phase = "entry";
      return null;
    }
    if (closers[char] === (container === "block" ? "map" : container)) return this.#close(char);
    const got = char === "" ? "the end of the file" : JSON.stringify(char);
    const wanted = {
      top: "a new line",
      block: 'a new line, "," or "}"',
      map: 'a new line, "," or "}"',
      array: '"," or "]"',
    };
    throw this.#error(`expected ${wanted[container]} after a value, but got ${got}`);
  }

  #value(): Item | null {
    while (this.#char() === " " || this.#char() === "\t") this.#at++;
    const start = this.#at;
    const char = this.#char();
    const opened = openers[char];
    if (opened !== undefined) {
      this.#open(opened);
      return this.#item(opened === "map" ? "map-start" : "array-start", start, "");
    }
    if (char === "\n" || char === "\r") throw this.#error("expected a value but found a new line");
    if (this.#container === "map") {
      if (char === "") throw this.#error('a map is not closed: "}" is missing');
      if (char === "," || char === "}") throw this.#error(`expected a value but found "${char}"`);
    }
    this.#phase = "after";
    if (char === "'") return this.#quoted("string", char);
    if (char === '"') return this.#escapedString();
    if (char === "(") return this.#block();
    if (char === ".") throw this.#error('a number starts with a digit, not "."');
    if (char === "-" || isDigit(char)) return this.#number();
    return this.#unquoted(start);
  }

  /** Everything up to the next `quote`, as it is. */
  #quoted(kind: ItemKind, quote: string): Item {
    const start = this.#at + 1;
    const stop = this.#text.indexOf(quote, start);
    const value = this.#text.slice(start, stop);
    if (stop < 0 || value.includes("\0")) throw this.#error(`a quote is not closed: ${quote} is missing`);
    this.#at = stop + 1;
    return this.#item(kind, start, value);
  }

  #escapedString(): Item {
    const quoteAt = this.#at;
    let value = "";
    this.#at++;
    for (;;) {
      if (this.#isEnd()) throw this.#error('a quote is not closed: " is missing', quoteAt);
      const char = this.#char();
      if (char === '"') break;
      value += char === "\\" ? this.#escape() : this.#run(/[^"\\\0]+/y);
    }
    this.#at++;
    return this.#item("string", quoteAt + 1, value);
  }

  /** Raw text up to a line with nothing but `)`. The line break before that line belongs to the text. */
  #block(): Item {
    const start = this.#at + 1;
    const close = /\n\)(?=\r?\n|\0|$)/g;
    close.lastIndex = this.#at;
    const found = close.exec(this.#text);
    if (found === null || this.#text.slice(start, found.index).includes("\0")) {
      throw this.#error('a block is not closed: a line with nothing but ")" is missing');
    }
    this.#at = found.index + 2;
    return this.#item("string", start, this.#text.slice(start, found.index + 1));
  }

  /** Numbers with and without unit, dates, and what merely begins like one: addresses, durations, names. */
  #number(): Item {
    const start = this.#at;
    const negative = this.#char() === "-";
    if (negative) this.#at++;
    if (!isDigit(this.#char()))
      throw this.#error('expected a digit after "-": put quotes around a string', start);
    const digits = this.#run(/\d+/y);
    const char = this.#char();
    if (char === ".") return this.#fraction(start);
    if (char === "-" && !negative) return this.#date(start, digits);
    if (/[kmgtpe]/i.test(char)) {
      this.#run(/[kmgtpe][bi]*/iy);
      if (this.#endsToken("")) return this.#item("integer", start, this.#text.slice(start, this.#at));
      return this.#unquoted(start);
    }
    if (negative || this.#endsToken("]"))
      return this.#item("integer", start, this.#text.slice(start, this.#at));
    // The character that showed it to be no number is taken as it is, whatever it is.
    return this.#unquoted(start, this.#at + 1);
  }

  /** After the integer part: a float, or with a second dot an address, which may have a port. */
  #fraction(start: number): Item {
    this.#at++;
    if (!isDigit(this.#char())) throw this.#error('expected a digit after ".": put quotes around a string');
    this.#run(/\d+/y);
    const isAddress = this.#char() === ".";
    if (isAddress) this.#run(/[\d.:-]+/y);
    return this.#item(isAddress ? "string" : "float", start, this.#text.slice(start, this.#at));
  }

  #date(start: number, year: string): Item {
    const rest = /-\d\d-\d\dT\d\d:\d\d:\d\dZ/y;
    rest.lastIndex = this.#at;
    if (year.length !== 4 || !rest.test(this.#text)) {
      throw this.#error("a date is written 2006-01-02T15:04:05Z; put quotes around a string", start);
    }
    this.#at = rest.lastIndex;
    return this.#item("datetime", start, this.#text.slice(start, this.#at));
  }

  /** @param from where to look for its end, if not at the current position */
  #unquoted(start: number, from = this.#at): Item {
    let value = this.#text.slice(start, from);
    let isPlain = true;
    this.#at = from;
    while (!this.#endsToken("]") && this.#char() !== "'") {
      if (this.#char() === "\\") {
        value += this.#escape();
        isPlain = false;
      } else {
        value += this.#run(/[^\\'\n\r\0;,\]} \t]+/y);
      }
    }
    if (this.#char() === "'") {
      this.#at++;
      isPlain = false;
    }
    if (isPlain && /^(?:true|false|on|off|yes|no)$/i.test(value)) return this.#item("boolean", start, value);
    if (isPlain && value.startsWith("$")) return this.#item("variable", start + 1, value.slice(1));
    return this.#item("string", start, value);
  }

  #escape(): string {
    const char = this.#text.charAt(this.#at + 1);
    if (char === "x") {
      const digits = this.#text.slice(this.#at + 2, this.#at + 4);
      if (!/^[\da-f]{2}$/i.test(digits)) {
        throw this.#error(`expected two hexadecimal digits after "\\x", but got ${JSON.stringify(digits)}`);
      }
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meaning = Object.hasOwn(escapes, char) ? escapes[char] : undefined;
    if (meaning === undefined) {
      throw this.#error(
        `invalid escape ${JSON.stringify(`\\${char}`)}: there are \\t, \\n, \\r, \\", \\\\ and \\xHH; a string in single quotes has none`,
      );
    }
    this.#at += 2;
    return meaning;
  }

  /** The path, quoted or not; relative to the file that it is written in. */
  #include(): Item {
    while (this.#char() === " " || this.#char() === "\t") this.#at++;
    const quote = this.#char();
    this.#phase = "after";
    if (quote === "'" || quote === '"') return this.#quoted("include", quote);
    if (/^[[{(\d\-\\\r\n]?$/.test(quote)) throw this.#error("expected the path of a file after include");
    const start = this.#at;
    const path = this.#run(/[^\n\r\0;}' \t]+/y);
    if (this.#char() === "'") this.#at++;
    return this.#item("include", start, path);
  }

  #open(container: Container): void {
    if (this.#containers.length > nestingMax) {
      throw this.#error(`maps and arrays are nested more than ${nestingMax} deep`);
    }
    this.#containers.push(container);
    this.#at++;
    this.#phase = "entry";
  }

  #close(char: string): Item | null {
    const closed = this.#containers.pop();
    const start = this.#at++;
    this.#phase = this.#container === "top" && closed === "block" ? "entry" : "after";
    if (closed === "block") return null;
    return this.#item(char === "}" ? "map-end" : "array-end", start, "");
  }

  /** One `}` too many is let pass when nothing but space and comments follows it. */
  #trailingBrace(): Item {
    const brace = this.#at++;
    while (this.#skipSpace() || this.#skipComment());
    if (!this.#isEnd()) throw this.#error('unexpected "}": it closes nothing', brace);
    return this.#endOfText(null);
  }

  #endOfText(problem: string | null): Item {
    if (problem !== null) throw this.#error(problem);
    if (this.#at < this.#text.length) throw this.#error("unexpected NUL byte");
    return this.#item("end", this.#at, "");
  }

  /** Moves past one run of white space of any kind. */
  #skipSpace(): boolean {
    const start = this.#at;
    for (let width = this.#spaceWidth(); width > 0; width = this.#spaceWidth()) this.#at += width;
    return this.#at > start;
  }

  #skipComment(): boolean {
    if (this.#char() !== "#" && !this.#text.startsWith("//", this.#at)) return false;
    this.#run(/[^\n\r\0]+/y);
    return true;
  }

  /** Bytes of the white space character here; 0 when there is none. Unicode's count too. */
  #spaceWidth(): number {
    const code = this.#text.charCodeAt(this.#at);
    if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) return 1;
    if (!(code >= 0xc2)) return 0;
    wideSpace.lastIndex = this.#at;
    return wideSpace.test(this.#text) ? wideSpace.lastIndex - this.#at : 0;
  }

  /** The character here; empty at the end. */
  #char(): string {
    return this.#isEnd() ? "" : this.#text.charAt(this.#at);
  }

  #isEnd(): boolean {
    return this.#at >= this.#text.length || this.#text.charCodeAt(this.#at) === end;
  }

  /** @param more a character that also ends the token here */
  #endsToken(more: string): boolean {
    return this.#isEnd() || "\n\r;,} \t".includes(this.#char()) || (more !== "" && this.#char() === more);
  }

  #run(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #item(kind: ItemKind, start: number, text: string): Item {
    this.#countLinesTo(start);
    return { kind, text, file: this.#file, line: this.#line, column: start - this.#lineStart };
  }

  #error(text: string, at = this.#at): LexicalError {
    this.#countLinesTo(at);
    return new LexicalError({ file: this.#file, line: this.#line, column: at - this.#lineStart }, text);
  }

  #countLinesTo(position: number): void {
    while (this.#lineEnd >= 0 && this.#lineEnd < position) {
      this.#line++;
      this.#lineStart = this.#lineEnd;
      this.#lineEnd = this.#text.indexOf("\n", this.#lineEnd + 1);
    }
  }
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}
