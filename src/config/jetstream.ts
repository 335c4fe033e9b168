/** The `jetstream` block, and the one of an account. */
import { defaultJetStreamLimits, defaultJetStreamOptions } from "./jetstream-defaults.ts";
import type { JetStreamAccountLimits, JetStreamOptions } from "./jetstream-options.ts";
import {
  asBoolean,
  asCount,
  asDuration,
  asDurationOrSeconds,
  asInteger,
  asMap,
  asString,
  readBlock,
} from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { kindName } from "./grammar/node.ts";
import type { ConfigNode } from "./grammar/node.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends object ? Mutable<T[K]> : T[K] };

/** What has been said of it, from whatever side. */
export interface JetStreamDraft
  extends Omit<Mutable<JetStreamOptions>, "maxMemoryBytes" | "maxStoreBytes" | "storeDir"> {
  enabled: boolean;
  /** Null: by what the machine has. */
  maxMemoryBytes: number | null;
  maxStoreBytes: number | null;
}

export function newJetStream(): JetStreamDraft {
  const { syncIntervalMs, domain, uniqueTag, strict, requestQueueMax, limits } = defaultJetStreamOptions;
  return {
    enabled: false,
    maxMemoryBytes: null,
    maxStoreBytes: null,
    syncIntervalMs,
    domain,
    uniqueTag,
    strict,
    requestQueueMax,
    limits: { ...limits, batch: { ...limits.batch } },
  };
}

/** What the block writes into: the directory may be given beside it as well. */
export interface JetStreamTarget {
  jetstream: JetStreamDraft;
  storeDir: string | null;
}

/** A switch, or a map that turns it on unless it says otherwise. */
export function readJetStream(node: ConfigNode, target: JetStreamTarget, diagnostics: Diagnostics): void {
  if (node.kind !== "map") {
    target.jetstream.enabled = asSwitch(node);
    return;
  }
  target.jetstream.enabled = true;
  readBlock(block, node, target, diagnostics);
}

/** @returns null where it is turned off */
export function readAccountJetStream(
  node: ConfigNode,
  diagnostics: Diagnostics,
): JetStreamAccountLimits | null {
  if (node.kind !== "map") return asSwitch(node) ? defaultJetStreamLimits : null;
  const limits: Mutable<JetStreamAccountLimits> = { ...defaultJetStreamLimits };
  readBlock(accountBlock, node, limits, diagnostics);
  return limits;
}

/** A directory may be named once, here or in the `jetstream` block. */
export function readStoreDir(node: ConfigNode, target: JetStreamTarget, key: string): void {
  const path = asString(node, key);
  if (target.storeDir !== null) throw diagnosticAt(node, "Duplicate 'store_dir' configuration");
  target.storeDir = path || null;
}

function asSwitch(node: ConfigNode): boolean {
  if (node.kind === "boolean") return node.value;
  if (node.kind !== "string")
    throw diagnosticAt(node, `Expected map, bool or string to define JetStream, got ${kindName(node)}`);
  if (/^enabled?$/i.test(node.value)) return true;
  if (/^disabled?$/i.test(node.value)) return false;
  throw diagnosticAt(node, `Expected 'enabled' or 'disabled' for string value, got '${node.value}'`);
}

const units: Readonly<Record<string, number>> = { K: 10, M: 20, G: 30, T: 40 };

/** Bytes, as a number or as text with one of the units above. */
function asSize(node: ConfigNode, key: string): number {
  if (node.kind === "integer") return asInteger(node, key);
  if (node.kind !== "string") throw diagnosticAt(node, `${key} must be int64 or string`);
  if (node.value === "") return 0;
  const digits = node.value.slice(0, -1);
  if (!/^[+-]?\d+$/.test(digits)) {
    throw diagnosticAt(
      node,
      `${key} strconv.ParseInt: parsing ${JSON.stringify(digits)}: invalid syntax; a size is like 1G`,
    );
  }
  const power = units[node.value.slice(-1)];
  if (power === undefined) throw diagnosticAt(node, `${key} sizes defined as strings must end in K, M, G, T`);
  return Number(digits) * 2 ** power;
}

type Reader = KeyReader<JetStreamTarget>;

const readDir: Reader = (node, target, { key }) => readStoreDir(node, target, key);
const readSync: Reader = (node, { jetstream }, read) => {
  const isAlways = node.kind === "string" && node.value.toLowerCase() === "always";
  jetstream.syncIntervalMs = isAlways ? 0 : asDurationOrSeconds(node, read);
};
const readMemory: Reader = (node, { jetstream }) =>
  (jetstream.maxMemoryBytes = asSize(node, "max_mem_store"));
const readFile: Reader = (node, { jetstream }) => (jetstream.maxStoreBytes = asSize(node, "max_file_store"));
const readEnabled: Reader = (node, { jetstream }, { key }) => (jetstream.enabled = asBoolean(node, key));

const block: Block<JetStreamTarget> = {
  name: "jetstream",
  keys: {
    enable: readEnabled,
    enabled: readEnabled,
    store: readDir,
    store_dir: readDir,
    storedir: readDir,
    sync: readSync,
    sync_interval: readSync,
    max_memory_store: readMemory,
    max_mem_store: readMemory,
    max_mem: readMemory,
    max_file_store: readFile,
    max_file: readFile,
    domain: (node, { jetstream }, { key }) => {
      const domain = asString(node, key);
      if (/[\s.*>]/.test(domain))
        throw diagnosticAt(node, `invalid domain name: may not contain ".", "*" or ">"`);
      // Its subjects would be those of acks, flow control and so on.
      if (["ACK", "FC", "SNAPSHOT", "EVENT"].includes(domain))
        throw diagnosticAt(node, `invalid domain name: ${JSON.stringify(domain)} is reserved`);
      jetstream.domain = domain || null;
    },
    unique_tag: (node, { jetstream }, { key }) => {
      jetstream.uniqueTag = asString(node, key).trim().toLowerCase() || null;
    },
    strict: (node, { jetstream }, { key }) => (jetstream.strict = asBoolean(node, key)),
    request_queue_limit: (node, { jetstream }, { key }) => {
      jetstream.requestQueueMax = asCount(node, key) || defaultJetStreamOptions.requestQueueMax;
    },
    limits: (node, { jetstream }, { key, diagnostics }) =>
      readBlock(limitsBlock, asMap(node, key), jetstream.limits, diagnostics),
  },
};

const limitsBlock: Block<JetStreamDraft["limits"]> = {
  name: "jetstream limits",
  keys: {
    max_ack_pending: (node, limits, { key }) => (limits.maxAckPending = asCount(node, key)),
    max_request_batch: (node, limits, { key }) => (limits.maxRequestBatch = asCount(node, key)),
    duplicate_window: (node, limits, { key }) => (limits.duplicateWindowMs = asDuration(node, key)),
    batch: (node, limits, { key, diagnostics }) =>
      readBlock(batchBlock, asMap(node, key), limits.batch, diagnostics),
  },
};

const batchDefaults = defaultJetStreamOptions.limits.batch;

/** As everywhere in these blocks, 0 is the default. */
const batchBlock: Block<JetStreamDraft["limits"]["batch"]> = {
  name: "jetstream batch limits",
  keys: {
    max_inflight_per_stream: (node, batch, { key }) =>
      (batch.maxInflightPerStream = asCount(node, key) || batchDefaults.maxInflightPerStream),
    max_inflight_total: (node, batch, { key }) =>
      (batch.maxInflightTotal = asCount(node, key) || batchDefaults.maxInflightTotal),
    max_msgs: (node, batch, { key }) => (batch.maxMessages = asCount(node, key) || batchDefaults.maxMessages),
    timeout: (node, batch, { key }) => (batch.timeoutMs = asDuration(node, key) || batchDefaults.timeoutMs),
  },
};

type LimitReader = KeyReader<Mutable<JetStreamAccountLimits>>;

const readAccountMemory: LimitReader = (node, limits, { key }) =>
  (limits.maxMemoryBytes = asInteger(node, key));
const readAccountStore: LimitReader = (node, limits, { key }) =>
  (limits.maxStoreBytes = asInteger(node, key));
const readStreams: LimitReader = (node, limits, { key }) => (limits.maxStreams = asInteger(node, key));
const readConsumers: LimitReader = (node, limits, { key }) => (limits.maxConsumers = asInteger(node, key));
const readRequired: LimitReader = (node, limits, { key }) => (limits.maxBytesRequired = asBoolean(node, key));
const readMemoryStream: LimitReader = (node, limits, { key }) =>
  (limits.memoryStreamBytesMax = asInteger(node, key));
const readStoreStream: LimitReader = (node, limits, { key }) =>
  (limits.storeStreamBytesMax = asInteger(node, key));

const accountBlock: Block<Mutable<JetStreamAccountLimits>> = {
  name: "account jetstream",
  keys: {
    max_memory: readAccountMemory,
    max_mem: readAccountMemory,
    mem: readAccountMemory,
    memory: readAccountMemory,
    max_store: readAccountStore,
    max_file: readAccountStore,
    max_disk: readAccountStore,
    store: readAccountStore,
    disk: readAccountStore,
    max_streams: readStreams,
    streams: readStreams,
    max_consumers: readConsumers,
    consumers: readConsumers,
    max_bytes_required: readRequired,
    max_stream_bytes: readRequired,
    max_bytes: readRequired,
    mem_max_stream_bytes: readMemoryStream,
    memory_max_stream_bytes: readMemoryStream,
    disk_max_stream_bytes: readStoreStream,
    store_max_stream_bytes: readStoreStream,
    max_ack_pending: (node, limits, { key }) => (limits.maxAckPending = asInteger(node, key)),
  },
};
