/** JetStream when it is complete: of the broker, and of each account. */

/** JetStream of the whole broker. */
export interface JetStreamOptions {
  /** Null: everything is kept in memory. */
  readonly storeDir: string | null;
  /** What streams may reserve and hold in memory. */
  readonly maxMemoryBytes: number;
  /** On disk. */
  readonly maxStoreBytes: number;
  /** 0: what is acknowledged is on disk. Otherwise it may take so long until it is. */
  readonly syncIntervalMs: number;
  readonly domain: string | null;
  readonly uniqueTag: string | null;
  /** Refuses requests with fields that are not known. */
  readonly strict: boolean;
  /** API requests that may wait; more are dropped. */
  readonly requestQueueMax: number;
  /** 0: none. */
  readonly limits: {
    readonly maxAckPending: number;
    readonly maxRequestBatch: number;
    readonly duplicateWindowMs: number;
    readonly batch: {
      readonly maxInflightPerStream: number;
      readonly maxInflightTotal: number;
      readonly maxMessages: number;
      readonly timeoutMs: number;
    };
  };
}

/** -1: unlimited. */
export interface JetStreamAccountLimits {
  readonly maxMemoryBytes: number;
  readonly maxStoreBytes: number;
  readonly maxStreams: number;
  readonly maxConsumers: number;
  readonly maxAckPending: number;
  /** Of one stream; 0 is unlimited too. */
  readonly memoryStreamBytesMax: number;
  readonly storeStreamBytesMax: number;
  readonly maxBytesRequired: boolean;
}
