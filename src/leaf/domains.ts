/**
 * JetStream at both ends of a link. Each end's streams answer to their own domain: the API without a domain stays on
 * its side, and so does what is for this end's domain. Source: nats-server `addLeafNodeConnection`.
 */
import { bucketSubjects } from "../subjects/buckets.ts";

export interface DomainDenies {
  /** Neither asked for nor sent. */
  readonly both: readonly string[];
  /** Not sent. */
  readonly sending: readonly string[];
}

const apiDenies = ["$JS.API.>", ...bucketSubjects];
const systemDenies = ["$JSC.>", "$NRG.>"];

/**
 * @param local this end's domain, as a wire string; null without one
 * @param isSystem whether the link is between system accounts
 */
export function domainDenies(local: string | null, remote: string, isSystem: boolean): DomainDenies {
  return {
    both: isSystem ? [...apiDenies, ...systemDenies] : apiDenies,
    // Where both are called the same, the other end's answers to what this end's do not.
    sending: local !== null && local !== remote ? [`$JS.${local}.API.>`] : [],
  };
}
