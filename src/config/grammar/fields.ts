/** Reading a map key by key through a table, and taking typed values out of nodes. */
import { durationText, nsPerMs, parseDuration } from "../../base/duration.ts";
import { kindName } from "./node.ts";
import type { ArrayNode, ConfigNode, MapNode } from "./node.ts";
import { diagnosticAt } from "./diagnostics.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { unsupportedKeyOf } from "../unsupported-keys.ts";
import type { BlockName } from "../unsupported-keys.ts";

/** Takes one key's value into `target`; throws through {@link diagnosticAt} when it is wrong. */
export type KeyReader<T> = (node: ConfigNode, target: T, read: Reading) => void;

export interface Reading {
  /** As written in the table: lower case. */
  readonly key: string;
  readonly diagnostics: Diagnostics;
}

/** The keys of one kind of map. To support a new one, add a line here and drop it from `unsupported-keys.ts`. */
export interface Block<T> {
  readonly name: BlockName;
  readonly keys: Readonly<Record<string, KeyReader<T>>>;
  /** The problem with a key that is in neither table; nats-server words it differently from block to block. */
  readonly unknown?: (key: string) => string;
}

/** Reads every key of `map` in the order of the file, so that of two spellings the later one wins. */
export function readBlock<T>(block: Block<T>, map: MapNode, target: T, diagnostics: Diagnostics): void {
  for (const [name, node] of map.value) {
    const key = name.toLowerCase();
    diagnostics.attempt(() => {
      if (Object.hasOwn(block.keys, key)) {
        diagnostics.sawKey(block.name, key, node);
        (block.keys[key] as KeyReader<T>)(node, target, { key, diagnostics });
        return;
      }
      const rule = unsupportedKeyOf(block.name, key);
      if (rule !== undefined) {
        if (rule.keys !== undefined && node.kind === "map") checkKeys(node, rule.keys, diagnostics);
        if (rule.isOff?.(node) === true) return;
        if (rule.severity === "error") {
          throw diagnosticAt(node, `"${name}" is not supported by Frond yet: ${rule.reason}`);
        }
        diagnostics.warn(node, `"${name}" is ignored: ${rule.reason}`);
        return;
      }
      // A key that only carries a variable's value is nobody's mistake.
      if (!node.isReferenced) throw diagnosticAt(node, block.unknown?.(name) ?? `unknown field "${name}"`);
    });
  }
}

function checkKeys(map: MapNode, known: ReadonlySet<string>, diagnostics: Diagnostics): void {
  for (const [name, node] of map.value) {
    if (!known.has(name.toLowerCase()) && !node.isReferenced)
      diagnostics.add(node, `unknown field "${name}"`);
  }
}

export function asString(node: ConfigNode, key: string): string {
  if (node.kind === "string") return node.value;
  const hint = node.kind === "array" || node.kind === "map" ? "" : ": put quotes around it";
  throw diagnosticAt(node, `"${key}" must be a string, not ${kindName(node)}${hint}`);
}

export function asBoolean(node: ConfigNode, key: string): boolean {
  if (node.kind === "boolean") return node.value;
  throw diagnosticAt(node, `"${key}" must be true or false, not ${kindName(node)}`);
}

export function asInteger(node: ConfigNode, key: string): number {
  if (node.kind !== "integer") throw diagnosticAt(node, `"${key}" must be an integer, not ${kindName(node)}`);
  const value = Number(node.value);
  if (!Number.isSafeInteger(value)) throw diagnosticAt(node, `${key} value is too big`);
  return value;
}

/** An integer that is not negative. */
export function asCount(node: ConfigNode, key: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = asInteger(node, key);
  if (value > most) throw diagnosticAt(node, `${key} value is too big: it may be at most ${most}`);
  if (value < 0) throw diagnosticAt(node, `${key} value can not be negative`);
  return value;
}

/** A port to listen on; -1 asks for any free one. */
export function asPort(node: ConfigNode, key: string): number {
  const port = asInteger(node, key);
  if (port < -1 || port > 65_535)
    throw diagnosticAt(node, `"${key}" must be a port from -1 to 65535, not ${port}`);
  return port;
}

export function asMap(node: ConfigNode, key: string): MapNode {
  if (node.kind === "map") return node;
  throw diagnosticAt(node, `expected "${key}" to be a map, not ${kindName(node)}`);
}

export function asArray(node: ConfigNode, key: string): ArrayNode {
  if (node.kind === "array") return node;
  throw diagnosticAt(node, `expected "${key}" to be an array, not ${kindName(node)}`);
}

/** One string or an array of them. */
export function asStrings(node: ConfigNode, key: string): string[] {
  if (node.kind === "string") return [node.value];
  if (node.kind !== "array") {
    throw diagnosticAt(node, `"${key}" must be a string or an array of strings, not ${kindName(node)}`);
  }
  return node.value.map((element) => asString(element, key));
}

/** Milliseconds, from Go's duration syntax. */
export function asDuration(node: ConfigNode, key: string): number {
  if (node.kind !== "string") {
    throw diagnosticAt(node, `"${key}" must be a duration in quotes, such as "30s", not ${kindName(node)}`);
  }
  try {
    return parseDuration(node.value);
  } catch (error) {
    throw diagnosticAt(node, `error parsing ${key}: ${(error as Error).message}`);
  }
}

/** A duration that must not be negative, or a bare number of seconds, which nats-server takes with a warning. */
export function asDurationOrSeconds(node: ConfigNode, { key, diagnostics }: Reading): number {
  let milliseconds: number;
  if (node.kind === "integer") {
    diagnostics.warnOfMisuse(node, key, `${key} should be converted to a duration`);
    milliseconds = asInteger(node, key) * 1000;
  } else {
    milliseconds = asDuration(node, key);
  }
  if (milliseconds < 0) throw diagnosticAt(node, `${key} can not be negative`);
  return milliseconds;
}

/** A timeout: a number is seconds, whole or not, and needs no warning. */
export function asTimeout(node: ConfigNode, key: string): number {
  const isNumber = node.kind === "integer" || node.kind === "float";
  const milliseconds = isNumber ? Number(node.value) * 1000 : asDuration(node, key);
  if (milliseconds < 0) throw diagnosticAt(node, `${key} can not be negative`);
  return milliseconds;
}

/** Milliseconds as Go prints a duration: `1m30s`, `2h0m0s`, `500ms`. */
export function showDuration(milliseconds: number): string {
  return durationText(Math.round(milliseconds * nsPerMs));
}
