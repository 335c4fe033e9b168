/** What a mirror or a source needs of the stream that it fills: `Stream` is one. */
import { emptyBytes } from "../../base/bytes.ts";
import type { StreamStore } from "../../store/contract.ts";
import type { JetStreamAccount } from "../account.ts";
import type { ApiError } from "../api-error.ts";
import type { Host } from "../host.ts";
import type { StreamConfig } from "../stream/config/stream-config.ts";

/** A message of another stream on its way into this one. Its bytes are good until {@link SourcingSink.storeSourced} returns. */
export interface SourcedMessage {
  /** Wire string, after all transforms of the mirror or source. */
  subject: string;
  /** Headers and payload: `bytes[bodyStart, bodyEnd)`, the headers first. */
  bytes: Buffer;
  bodyStart: number;
  bodyEnd: number;
  headerBytes: number;
  /** The origin's, to be kept (a mirror); 0: the next one, stamped with the time of now (a source). */
  seq: number;
  /** The origin's, where `seq` is. */
  timeMs: number;
  timeNs: number;
}

/** To be filled in again and again. */
export function emptyMessage(): SourcedMessage {
  return {
    subject: "",
    bytes: emptyBytes,
    bodyStart: 0,
    bodyEnd: 0,
    headerBytes: 0,
    seq: 0,
    timeMs: 0,
    timeNs: 0,
  };
}

export interface SourcingSink {
  readonly host: Host;
  readonly account: JetStreamAccount;
  readonly name: string;
  readonly config: StreamConfig;
  readonly store: StreamStore;
  /**
   * Stores a message as it is: its origin has checked it, so nothing in its headers is expected or refused. What the
   * stream's configuration makes of a message still happens: limits, roll-ups, TTLs where they are allowed, republishing,
   * and for sources the search for duplicates. Called within a delivery.
   *
   * @returns null when it is stored, or need not be (a duplicate, no interest in it); else why it can not be now
   */
  storeSourced(draft: SourcedMessage): ApiError | null;
  /** The next message gets this sequence or a later one: those before are gone at the origin. */
  skipTo(nextSeq: number): void;
}
