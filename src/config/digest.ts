/** The fingerprint of a configuration, equal to nats-server's for the same file. */
import { createHash } from "node:crypto";
import { compareAsBytes } from "../base/bytes.ts";
import type { ConfigNode, MapNode } from "./grammar/node.ts";

/** `sha256:` and the hash of the parsed map as Go's encoder writes it in JSON: keys sorted, a line feed at the end. */
export function configDigest(map: MapNode): string {
  return `sha256:${createHash("sha256")
    .update(`${jsonOf(map)}\n`)
    .digest("hex")}`;
}

function jsonOf(node: ConfigNode): string {
  switch (node.kind) {
    case "map": {
      const keys = [...node.value.keys()].sort(compareAsBytes);
      return `{${keys.map((key) => `${quoted(key)}:${jsonOf(node.value.get(key) as ConfigNode)}`).join(",")}}`;
    }
    case "array":
      return `[${node.value.map(jsonOf).join(",")}]`;
    case "float":
      return Object.is(node.value, -0) ? "-0" : String(node.value);
    case "integer":
    case "boolean":
      return String(node.value);
    default:
      return quoted(node.value);
  }
}

/** Go escapes what could end a script element as well. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
