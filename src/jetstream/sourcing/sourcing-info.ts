/** How a mirror or source shows itself in a stream's info; in nats-server's order of fields. */
import type { StreamSource, SubjectTransformConfig } from "../stream/config/stream-config.ts";
import type { OriginError } from "./origin-consumer.ts";

export interface SourcingInfo {
  readonly name: string;
  readonly external?: { readonly api: string; readonly deliver: string };
  readonly lag: number;
  /** Nanoseconds since the origin was heard of; -1: never. */
  readonly active: number;
  readonly error?: OriginError;
  readonly filter_subject?: string;
  readonly subject_transforms?: readonly SubjectTransformConfig[];
}

interface SourcingState {
  readonly lag: number;
  readonly activeNs: number;
  readonly error: OriginError | null;
}

export function sourcingInfo(source: StreamSource, { lag, activeNs, error }: SourcingState): SourcingInfo {
  const { name, external, filter_subject: filter, subject_transforms: transforms } = source;
  return {
    name,
    ...(external !== undefined && { external: { api: external.api, deliver: external.deliver ?? "" } }),
    lag,
    active: activeNs,
    ...(error !== null && { error }),
    ...(filter !== undefined && filter !== "" && { filter_subject: filter }),
    ...(transforms !== undefined && transforms.length > 0 && { subject_transforms: transforms }),
  };
}
