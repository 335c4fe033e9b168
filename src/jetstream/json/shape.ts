/**
 * What a request may hold, as data, and the way from JSON to it with the texts of Go's `encoding/json`. Names match
 * whatever their case, `null` leaves a field as it was, and what is missing stays undefined.
 */
import { parseTimestamp } from "../../base/timestamp.ts";
import { JsonError, type JsonValue, parseJsonValues } from "./json-parser.ts";

type IntegerType = "int" | "int32" | "int64" | "uint64" | "time.Duration";
type Fields = Readonly<Record<string, Shape>>;

export type Shape =
  | { readonly kind: "string" | "bool" | "time" | "strings" }
  | { readonly kind: "integer" | "integers"; readonly type: IntegerType }
  /** Strings for strings. */
  | { readonly kind: "map" }
  | EnumerationShape
  | ObjectShape
  | { readonly kind: "objects"; readonly name: string; readonly fields: Fields };

export interface ObjectShape {
  readonly kind: "object";
  /** Of the Go type, for errors. */
  readonly name: string;
  readonly fields: Fields;
  /** Go type of an embedded struct, and which of the fields are in it. */
  readonly embedded?: { readonly name: string; readonly fields: Fields };
}

interface EnumerationShape {
  readonly kind: "enumeration";
  /** What is written, and what it stands for. */
  readonly values: Readonly<Record<string, string>>;
  /** What is said of a value that is none of them. */
  readonly complaint: (text: string) => string;
  readonly anyCase: boolean;
}

export const string: Shape = { kind: "string" };
export const bool: Shape = { kind: "bool" };
export const time: Shape = { kind: "time" };
export const strings: Shape = { kind: "strings" };
export const map: Shape = { kind: "map" };
export const int: Shape = { kind: "integer", type: "int" };
export const int32: Shape = { kind: "integer", type: "int32" };
export const int64: Shape = { kind: "integer", type: "int64" };
export const uint64: Shape = { kind: "integer", type: "uint64" };
export const duration: Shape = { kind: "integer", type: "time.Duration" };
export const durations: Shape = { kind: "integers", type: "time.Duration" };

export function object(name: string, fields: Fields, embedded?: ObjectShape["embedded"]): ObjectShape {
  return { kind: "object", name, fields, ...(embedded !== undefined && { embedded }) };
}

export function objects(name: string, fields: Fields): Shape {
  return { kind: "objects", name, fields };
}

export function enumeration(
  values: readonly string[],
  more: {
    readonly complaint?: (text: string) => string;
    readonly anyCase?: boolean;
    readonly aliases?: Readonly<Record<string, string>>;
  } = {},
): Shape {
  return {
    kind: "enumeration",
    values: { ...Object.fromEntries(values.map((value) => [value, value])), ...more.aliases },
    complaint: more.complaint ?? ((text) => `can not unmarshal ${JSON.stringify(text)}`),
    anyCase: more.anyCase ?? false,
  };
}

/**
 * @param strict refuses fields that the shape does not have
 * @throws JsonError
 */
export function decode(text: string, shape: ObjectShape, strict: boolean): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const value of parseJsonValues(text, strict)) {
    if (value.kind === "null") continue;
    readObject(value, shape, { root: shape.name, path: "", strict }, result);
  }
  return result;
}

interface JsonPosition {
  /** Name of the Go struct that the field is in. */
  readonly root: string;
  /** Of the field, with dots; empty for the whole. */
  readonly path: string;
  readonly strict: boolean;
}

type Struct = Pick<ObjectShape, "name" | "fields" | "embedded">;

function readObject(
  value: JsonValue,
  { name, fields, embedded }: Struct,
  position: JsonPosition,
  into: Record<string, unknown>,
): void {
  if (value.kind !== "object") throw mismatch(value, `server.${name}`, position);
  for (const [key, part] of value.entries) {
    const field = fieldNamed(fields, key);
    if (field === null) {
      if (position.strict) throw new JsonError(`json: unknown field ${JSON.stringify(key)}`);
      continue;
    }
    const shape = fields[field] as Shape;
    // To an enumeration it is one more value that is none of them.
    if (part.kind === "null" && shape.kind !== "enumeration") continue;
    const shown =
      embedded !== undefined && Object.hasOwn(embedded.fields, field) ? `${embedded.name}.${field}` : field;
    const path = position.path === "" ? shown : `${position.path}.${shown}`;
    into[field] = read(part, shape, { ...position, root: name, path }, into[field]);
  }
}

function fieldNamed(fields: Fields, key: string): string | null {
  if (Object.hasOwn(fields, key)) return key;
  const folded = key.toLowerCase();
  return Object.hasOwn(fields, folded) ? folded : null;
}

function read(value: JsonValue, shape: Shape, position: JsonPosition, before: unknown): unknown {
  switch (shape.kind) {
    case "string":
      return readString(value, position);
    case "bool":
      if (value.kind !== "bool") throw mismatch(value, "bool", position);
      return value.text === "true";
    case "integer":
      return readInteger(value, shape.type, position);
    case "integers":
      return readItems(value, `[]${shape.type}`, position, (item) => readInteger(item, shape.type, position));
    case "strings":
      return readItems(value, "[]string", position, (item) => readString(item, position));
    case "time":
      return readTime(value);
    case "map":
      return readMap(value, position, before);
    case "enumeration":
      return readEnumeration(value, shape);
    case "object":
      return readInto(value, shape, position, before);
    case "objects":
      return readItems(value, `[]*server.${shape.name}`, position, (item) =>
        item.kind === "null" ? {} : readInto(item, shape, position, {}),
      );
  }
}

function readInto(
  value: JsonValue,
  shape: Struct,
  position: JsonPosition,
  before: unknown,
): Record<string, unknown> {
  const into = (before ?? {}) as Record<string, unknown>;
  readObject(value, shape, position, into);
  return into;
}

function readItems<T>(
  value: JsonValue,
  type: string,
  position: JsonPosition,
  readItem: (item: JsonValue) => T,
): T[] {
  if (value.kind !== "array") throw mismatch(value, type, position);
  return value.items.map((item) => readItem(item));
}

function readString(value: JsonValue, position: JsonPosition): string {
  if (value.kind === "null") return "";
  if (value.kind !== "string") throw mismatch(value, "string", position);
  return value.value;
}

const signed = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const ranges: Readonly<Record<IntegerType, readonly [least: bigint, most: bigint]>> = {
  int: signed,
  int64: signed,
  "time.Duration": signed,
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** Beyond 2^53 a number loses its last digits; nothing here counts as far. */
function readInteger(value: JsonValue, type: IntegerType, position: JsonPosition): number {
  if (value.kind === "null") return 0;
  if (value.kind !== "number" || !/^-?\d+$/.test(value.text)) throw mismatch(value, type, position);
  const [least, most] = ranges[type];
  const exact = BigInt(value.text);
  if (exact < least || exact > most) throw mismatch(value, type, position);
  return Number(exact);
}

function readTime(value: JsonValue): string {
  if (value.kind !== "string") throw new JsonError("Time.UnmarshalJSON: input is not a JSON string");
  if (parseTimestamp(value.value) !== null) return value.value;
  const shown = JSON.stringify(value.value);
  throw new JsonError(
    `parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown} as "2006"`,
  );
}

function readMap(value: JsonValue, position: JsonPosition, before: unknown): Record<string, string> {
  if (value.kind !== "object") throw mismatch(value, "map[string]string", position);
  const into = new Map(Object.entries((before ?? {}) as Record<string, string>));
  for (const [key, part] of value.entries) into.set(key, readString(part, position));
  return Object.fromEntries(into);
}

function readEnumeration(value: JsonValue, { values, complaint, anyCase }: EnumerationShape): string {
  // Go compares what is written, so an escape in it is another value.
  const isPlain = value.kind === "string" && value.text === `"${value.value}"`;
  const written = isPlain ? (anyCase ? value.value.toLowerCase() : value.value) : null;
  if (written !== null && Object.hasOwn(values, written)) return values[written] as string;
  throw new JsonError(complaint(value.text));
}

/** Go names a number that is too large or no integer; otherwise only what kind of value it found. */
function mismatch(value: JsonValue, type: string, { root, path }: JsonPosition): JsonError {
  const isNumber = value.kind === "number" && Object.hasOwn(ranges, type);
  const kind = isNumber ? `number ${value.text}` : value.kind;
  const where = path === "" ? `Go value of type ${type}` : `Go struct field ${root}.${path} of type ${type}`;
  return new JsonError(`json: cannot unmarshal ${kind} into ${where}`);
}
