/** `compression` of leaf links, of which there is none. */
import { asArray, asDuration, asString, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import type { ConfigNode } from "./grammar/node.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { SourcePosition, Diagnostics } from "./grammar/diagnostics.ts";

interface CompressionDraft {
  mode: string;
}

/**
 * Links are not compressed, which the other end learns when the link is made: a mode is taken note of, and no more.
 * Only one that is no mode at all is a mistake.
 */
export function readCompression(node: ConfigNode, diagnostics: Diagnostics): void {
  if (node.kind === "boolean") return warnOfCompression(node, node.value, diagnostics);
  if (node.kind !== "map" && node.kind !== "string")
    throw diagnosticAt(node, '"compression" should be a boolean, a mode or a structure with one');
  const draft: CompressionDraft = { mode: modeDefault };
  if (node.kind === "map") readBlock(block, node, draft, diagnostics);
  else draft.mode = modeOf(node, "compression");
  warnOfCompression(node, !quietModes.has(draft.mode), diagnostics);
}

function warnOfCompression(position: SourcePosition, isWanted: boolean, diagnostics: Diagnostics): void {
  if (isWanted) diagnostics.warn(position, '"compression" is ignored: leaf links are not compressed');
}

function modeOf(node: ConfigNode, key: string): string {
  const mode = asString(node, key);
  if (modes.has(mode.toLowerCase())) return mode.toLowerCase();
  throw diagnosticAt(node, `unsupported compression mode ${JSON.stringify(mode)}`);
}

/** Round-trip times from which on a link is compressed more: in ascending order, at most one for each mode. */
const readThresholds: KeyReader<CompressionDraft> = (node, _draft, { key }) => {
  const thresholds = asArray(node, key).value.map((element) => asDuration(element, key));
  if (thresholds.some((threshold, at) => threshold < (thresholds[at - 1] ?? 0)))
    throw diagnosticAt(node, `${key} should be in ascending order, and not negative`);
  if (thresholds.length > thresholdsMax)
    throw diagnosticAt(node, `${key} should have at most ${thresholdsMax} values, not ${thresholds.length}`);
};

const thresholdsMax = 4;
const modeDefault = "s2_auto";

const block: Block<CompressionDraft> = {
  name: "leafnode compression",
  keys: {
    mode: (node, draft, { key }) => (draft.mode = modeOf(node, key)),
    rtt_thresholds: readThresholds,
    thresholds: readThresholds,
    rtts: readThresholds,
    rtt: readThresholds,
  },
};

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
