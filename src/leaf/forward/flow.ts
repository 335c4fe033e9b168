/** A stream's way across a link: what is needed to see to it once. There are two kinds, up and down. */
import type { ForwardedStreamOptions } from "../../config/leafnode-options.ts";
import type { StreamApi } from "./stream-api.ts";

/** The two ends, each with its API. */
export interface FlowEnds {
  readonly here: StreamApi;
  /** Null while there is no link. */
  readonly hub: StreamApi | null;
  /** `$JS.<domain>.API`, by which the hub knows this end. */
  readonly ownApi: string;
}

/** What a look at both ends has shown. */
export interface FlowStatus {
  /** Why nothing flows, or may not; null when all is well as far as that can be known. */
  readonly problem: string | null;
  /** It is for somebody here to change that, so it costs nothing to look again soon. */
  readonly isLocal: boolean;
  /** Messages that the copy has not yet. */
  readonly lag: number;
  /** Whether `lag` is what it was at most, since nothing was heard of the copy yet. */
  readonly isGuess: boolean;
  /** What has been set up by this look, for the log; null when all was there. */
  readonly done: string | null;
}

export interface Flow {
  readonly direction: "up" | "down";
  readonly options: ForwardedStreamOptions;
  /** Sets up what is missing and measures; to be called again and again, one call at a time. */
  check(ends: FlowEnds): Promise<FlowStatus>;
}
