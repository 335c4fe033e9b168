/**
 * JetStream at both ends of a link. Each end's streams answer to their own domain: the API without a domain stays on
 * its side, and so does what is for this end's domain. Source: nats-server `addLeafNodeConnection`,
 * `generateJSMappingTable`.
 */

export interface DomainDenies {
  /** Neither asked for nor sent. */
  readonly both: readonly string[];
  /** Not sent. */
  readonly sending: readonly string[];
}

const apiDenies = ["$JS.API.>", "$KV.>", "$OBJ.>"];

/** @param local this end's domain; null without one */
export function domainDenies(local: string | null, remote: string): DomainDenies {
  const isOther = local === null || local !== remote;
  return { both: apiDenies, sending: isOther && local !== null ? [`$JS.${local}.API.>`] : [] };
}

/** What the API's subjects with a domain stand for; each is announced over links. */
export function domainMappings(domain: string): { readonly source: string; readonly destination: string }[] {
  const api = `$JS.${domain}.API`;
  const parts = ["INFO", "STREAM.>", "CONSUMER.>", "DIRECT.>", "META.>", "SERVER.>", "ACCOUNT.>"];
  return [
    ...parts.map((part) => ({ source: `${api}.${part}`, destination: `$JS.API.${part}` })),
    { source: `${api}.$KV.>`, destination: "$KV.>" },
    { source: `${api}.$OBJ.>`, destination: "$OBJ.>" },
  ];
}
