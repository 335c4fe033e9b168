/** The `mappings` block: where messages on a subject go instead. */
import { isValidSubject, wireFromText } from "../subjects/subject.ts";
import { MappingError } from "../subjects/mapping-error.ts";
import { SubjectMappings } from "../subjects/mapping.ts";
import { asInteger, asMap, asString, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import type { ConfigNode } from "./grammar/node.ts";
import type { MappingOptions } from "./options.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

interface DestinationReading {
  subject: string;
  weightPercent: number | null;
  cluster: string;
}

type Destination = MappingOptions["destinations"][number];

export function readMappings(node: ConfigNode, diagnostics: Diagnostics): MappingOptions[] {
  const mappings: MappingOptions[] = [];
  for (const [source, target] of asMap(node, "mappings").value) {
    diagnostics.attempt(() => {
      const wire = wireFromText(source);
      if (!isValidSubject(wire))
        throw diagnosticAt(target, `Subject ${JSON.stringify(source)} is not a valid subject`);
      mappings.push({ source: wire, destinations: readDestinations(source, target, diagnostics) });
    });
  }
  return mappings;
}

function readDestinations(
  source: string,
  node: ConfigNode,
  diagnostics: Diagnostics,
): readonly Destination[] {
  if (node.kind === "string") {
    const destinations = [{ subject: wireFromText(node.value), weightPercent: 100 }];
    check(node, source, destinations, `Error adding mapping for "${source}" to "${node.value}" : `);
    return destinations;
  }
  const prefix = `Error adding mapping for "${source}" : `;
  // By cluster: the weights of each must make sense on their own. Those without one are for everybody.
  const groups = new Map<string, Destination[]>([["", []]]);
  const seen = new Set<string>();
  for (const element of node.kind === "array" ? node.value : [node]) {
    const { subject, weightPercent, cluster } = readDestination(element, diagnostics);
    if (seen.has(subject)) throw diagnosticAt(node, `${prefix}duplicate entry for "${subject}"`);
    seen.add(subject);
    if (cluster !== "" && !groups.has(cluster)) {
      diagnostics.warn(
        element,
        `destinations for cluster "${cluster}" are left out: Frond is part of no cluster`,
      );
    }
    groups.set(cluster, [...(groups.get(cluster) ?? []), { subject: wireFromText(subject), weightPercent }]);
  }
  for (const destinations of groups.values()) check(node, source, destinations, prefix);
  return groups.get("") ?? [];
}

const readSubject: KeyReader<DestinationReading> = (node, target, { key }) =>
  (target.subject = asString(node, key));

const block: Block<DestinationReading> = {
  name: "mapping destination",
  unknown: (key) => `Unknown field "${key}" for mapping destination`,
  keys: {
    dest: readSubject,
    destination: readSubject,
    weight: (node, target, { key }) => (target.weightPercent = weightOf(node, key)),
    cluster: (node, target, { key }) => (target.cluster = asString(node, key)),
  },
};

function readDestination(
  node: ConfigNode,
  diagnostics: Diagnostics,
): { subject: string; weightPercent: number; cluster: string } {
  if (node.kind !== "map") throw diagnosticAt(node, "Expected an entry for the mapping destination");
  const reading: DestinationReading = { subject: "", weightPercent: null, cluster: "" };
  readBlock(block, node, reading, diagnostics);
  const { subject, weightPercent, cluster } = reading;
  if (weightPercent === null) {
    const hasWeight = [...node.value.keys()].some((key) => key.toLowerCase() === "weight");
    if (!hasWeight) throw diagnosticAt(node, `Missing weight for mapping destination "${subject}"`);
  }
  return { subject, weightPercent: weightPercent ?? 0, cluster };
}

/** `50` or `"50%"`. */
function weightOf(node: ConfigNode, key: string): number {
  const digits = node.kind === "string" ? node.value.replace(/%$/, "") : null;
  if (digits !== null && !/^[+-]?\d+$/.test(digits)) {
    throw diagnosticAt(node, `Invalid weight ${JSON.stringify(digits)} for mapping destination`);
  }
  const weight = digits === null ? asInteger(node, key) : Number(digits);
  if (weight < 0 || weight > 100)
    throw diagnosticAt(node, `Invalid weight ${weight} for mapping destination`);
  return weight;
}

/** @param source as written */
function check(node: ConfigNode, source: string, destinations: readonly Destination[], prefix: string): void {
  try {
    new SubjectMappings([{ source: wireFromText(source), destinations }]);
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw diagnosticAt(node, `${prefix}${error.message}`);
  }
}
