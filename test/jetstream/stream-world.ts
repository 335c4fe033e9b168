/** Streams over a store in memory and a clock that stands still, without a server around them. */
import { Clock } from "../../src/base/clock.ts";
import { type Phase, Phases } from "../../src/base/phases.ts";
import { silentLog } from "../../src/base/log.ts";
import { Nuid } from "../../src/base/nuid.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Message } from "../../src/protocol/message.ts";
import { Publisher } from "../../src/broker/publisher.ts";
import { Service } from "../../src/broker/service.ts";
import { JetStreamAccount } from "../../src/jetstream/account.ts";
import type { ManagedConsumer } from "../../src/jetstream/stream/log/managed-consumer.ts";
import type { ConsumerConfig } from "../../src/jetstream/consumer/config/consumer-config.ts";
import { CommitGatedReplies } from "../../src/jetstream/commit-gated-replies.ts";
import type { Host, Receivers } from "../../src/jetstream/host.ts";
import { Stream, type StreamAccount } from "../../src/jetstream/stream/stream.ts";
import type { StreamConfig } from "../../src/jetstream/stream/config/stream-config.ts";
import { checkStreamConfig } from "../../src/jetstream/stream/config/stream-config-check.ts";
import type { StreamConsumer } from "../../src/jetstream/stream/log/stream-consumer.ts";
import { StoredMessage } from "../../src/store/contract.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";

export const second = 1_000_000_000;

export interface Heard {
  readonly subject: string;
  /** "" without. */
  readonly headers: string;
  readonly payload: string;
}

export class SlowReceivers implements Receivers {
  areAboveHighWaterMark = false;
  #waiting: (() => void)[] = [];

  watch(): void {}

  onDrain(work: () => void): () => void {
    this.#waiting.push(work);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== work);
    };
  }

  /** @returns how many waited */
  relieve(): number {
    this.areAboveHighWaterMark = false;
    const waiting = this.#waiting.splice(0);
    for (const work of waiting) work();
    return waiting.length;
  }
}

export class World {
  readonly clock = new Clock();
  readonly broker = new Broker(this.clock, 10, () => 7);
  readonly service = new Service();
  readonly account = this.broker.openAccount("A", {
    maxConnections: -1,
    maxSubscriptions: -1,
    maxPayloadBytes: 1_048_576,
  });
  readonly store: MemoryStore;
  readonly jetStream: StreamAccount;
  readonly host: Host;
  held = 0;
  /** What the receivers of consumers are: behind, and who waits for them. */
  readonly receivers = new SlowReceivers();
  readonly #phases = new Phases();
  #replies = 0;

  constructor(domain: string | null = null) {
    this.clock.freeze();
    this.store = new MemoryStore((phase, work) => this.defer(phase, work));
    const nuids = new Nuid();
    const { clock, broker, store, service } = this;
    this.host = {
      broker,
      clock,
      log: silentLog,
      store,
      publisher: new Publisher(broker.router),
      service,
      receivers: this.receivers,
      serverName: "test",
      serverId: "TEST",
      domain,
      defer: (phase, work) => this.defer(phase, work),
      after: (delayMs, work) =>
        clock.after(delayMs, () => {
          work();
          this.endPass();
        }),
      soon: (work) =>
        clock.soon(() => {
          work();
          this.endPass();
        }),
      background: (slice) => this.host.soon(slice),
      stallPublisher: () => {
        this.held++;
      },
      nuid: () => nuids.next(),
    };
    this.jetStream = new JetStreamAccount(this.host, this.account, new CommitGatedReplies(this.host));
  }

  /** Named `S` on `s.>` unless `config` says otherwise. */
  stream(config: Partial<StreamConfig> = {}): Stream {
    const asked = { name: "S", subjects: ["s.>"], ...config };
    const checked = checkStreamConfig(asked, noSurroundings, false);
    const store = this.store.create("A", checked.name, checked.storage);
    const stream = this.#start(new Stream(this.jetStream, store, checked, { createdMs: 0, createdNs: 0 }));
    this.endPass();
    return stream;
  }

  /** The same stream after a restart. */
  restart(stream: Stream): Stream {
    stream.close();
    return this.#start(new Stream(this.jetStream, stream.store, stream.config, stream.times));
  }

  #start(stream: Stream): Stream {
    this.jetStream.streams.set(stream.name, stream);
    stream.start();
    return stream;
  }

  /** The answer, or "" when there is none. Headers as `Name: value` each. */
  publish(subject: string, payload = "", headers: readonly string[] = []): string {
    return this.request(subject, payload, headers)[0]?.payload ?? "";
  }

  /** As {@link publish}, and gives what is of interest in the answer: `seq`, `seq+duplicate` or the error's code. */
  outcome(subject: string, payload = "", headers: readonly string[] = []): string {
    return outcomeOf(this.publish(subject, payload, headers));
  }

  request(subject: string, payload = "", headers: readonly string[] = [], reply = this.inbox()): Heard[] {
    const heard = this.listen(reply);
    this.send(subject, payload, headers, reply);
    heard.stop();
    return heard.messages;
  }

  send(subject: string, payload = "", headers: readonly string[] = [], reply = ""): void {
    const block = headers.length === 0 ? null : Buffer.from(blockOf(headers), "latin1");
    this.host.publisher.publish(this.account, subject, reply, block, Buffer.from(payload, "latin1"));
    this.endPass();
  }

  inbox(): string {
    return `_INBOX.world.${++this.#replies}`;
  }

  listen(subject: string): { readonly messages: Heard[]; stop: () => void } {
    const messages: Heard[] = [];
    const subscription = this.service.listenForDeliveries(this.account, subject, null, (message) => {
      messages.push(heardOf(message));
    });
    return { messages, stop: () => this.service.stop(subscription) };
  }

  async advance(duration: number | string): Promise<void> {
    await this.clock.advance(duration);
    this.endPass();
  }

  defer(phase: Phase, work: () => void): void {
    this.#phases.add(phase, work);
  }

  endPass(): void {
    this.#phases.run();
  }
}

const noSurroundings = {
  find: () => undefined,
  duplicateWindowMax: 0,
  streamBytesMax: () => 0,
  maxBytesRequired: false,
};

export function blockOf(headers: readonly string[]): string {
  return `NATS/1.0\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;
}

export function outcomeOf(text: string): string {
  if (text === "") return "";
  const { error, seq, duplicate } = JSON.parse(text) as {
    error?: { err_code: number; description: string };
    seq?: number;
    duplicate?: boolean;
  };
  if (error !== undefined) return `${error.err_code} ${error.description}`;
  return duplicate === true ? `${seq}+duplicate` : String(seq);
}

/** What a stream holds: `seq subject payload` each. */
export function contents({ log }: Stream): string[] {
  return stored(log).map(({ seq, subject, payload }) => `${seq} ${subject} ${payload.toString()}`.trimEnd());
}

/** The headers of one message as lines; null when there is no such message. */
export function headersAt({ log }: Stream, seq: number): string[] | null {
  const message = new StoredMessage();
  if (!log.read(seq, message)) return null;
  return (message.headers ?? Buffer.from("")).latin1Slice().split("\r\n").slice(1, -2);
}

function stored(log: Stream["log"]): StoredMessage[] {
  const all: StoredMessage[] = [];
  for (let seq = log.state.firstSeq; seq <= log.state.lastSeq; seq++) {
    const message = new StoredMessage();
    if (log.read(seq, message)) all.push(message);
  }
  return all;
}

/** A consumer that writes down what it is told. */
export class FakeConsumer implements StreamConsumer {
  readonly name: string;
  readonly config: ConsumerConfig;
  readonly told: string[] = [];
  /** Sequences that it has still to deliver, or to see acknowledged. */
  readonly needed = new Set<number>();
  wakes = 0;
  readonly #takes: (subject: string) => boolean;

  constructor(stream: Stream, name: string, filter = "") {
    this.name = name;
    this.config = {
      name,
      deliver_policy: "all",
      ack_policy: "explicit",
      replay_policy: "instant",
      num_replicas: 1,
      ...(filter !== "" && { filter_subject: filter }),
    };
    this.#takes = (subject) => filter === "" || subject === filter;
    stream.consumers.set(name, this as unknown as ManagedConsumer);
  }

  onStored(seq: number, subject: string): void {
    this.told.push(`+${seq} ${subject}`);
    if (this.#takes(subject)) this.needed.add(seq);
  }

  onRemoved(seq: number, subject: string): void {
    this.told.push(`-${seq} ${subject}`);
    this.needed.delete(seq);
  }

  onPurged(firstSeq: number): void {
    this.told.push(`purged to ${firstSeq}`);
  }

  wake(): void {
    this.wakes++;
  }

  needs(seq: number): boolean {
    return this.needed.has(seq);
  }

  onStreamUpdated(): void {}
  delete(): void {}
  close(): void {}
}

function heardOf(message: Message): Heard {
  const { bytes, bodyStart, headerBytes, bodyEnd, subject } = message;
  const headers = bytes.latin1Slice(bodyStart, bodyStart + headerBytes);
  return { subject, headers, payload: bytes.latin1Slice(bodyStart + headerBytes, bodyEnd) };
}
