/** A parsed configuration: maps, arrays and plain values, each knowing where it stands. */
import type { SourcePosition } from "./diagnostics.ts";

interface NodeBase extends SourcePosition {
  /** Looked up as a variable somewhere, so that an unknown key is no mistake. */
  isReferenced: boolean;
}

interface StringNode extends NodeBase {
  readonly kind: "string";
  readonly value: string;
}

/** A 64-bit integer, its unit multiplied in. */
interface IntegerNode extends NodeBase {
  readonly kind: "integer";
  readonly value: bigint;
}

interface FloatNode extends NodeBase {
  readonly kind: "float";
  readonly value: number;
}

interface BooleanNode extends NodeBase {
  readonly kind: "boolean";
  readonly value: boolean;
}

interface DatetimeNode extends NodeBase {
  readonly kind: "datetime";
  /** As written: `2006-01-02T15:04:05Z`. */
  readonly value: string;
}

export interface ArrayNode extends NodeBase {
  readonly kind: "array";
  readonly value: readonly ConfigNode[];
}

export interface MapNode extends NodeBase {
  readonly kind: "map";
  readonly value: ReadonlyMap<string, ConfigNode>;
}

export type ConfigNode =
  | StringNode
  | IntegerNode
  | FloatNode
  | BooleanNode
  | DatetimeNode
  | ArrayNode
  | MapNode;

const kindNames = {
  string: "a string",
  integer: "an integer",
  float: "a decimal number",
  boolean: "a boolean",
  datetime: "a date",
  array: "an array",
  map: "a map",
} as const;

/** Names the kind and not the value, which may be a password. */
export function kindName(node: ConfigNode): string {
  return kindNames[node.kind];
}
