/** `compression` of leaf links, of which there is none. */
import type { ConfigNode } from "./node.ts";
import { problemAt } from "./problems.ts";
import type { Place, Problems } from "./problems.ts";

/**
 * Links are not compressed, which the other end learns when the link is made: a mode is taken note of, and no more.
 * Only one that is no mode at all is a mistake.
 */
export function readCompression(node: ConfigNode, problems: Problems): void {
  if (node.kind === "boolean") return warnOfCompression(node, node.value, problems);
  const mode = node.kind === "map" ? node.value.get("mode") : node;
  if (mode === undefined || mode.kind !== "string")
    throw problemAt(node, '"compression" should be a boolean, a mode or a structure with one');
  const name = mode.value.toLowerCase();
  if (!modes.has(name)) throw problemAt(mode, `unsupported compression mode ${JSON.stringify(mode.value)}`);
  warnOfCompression(node, !quietModes.has(name), problems);
}

function warnOfCompression(place: Place, isWanted: boolean, problems: Problems): void {
  if (isWanted) problems.warn(place, '"compression" is ignored: leaf links are not compressed');
}

/** Source: nats-server `validateAndNormalizeCompressionOption`. */
const quietModes: ReadonlySet<string> = new Set(["", "off", "disabled", "not supported", "accept"]);
const modes: ReadonlySet<string> = new Set([
  ...quietModes,
  "on",
  "enabled",
  "true",
  "false",
  "auto",
  "fast",
  "better",
  "best",
  "s2_auto",
  "s2_uncompressed",
  "s2_fast",
  "s2_better",
  "s2_best",
]);
