/** The options of a request, read and refused as nats-server does, which takes an empty value for an absent one. */

/** The answer is this text, with status 400. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

/** @throws BadRequest */
export function booleanOption(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? "";
  if (text === "" || falseTexts.has(text)) return false;
  if (trueTexts.has(text)) return true;
  throw new BadRequest(
    `Error decoding boolean for '${name}': strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`,
  );
}

/** A bigint where a number would lose digits. */
export type Integer = number | bigint;

/** @throws BadRequest */
export function integerOption(query: URLSearchParams, name: string): Integer {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  const fault = /^[+-]?[0-9]+$/.test(text) ? "value out of range" : "invalid syntax";
  if (fault === "value out of range") {
    const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
    if (BigInt.asIntN(64, value) === value)
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  throw new BadRequest(`Error decoding int for '${name}': strconv.Atoi: parsing ${goQuote(text)}: ${fault}`);
}

/** @throws BadRequest */
export function unsignedOption(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (text === "") return 0;
  const fault = /^[0-9]+$/.test(text) ? "value out of range" : "invalid syntax";
  if (fault === "value out of range") {
    const value = BigInt(text);
    if (BigInt.asUintN(64, value) === value) return Number(value);
  }
  throw new BadRequest(
    `Error decoding uint64 for '${name}': strconv.ParseUint: parsing ${goQuote(text)}: ${fault}`,
  );
}

/** `detail` asks for more than `true` does. @throws BadRequest */
export function subscriptionsOption(query: URLSearchParams): "none" | "list" | "detail" {
  if (query.get("subs")?.toLowerCase() === "detail") return "detail";
  return booleanOption(query, "subs") ? "list" : "none";
}

export interface Page {
  readonly offset: Integer;
  readonly limit: Integer;
}

const limitDefault = 1_024;

/** @throws BadRequest */
export function pageOption(query: URLSearchParams): Page {
  const offset = integerOption(query, "offset");
  const limit = integerOption(query, "limit");
  return { offset: offset > 0 ? offset : 0, limit: limit > 0 ? limit : limitDefault };
}

export function cut<T>(items: readonly T[], { offset, limit }: Page): T[] {
  const start = Number(offset);
  return items.slice(start, start + Number(limit));
}

const trueTexts = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const falseTexts = new Set(["0", "f", "F", "FALSE", "false", "False"]);

const shortEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** As Go's `strconv.Quote`. */
function goQuote(text: string): string {
  const quoted = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    const short = shortEscapes[character];
    if (short !== undefined) return short;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${quoted}"`;
}
