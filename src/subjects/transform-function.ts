/**
 * The functions that may stand for a token of a transform's destination, such as `$1` or `{{partition(3,1)}}`:
 * reading them, and computing what each puts in place of itself.
 *
 * The grammar, down to what is ignored around a function, is that of nats-server's `subject_transform.go`.
 */

import { destinationError } from "./mapping-error.ts";

/** What a function puts in place of its token. It sees the tokens of a subject that the source covers. */
export type Render = (tokens: readonly string[], random: () => number) => string;

/** One token of a destination. */
export interface DestinationToken {
  readonly text: string;
  readonly kind: "literal" | "wildcard" | "partition" | "random" | "cut";
  /** Which wildcards of the source it uses, from 1; anything below stands for the source's first token. */
  readonly wildcards: readonly number[];
  /** `places` are the positions of those wildcards in the subject, in the same order. */
  readonly bind: (positions: readonly number[]) => Render;
}

/**
 * @param text one token of a destination
 * @throws MappingError for a function that does not exist or cannot take these arguments
 */
export function parseDestinationToken(text: string): DestinationToken {
  if (text.length > 1 && text.startsWith("$")) {
    const wildcard = parseInteger(text.slice(1), 64);
    // Many subjects have tokens such as `$JS`, so this is no error.
    return wildcard === null ? literal(text) : wildcardToken(text, wildcard);
  }
  if (!looksLikeFunction(text)) return literal(text);
  for (const [opening, parse] of functions) {
    const args = argumentsOf(text, opening);
    if (args !== null) return parse(text, args);
  }
  throw destinationError("unknown function", text);
}

export function callsKnownFunction(text: string): boolean {
  return functions.some(([call]) => argumentsOf(text, call) !== null);
}

/** Whether this token can only be meant as a function. */
export function looksLikeFunction(text: string): boolean {
  return text.length > 4 && text.startsWith("{{") && text.endsWith("}}");
}

type Parse = (text: string, args: readonly string[]) => DestinationToken;
type Cut = (token: string, length: number) => string;

/** What Go's regular expressions take for white space; JavaScript's `\s` would take bytes of UTF-8 text too. */
const blank = "[\\t\\n\\f\\r ]*";

function opening(name: string): RegExp {
  return new RegExp(`\\{\\{${blank}${name}${blank}\\(`);
}

/** In the order in which the reference server tries them, which decides about a token that holds several. */
const functions: readonly (readonly [RegExp, Parse])[] = [
  [opening("[aA]ccount-[hH]ash(?:-[iI]mport|-[lL]eaf-[rR]emote)?"), refuseAccountFunction],
  [opening("[wW]ildcard"), parseWildcard],
  [opening("[pP]artition"), parsePartition],
  [opening("[sS]plit[fF]rom[lL]eft"), cutter(splitFromLeft)],
  [opening("[sS]plit[fF]rom[rR]ight"), cutter(splitFromRight)],
  [opening("[sS]lice[fF]rom[lL]eft"), cutter(sliceFromLeft)],
  [opening("[sS]lice[fF]rom[rR]ight"), cutter(sliceFromRight)],
  [opening("[rR]ight"), cutter((token, length) => token.slice(-length))],
  [opening("[lL]eft"), cutter((token, length) => token.slice(0, length))],
  [opening("[sS]plit"), parseSplit],
  [opening("[rR]andom"), parseRandom],
];

/**
 * What stands in the function's parentheses, split at commas; null when the token does not call this function.
 * The parentheses end at the last `)}}` of the line they opened in. Linear, because a destination may come in a
 * request and be as long as a payload: lines without an end are skipped at once.
 */
function argumentsOf(text: string, call: RegExp): string[] | null {
  for (let rest = text; ; ) {
    const found = call.exec(rest);
    if (found === null) return null;
    const inside = rest.slice(found.index + found[0].length);
    const lineBreak = inside.indexOf("\n");
    const lineEnd = lineBreak < 0 ? inside.length : lineBreak;
    let end = -1;
    let endElsewhere = -1;
    for (const { index } of inside.matchAll(/\)[\t\n\f\r ]*\}\}/g)) {
      if (index >= lineEnd) {
        endElsewhere = index;
        break;
      }
      end = index;
    }
    if (end >= 0) return inside.slice(0, end).split(/,[\t\n\f\r ]*/);
    if (endElsewhere < 0) return null;
    rest = inside.slice(inside.lastIndexOf("\n", endElsewhere));
  }
}

/** These are put in where a subject is configured; no message brings an account with it. */
function refuseAccountFunction(text: string): never {
  throw destinationError("function is not available in this context", text);
}

function literal(text: string): DestinationToken {
  return { text, kind: "literal", wildcards: [], bind: () => () => text };
}

function wildcardToken(text: string, wildcard: number): DestinationToken {
  return {
    text,
    kind: "wildcard",
    wildcards: [wildcard],
    bind:
      ([position]) =>
      (tokens) =>
        tokens[position as number] as string,
  };
}

function parseWildcard(text: string, args: readonly string[]): DestinationToken {
  if (args.length === 1 && args[0] === "") {
    throw destinationError("not enough arguments passed to the function", text);
  }
  if (args.length > 1) throw destinationError("too many arguments passed to the function", text);
  return wildcardToken(text, integerArgument(text, args[0], 64));
}

function parsePartition(text: string, args: readonly string[]): DestinationToken {
  const partitions = countArgument(text, args[0]);
  const wildcards = args.slice(1).map((arg) => integerArgument(text, arg, 64));
  return {
    text,
    kind: "partition",
    wildcards,
    bind: (positions) => (tokens) => {
      let hash = fnvStart;
      if (positions.length === 0) hash = fnv1a(hash, tokens.join("."));
      for (const position of positions) hash = fnv1a(hash, tokens[position] as string);
      return partitions === 0 ? "0" : String((hash >>> 0) % (partitions >>> 0));
    },
  };
}

function parseRandom(text: string, args: readonly string[]): DestinationToken {
  if (args.length !== 1) throw destinationError("not enough arguments passed to the function", text);
  const ceiling = countArgument(text, args[0]);
  return {
    text,
    kind: "random",
    wildcards: [],
    bind: () => (_tokens, random) => (ceiling === 0 ? "0" : String(Math.floor(random() * 2 ** 31) % ceiling)),
  };
}

function cutter(cut: Cut): Parse {
  return (text, args) => {
    expectTwoArguments(text, args);
    const wildcard = integerArgument(text, args[0], 64);
    const length = integerArgument(text, args[1], 32);
    // A piece as long as the token, or longer, is the token itself.
    return cutToken(text, wildcard, (token) =>
      length > 0 && length < token.length ? cut(token, length) : token,
    );
  };
}

function parseSplit(text: string, args: readonly string[]): DestinationToken {
  expectTwoArguments(text, args);
  const wildcard = integerArgument(text, args[0], 64);
  const delimiter = args[1] as string;
  if (delimiter.includes(" ")) {
    throw destinationError("function argument is invalid or in the wrong format", text);
  }
  return cutToken(text, wildcard, (token) => split(token, delimiter));
}

function cutToken(text: string, wildcard: number, cut: (token: string) => string): DestinationToken {
  return {
    text,
    kind: "cut",
    wildcards: [wildcard],
    bind:
      ([position]) =>
      (tokens) =>
        cut(tokens[position as number] as string),
  };
}

function expectTwoArguments(text: string, args: readonly string[]): void {
  if (args.length < 2) throw destinationError("not enough arguments passed to the function", text);
  if (args.length > 2) throw destinationError("too many arguments passed to the function", text);
}

function integerArgument(text: string, arg: string | undefined, bits: 32 | 64): number {
  const value = parseInteger(/^ *([^ ]+) *$/.exec(arg ?? "")?.[1] ?? "", bits);
  if (value === null) throw destinationError("function argument is invalid or in the wrong format", text);
  return value;
}

/** A number of partitions: any integer up to 2^31 - 1, of which the reference server keeps the low 32 bits. */
function countArgument(text: string, arg: string | undefined): number {
  const value = integerArgument(text, arg, 64);
  if (value > 0x7fffffff) throw destinationError("function argument is invalid or in the wrong format", text);
  return value | 0;
}

/** An optional sign and decimal digits, within the range of a signed integer of so many bits. */
function parseInteger(text: string, bits: 32 | 64): number | null {
  if (!/^[+-]?[0-9]{1,40}$/.test(text)) return null;
  const value = BigInt(text);
  return BigInt.asIntN(bits, value) === value ? Number(value) : null;
}

const fnvStart = 0x811c9dc5;

/** FNV-1a, 32 bits, one step for each byte. */
function fnv1a(hash: number, wire: string): number {
  for (let at = 0; at < wire.length; at++) hash = Math.imul(hash ^ wire.charCodeAt(at), 0x01000193);
  return hash;
}

function splitFromLeft(token: string, length: number): string {
  return `${token.slice(0, length)}.${token.slice(length)}`;
}

function splitFromRight(token: string, length: number): string {
  return `${token.slice(0, -length)}.${token.slice(-length)}`;
}

function sliceFromLeft(token: string, size: number): string {
  const slices: string[] = [];
  for (let at = 0; at < token.length; at += size) slices.push(token.slice(at, at + size));
  return slices.join(".");
}

function sliceFromRight(token: string, size: number): string {
  const first = token.length % size;
  const slices = first === 0 ? [] : [token.slice(0, first)];
  for (let at = first; at < token.length; at += size) slices.push(token.slice(at, at + size));
  return slices.join(".");
}

/**
 * Empty pieces vanish, and their dots with them; only of several delimiters at the start does one dot remain, as
 * the reference server has it.
 */
function split(token: string, delimiter: string): string {
  const pieces = delimiter === "" ? charactersOf(token) : token.split(delimiter);
  let result = "";
  for (let at = 0; at < pieces.length; at++) {
    const piece = pieces[at] as string;
    const next = pieces[at + 1];
    result += piece;
    if (next !== undefined && next !== "" && !(at === 0 && piece === "")) result += ".";
  }
  return result;
}

/** UTF-8 characters of a wire string; a byte that begins none counts as one. */
function charactersOf(wire: string): string[] {
  return wire.match(utf8Character) ?? [];
}

const utf8Character =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[^]/g;
