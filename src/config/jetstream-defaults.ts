/** What JetStream is without further words. */
import type { JetStreamAccountLimits, JetStreamOptions } from "./jetstream-options.ts";

/** Unlimited. */
export const defaultJetStreamLimits: JetStreamAccountLimits = {
  maxMemoryBytes: -1,
  maxStoreBytes: -1,
  maxStreams: -1,
  maxConsumers: -1,
  maxAckPending: -1,
  memoryStreamBytesMax: -1,
  storeStreamBytesMax: -1,
  maxBytesRequired: false,
};

export const defaultJetStreamOptions: JetStreamOptions = {
  storeDir: null,
  maxMemoryBytes: Number.MAX_SAFE_INTEGER,
  maxStoreBytes: Number.MAX_SAFE_INTEGER,
  syncIntervalMs: 0,
  domain: null,
  uniqueTag: null,
  strict: true,
  requestQueueMax: 10_000,
  limits: {
    maxAckPending: 0,
    maxRequestBatch: 0,
    duplicateWindowMs: 0,
    batch: { maxInflightPerStream: 50, maxInflightTotal: 1_000, maxMessages: 1_000, timeoutMs: 10_000 },
  },
};
