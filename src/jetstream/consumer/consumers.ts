/** Makes consumers, changes them and brings them back. */
import { randomDigits } from "../../base/nuid.ts";
import type { Timestamp } from "../../base/timestamp.ts";
import { isReservedDestination } from "../../subjects/reserved.ts";
import { collides, hasWildcard, isValidSubject, wireFromText } from "../../subjects/subject.ts";
import type { JetStreamAccount } from "../account.ts";
import { apiError } from "../api-errors.ts";
import type { ConsumerApi, ConsumerRequest, SavedConsumer } from "./consumer-api.ts";
import type { ManagedConsumer } from "../stream/log/managed-consumer.ts";
import type { ConsumerConfig, RequestedConsumerConfig } from "./config/consumer-config.ts";
import { StoredMessage } from "../../store/contract.ts";
import type { Stream } from "../stream/stream.ts";
import {
  checkConsumerConfig,
  checkDurableName,
  filterFor,
  filtersOf,
  isPush,
} from "./config/config-check.ts";
import {
  completeConsumerConfig,
  type ConsumerLimits,
  ephemeralInactiveNs,
  inOrder,
} from "./config/config-defaults.ts";
import { checkConsumerUpdate, sameConsumerConfig } from "./config/config-update.ts";
import { Consumer } from "./consumer.ts";
import { DeliveryInterest } from "./push/delivery-interest.ts";
import { DeliveryState } from "./state/delivery-state.ts";
import { KeyOrder, parseKeyPositions } from "./state/key-order.ts";
import { restoreState } from "./state/saved-state.ts";
import { startPosition } from "./config/start-position.ts";
import { readState, recordName, removeRecords, StateJournal } from "./state/state-journal.ts";

const noteKey = "frond.dead_letter.note";
const inventedNameLength = 8;

export class Consumers implements ConsumerApi {
  readonly #interests = new WeakMap<JetStreamAccount, DeliveryInterest>();

  create(stream: Stream, { config: requested, action, pedantic }: ConsumerRequest): ManagedConsumer {
    const complete = checkedConfig(stream, requested, pedantic);
    const name = complete.durable_name ?? complete.name ?? "";
    const before = name === "" ? undefined : (stream.consumers.get(name) as Consumer | undefined);
    const config = withInactivity(complete);
    if (before !== undefined) return toldIfPaused(update(before, config, complete, action));
    if (action === "update") throw apiError("consumerDoesNotExist");
    checkQuota(stream, config, name);
    checkDurableName(config);
    return toldIfPaused(this.#make(stream, name === "" ? inventName(stream) : name, config));
  }

  restore(stream: Stream, { name, config: requested, saved }: SavedConsumer): void {
    const isDurable = (requested.durable_name ?? "") !== "";
    const named = { ...requested, name, ...(isDurable && { durable_name: name }) };
    const config = withInactivity(checkedConfig(stream, named, false));
    checkQuota(stream, config, name);
    checkDurableName(config);
    const { clock } = stream.host;
    const state = new DeliveryState(config.ack_policy, 1, isKeyed(config));
    if (stream.consumers.has(name) || !restoreState(state, saved, clock.wallMs() - clock.nowMs()))
      throw apiError("consumerCreate", { err: `failed to set consumer "${name}" state` });
    dropMissing(stream, state);
    const stamp = { timeMs: 0, timeNs: 0 };
    clock.stamp(stamp);
    const consumer = this.#open(stream, name, config, { ms: stamp.timeMs, ns: stamp.timeNs }, state);
    stream.consumers.set(name, consumer);
    consumer.save();
    consumer.schedule();
  }

  load(stream: Stream): void {
    for (const { name: record, value } of [...stream.store.records("c/")]) {
      if (!record.endsWith("/config")) continue;
      const name = record.slice("c/".length, -"/config".length);
      const { config, created } = JSON.parse(value.toString()) as {
        config: ConsumerConfig;
        created: Timestamp;
      };
      if (isReservedDestination(wireFromText(config.deliver_subject ?? ""))) {
        const to = JSON.stringify(config.deliver_subject);
        stream.host.log.warn(
          `consumer ${stream.name} > ${name} is removed: it delivers to ${to}, which is reserved`,
        );
        removeRecords(stream.store, name);
        continue;
      }
      const state = new DeliveryState(config.ack_policy, 1, isKeyed(config));
      const stored = stream.store.record(recordName(name, "state"));
      const { clock } = stream.host;
      if (stored !== null) readState(state, stored.value, stored.changes, clock.wallMs() - clock.nowMs());
      dropMissing(stream, state);
      const consumer = this.#open(stream, name, config, created, state);
      stream.consumers.set(name, consumer);
      consumer.schedule();
    }
  }

  #make(stream: Stream, name: string, config: ConsumerConfig): Consumer {
    const start = startPosition(config, stream.config, stream.log, filterFor(config));
    const state = new DeliveryState(config.ack_policy, start.seq, isKeyed(config));
    state.snapshot = [...start.snapshot];
    state.deliveredSeq = start.firstSeq - 1;
    state.floorSeq = start.firstSeq - 1;
    const stamp = { timeMs: 0, timeNs: 0 };
    stream.host.clock.stamp(stamp);
    const consumer = this.#open(stream, name, config, { ms: stamp.timeMs, ns: stamp.timeNs }, state);
    stream.consumers.set(name, consumer);
    consumer.save();
    consumer.advisories.created();
    releaseWhenAnswered(consumer);
    return consumer;
  }

  #open(
    stream: Stream,
    name: string,
    config: ConsumerConfig,
    created: Timestamp,
    state: DeliveryState,
  ): Consumer {
    const { clock } = stream.host;
    const isKept = stream.log.kind === "file" && config.mem_storage !== true && config.direct !== true;
    const journal = isKept
      ? new StateJournal(stream.store, recordName(name, "state"), state, () => clock.wallMs() - clock.nowMs())
      : null;
    const positions = parseKeyPositions(config.metadata?.["frond.key"] ?? "");
    const keys = positions === null ? null : new KeyOrder(positions);
    const interest = this.#interestOf(stream.account);
    return new Consumer({ stream, name, config, created, state, journal, keys, interest });
  }

  #interestOf(account: JetStreamAccount): DeliveryInterest {
    let interest = this.#interests.get(account);
    if (interest === undefined)
      this.#interests.set(account, (interest = new DeliveryInterest(account.host, account.account)));
    return interest;
  }
}

/** @throws ApiError */
function checkedConfig(
  stream: Stream,
  requested: RequestedConsumerConfig,
  pedantic: boolean,
): ConsumerConfig {
  const limits = limitsOf(stream.account);
  const { [noteKey]: _, ...metadata } = requested.metadata ?? {};
  const complete = completeConsumerConfig({ ...requested, metadata }, stream.config, limits, pedantic);
  checkConsumerConfig(complete, stream.config, limits);
  checkExtensions(complete);
  return complete;
}

/** Each request for a consumer that is paused makes that known. */
function toldIfPaused(consumer: Consumer): Consumer {
  if (consumer.isPaused)
    consumer.advisories.paused(consumer.config.pause_until, consumer.host.clock.wallMs());
  return consumer;
}

/**
 * Nothing is delivered before whoever asked for the consumer has its answer, which waits for the disk: a client may take
 * a message that comes first for one of somebody else's. What was stored shortly before is durable by then, too.
 */
function releaseWhenAnswered(consumer: Consumer): void {
  const { stream, host } = consumer;
  consumer.hold();
  // By then the answer is given, and stands in line.
  host.defer("announce", () => {
    const awaitedGroup = host.store.lastGroup;
    const onDurable = (): void => {
      if (host.store.durableGroup < awaitedGroup) return;
      consumer.release();
    };
    stream.account.replies.wait({ awaitedGroup, onDurable });
  });
}

function update(
  consumer: Consumer,
  config: ConsumerConfig,
  complete: ConsumerConfig,
  action: ConsumerRequest["action"],
): Consumer {
  const { stream } = consumer;
  // As nats-server, which compares before it fills in the threshold of those without a durable name.
  const isAsAsked = sameConsumerConfig(consumer.config, complete);
  if (action === "create" && !isAsAsked) throw apiError("consumerAlreadyExists");
  const isSame = isAsAsked || sameConsumerConfig(consumer.config, config);
  if (stream.config.retention === "workqueue" && !isAlone(stream, consumer.name, filtersOf(config)))
    throw apiError("consumerWQConsumerNotUnique");
  if (!isSame) {
    checkConsumerUpdate(consumer.config, config, consumer.delivery.isBound);
    consumer.update(config);
  }
  // Whoever copies the stream asks for its consumer again to get what it has not confirmed.
  if (config.sourcing === true) consumer.reset(0);
  return consumer;
}

function limitsOf({ limits, settings }: JetStreamAccount): ConsumerLimits {
  const { maxAckPending, maxRequestBatch } = settings.limits;
  const both = [maxAckPending, limits.maxAckPending].filter((limit) => limit > 0);
  return {
    ackPendingMax: both.length === 0 ? 0 : Math.min(...both),
    consumersMax: limits.maxConsumers,
    requestBatchMax: maxRequestBatch,
  };
}

/** What is Frond's own must be right as well. */
function checkExtensions(config: ConsumerConfig): void {
  const { "frond.dead_letter": deadLetter, "frond.key": key } = config.metadata ?? {};
  const refuse = (err: string): never => {
    throw apiError("consumerCreate", { err });
  };
  if (deadLetter !== undefined) {
    const subject = wireFromText(deadLetter);
    if (!isValidSubject(subject) || hasWildcard(subject))
      refuse("frond.dead_letter needs to be a subject without wildcards");
    if (isReservedDestination(subject)) refuse("frond.dead_letter can not be a reserved subject");
    if (config.ack_policy !== "explicit") refuse("frond.dead_letter requires explicit acks");
  }
  if (key === undefined) return;
  if (parseKeyPositions(key) === null) refuse("frond.key needs to be token positions, such as 2 or 1,3");
  if (isPush(config) || config.ack_policy !== "explicit")
    refuse("frond.key requires a pull consumer with explicit acks");
}

function isKeyed({ metadata }: ConsumerConfig): boolean {
  return metadata?.["frond.key"] !== undefined;
}

/** Consumers without a durable name do not stay for ever. */
function withInactivity(config: ConsumerConfig): ConsumerConfig {
  if ((config.durable_name ?? "") !== "" || (config.inactive_threshold ?? 0) > 0) return config;
  return inOrder({ ...config, inactive_threshold: ephemeralInactiveNs });
}

/** @throws ApiError (10026, 10098 to 10101) */
function checkQuota(stream: Stream, config: ConsumerConfig, name: string): void {
  const { consumersMax } = limitsOf(stream.account);
  if (config.direct === true || config.sourcing === true) return;
  const others = [...stream.consumers.values()].filter(
    (other) => other.config.direct !== true && other.config.sourcing !== true,
  );
  const most = stream.config.max_consumers;
  const limit = most <= 0 || (consumersMax > 0 && consumersMax < most) ? consumersMax : most;
  if (limit > 0 && others.length >= limit) throw apiError("maximumConsumersLimit");
  if (stream.config.retention !== "workqueue") return;
  if (config.ack_policy !== "explicit" && config.ack_policy !== "flow_control")
    throw apiError("consumerWQRequiresExplicitAck");
  if (config.deliver_policy !== "all") throw apiError("consumerWQConsumerNotDeliverAll");
  if (others.length === 0) return;
  const filters = filtersOf(config);
  if (filters.length === 0) throw apiError("consumerWQMultipleUnfiltered");
  if (!isAlone(stream, name, filters)) throw apiError("consumerWQConsumerNotUnique");
}

/** Whether no other consumer takes any of what these filters take. */
function isAlone(stream: Stream, name: string, filters: readonly string[]): boolean {
  for (const other of stream.consumers.values()) {
    if (other.name === name || other.config.direct === true || other.config.sourcing === true) continue;
    const theirs = filtersOf(other.config);
    if (filters.length > 0 && theirs.length === 0) return false;
    for (const filter of filters)
      if (theirs.some((each) => collides(wireFromText(filter), wireFromText(each)))) return false;
  }
  return true;
}

function inventName(stream: Stream): string {
  for (;;) {
    const name = randomDigits(inventedNameLength);
    if (!stream.consumers.has(name)) return name;
  }
}

/** The log may have gone on without the consumer: what is not there any more is not out. */
function dropMissing(stream: Stream, state: DeliveryState): void {
  const { log } = stream;
  const kept = new Set<number>();
  const candidates: number[] = [...state.redelivered.keys(), ...state.deferred];
  state.pending.forEach((seq) => candidates.push(seq));
  const stored = new StoredMessage();
  for (const seq of candidates) if (log.read(seq, stored)) kept.add(seq);
  for (const seq of candidates) {
    if (kept.has(seq)) continue;
    state.settle(seq);
    state.deferred.delete(seq);
  }
}
