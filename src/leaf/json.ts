/** JSON that the other end of a link sent: fields of the right kind, or an error of its. */
import { malformed } from "../protocol/errors.ts";

export type Fields = ReadonlyMap<string, unknown>;

/** @throws ProtocolError when it is no object */
export function decodeFields(what: string, json: Buffer): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json.toString("utf8"));
  } catch {
    throw malformed(`${what} is not valid JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformed(`${what} is not a JSON object`);
  // Go reads names in any case, and takes null for absent.
  const told = Object.entries(value).filter(([, field]) => field !== null);
  return new Map(told.map(([name, field]) => [name.toLowerCase(), field]));
}

export function textField(fields: Fields, name: string): string {
  const value = fields.get(name) ?? "";
  if (typeof value !== "string") throw malformed(`${name} must be a string`);
  return value;
}

export function flagField(fields: Fields, name: string): boolean {
  const value = fields.get(name) ?? false;
  if (typeof value !== "boolean") throw malformed(`${name} must be true or false`);
  return value;
}

export function numberField(fields: Fields, name: string): number {
  const value = fields.get(name) ?? 0;
  if (typeof value !== "number") throw malformed(`${name} must be a number`);
  return value;
}

/** Null when there is none. */
export function textsField(fields: Fields, name: string): readonly string[] | null {
  const value = fields.get(name) ?? null;
  if (value === null) return null;
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
    throw malformed(`${name} must be an array of strings`);
  return value;
}
