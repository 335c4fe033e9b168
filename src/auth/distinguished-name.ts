/**
 * Distinguished names, as they stand in certificates and as people write them for user names.
 *
 * A written name is read by the rules of the reference server's LDAP reader, oddities included, since user names
 * in existing files were written for it.
 */
import { textFromWire, wireFromText } from "../subjects/subject.ts";
import { stringValue } from "./der.ts";

export interface NameAttribute {
  /** Dotted object identifier. */
  readonly oid: string;
  readonly value: string;
}

/** Relative distinguished names in the order of the certificate, which is the reverse of how they are written. */
export type SubjectName = readonly (readonly NameAttribute[])[];

/** What two names that mean the same have in common. */
export interface NameKeys {
  readonly exact: string;
  /** Equal also for names whose relative names stand in another order. */
  readonly reordered: string;
}

const domainComponentOid = "0.9.2342.19200300.100.1.25";

/** The attributes Go knows by name, in the order in which it puts them; written names have them backwards. */
const standardAttributes: readonly { readonly oid: string; readonly type: string }[] = [
  { oid: "2.5.4.6", type: "C" },
  { oid: "2.5.4.8", type: "ST" },
  { oid: "2.5.4.7", type: "L" },
  { oid: "2.5.4.9", type: "STREET" },
  { oid: "2.5.4.17", type: "POSTALCODE" },
  { oid: "2.5.4.10", type: "O" },
  { oid: "2.5.4.11", type: "OU" },
  { oid: "2.5.4.3", type: "CN" },
  { oid: "2.5.4.5", type: "SERIALNUMBER" },
];
const typeOfOid = new Map(standardAttributes.map(({ oid, type }) => [oid, type]));

/** Go's `pkix.Name.String()`: the standard attributes in a fixed order, then all others as hexadecimal DER. */
export function goNameText(name: SubjectName): string {
  const others = name.flat().filter(({ oid }) => !typeOfOid.has(oid));
  const unnamed = others.reverse().map(({ oid, value }) => `${oid}=#${stringValue(value).toString("hex")}`);
  return [...standardParts(name), ...unnamed].join(",");
}

/** Go's `pkix.Name.ToRDNSequence().String()`: the standard attributes alone. */
export function goStandardText(name: SubjectName): string {
  return standardParts(name).join(",");
}

/** `DC=…,DC=…` in the order of the certificate; empty when there are none. */
export function domainComponentsText(name: SubjectName): string {
  return name
    .flat()
    .filter(({ oid }) => oid === domainComponentOid)
    .map(({ value }) => `DC=${value}`)
    .join(",");
}

/** @returns null when the name is empty or has an attribute that cannot be written by name */
export function keysOfSubject(name: SubjectName): NameKeys | null {
  const relativeNames: string[] = [];
  for (const attributes of name.toReversed()) {
    if (attributes.length === 0) continue;
    const pairs: [string, string][] = [];
    for (const { oid, value } of attributes) {
      const type = oid === domainComponentOid ? "DC" : typeOfOid.get(oid);
      if (type === undefined) return null;
      pairs.push([type, value]);
    }
    relativeNames.push(keyOfRelativeName(pairs));
  }
  return keysOf(relativeNames);
}

/** @returns null when `text` is not a distinguished name, or an empty one */
export function keysOfText(text: string): NameKeys | null {
  const relativeNames = parseDistinguishedName(text);
  return relativeNames === null ? null : keysOf(relativeNames.map(keyOfRelativeName));
}

/** Attributes (type and value) of each relative name, in writing order; null when `text` is no distinguished name. */
export function parseDistinguishedName(text: string): [string, string][][] | null {
  const relativeNames: [string, string][][] = [];
  let attributes: [string, string][] = [];
  let type = "";
  // Bytes rather than characters: `\C3\A9` is one character in two escapes.
  const input = wireFromText(text);
  const field = new Field();
  for (let at = 0; at < input.length; at++) {
    const char = input[at] as string;
    if (char === "\\") {
      if (at + 1 === input.length) break;
      const escaped = unescape(input, at + 1);
      if (escaped === null) return null;
      field.addEscaped(escaped.char);
      at += escaped.length;
    } else if (char === "=") {
      type = field.take();
      // What follows would be hexadecimal BER, which is not supported.
      if (input[at + 1] === "#") return null;
    } else if (char === "," || char === "+") {
      if (type === "") return null;
      attributes.push([type, field.take()]);
      type = "";
      if (char === "+") continue;
      relativeNames.push(attributes);
      attributes = [];
    } else field.add(char);
  }
  // A name that ends in an empty value loses it, and one that ends in "+" the whole relative name.
  if (field.isEmpty) return relativeNames;
  if (type === "") return null;
  attributes.push([type, field.take()]);
  relativeNames.push(attributes);
  return relativeNames;
}

/** One type or value while it is read: blanks around it do not count unless they are escaped. */
class Field {
  #wire = "";
  #trailingBlanks = 0;

  get isEmpty(): boolean {
    return this.#wire === "";
  }

  add(char: string): void {
    if (char === " " && this.#wire === "") return;
    this.#wire += char;
    this.#trailingBlanks = char === " " ? this.#trailingBlanks + 1 : 0;
  }

  addEscaped(char: string): void {
    this.#wire += char;
    this.#trailingBlanks = 0;
  }

  take(): string {
    const wire = this.#wire.slice(0, this.#wire.length - this.#trailingBlanks);
    this.#wire = "";
    this.#trailingBlanks = 0;
    return textFromWire(wire);
  }
}

/** What the escape whose backslash stands before `at` means, and how many characters follow the backslash. */
function unescape(input: string, at: number): { char: string; length: number } | null {
  const char = input[at] as string;
  if (' "#+,;<=>\\'.includes(char)) return { char, length: 1 };
  const hex = input.slice(at, at + 2);
  return /^[0-9A-Fa-f]{2}$/.test(hex) ? { char: String.fromCharCode(parseInt(hex, 16)), length: 2 } : null;
}

function standardParts(name: SubjectName): string[] {
  const parts: string[] = [];
  for (const { oid, type } of standardAttributes) {
    let values = name
      .flat()
      .filter((attribute) => attribute.oid === oid)
      .map(({ value }) => value);
    // Of these two Go keeps the last, and none if that is empty.
    if (type === "CN" || type === "SERIALNUMBER") values = values.slice(-1).filter((value) => value !== "");
    if (values.length > 0) parts.push(values.map((value) => `${type}=${escapeValue(value)}`).join("+"));
  }
  return parts.reverse();
}

function escapeValue(value: string): string {
  const last = value.length - 1;
  return value.replace(/[,+"\\<>; #]/g, (char, at: number) => {
    const isPlain = (char === " " && at !== 0 && at !== last) || (char === "#" && at !== 0);
    return isPlain ? char : `\\${char}`;
  });
}

/** Attributes in any order, types in any case. */
function keyOfRelativeName(attributes: readonly (readonly [string, string])[]): string {
  const keys = attributes.map(([type, value]) => JSON.stringify([type.toLowerCase(), value]));
  return keys.sort().join("+");
}

function keysOf(relativeNames: readonly string[]): NameKeys | null {
  if (relativeNames.length === 0) return null;
  return { exact: relativeNames.join(","), reordered: relativeNames.toSorted().join(",") };
}
