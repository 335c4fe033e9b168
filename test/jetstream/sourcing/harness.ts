/** A stream that copies, as small as it can be, and an origin that does as it is told. */
import type { Clock } from "../../../src/base/clock.ts";
import { Destination } from "../../../src/broker/destination.ts";
import type { Account } from "../../../src/broker/account.ts";
import { composeMessage, Message } from "../../../src/protocol/message.ts";
import type { Publisher } from "../../../src/broker/publisher.ts";
import type { Service } from "../../../src/broker/service.ts";
import type { JetStreamAccount } from "../../../src/jetstream/account.ts";
import type { ApiError } from "../../../src/jetstream/api-error.ts";
import type { SourcingDependencies } from "../../../src/jetstream/sourcing/sourcing.ts";
import type { InboundMessage } from "../../../src/jetstream/stream/message/inbound-message.ts";
import type { Host } from "../../../src/jetstream/host.ts";
import type { StreamConfig } from "../../../src/jetstream/stream/config/stream-config.ts";
import { StoredMessage, type StreamStore } from "../../../src/store/contract.ts";
import type { MemoryStore } from "../../../src/store/memory/memory-store.ts";
import { World } from "../stream-world.ts";

export class TestHost {
  readonly clock: Clock;
  readonly store: MemoryStore;
  readonly publisher: Publisher;
  readonly service: Service;
  readonly account: Account;
  readonly host: Host;
  readonly jetStream: JetStreamAccount;
  readonly #world: World;

  constructor(domain: string | null = null) {
    this.#world = new World(domain);
    const { clock, store, service, account, host, jetStream } = this.#world;
    this.clock = clock;
    this.store = store;
    this.service = service;
    this.account = account;
    this.host = host;
    this.publisher = host.publisher;
    this.jetStream = jetStream;
  }

  endPass(): void {
    this.#world.endPass();
  }

  publish(subject: string, reply: string, headers: string, payload: string): number {
    const block = headers === "" ? null : Buffer.from(headers, "latin1");
    const count = this.publisher.publish(this.account, subject, reply, block, Buffer.from(payload, "latin1"));
    this.endPass();
    return count;
  }

  listen(subject: string, handler: (heard: Heard) => void): () => void {
    const take = (message: Message): void => handler(heardOf(message));
    const subscription = this.service.listenForDeliveries(this.account, subject, null, take);
    return () => this.service.stop(subscription);
  }
}

export interface Heard {
  readonly subject: string;
  readonly reply: string;
  readonly headers: string;
  readonly payload: string;
}

function heardOf(message: Message): Heard {
  const { bytes, bodyStart, headerBytes, bodyEnd, subject, reply } = message;
  const headers = bytes.latin1Slice(bodyStart, bodyStart + headerBytes);
  return { subject, reply, headers, payload: bytes.latin1Slice(bodyStart + headerBytes, bodyEnd) };
}

/** A stream without checks and limits. */
export class TestSink {
  readonly store: StreamStore;
  config: StreamConfig;
  refusal: ApiError | null = null;
  /** Payloads that are taken for duplicates. */
  readonly duplicates = new Set<string>();
  readonly #world: TestHost;

  constructor(world: TestHost, config: Partial<StreamConfig>, store?: StreamStore) {
    this.#world = world;
    this.store = store ?? world.store.create("A", "COPY", "memory");
    this.config = { name: "COPY", ...config } as StreamConfig;
  }

  dependencies(onCaughtUp: () => void = () => {}): SourcingDependencies {
    const { host, jetStream } = this.#world;
    const { publisher, service, log, domain } = host;
    return {
      ...{ current: this, store: this.store, onCaughtUp },
      storeSourced: (message) => this.#storeSourced(message),
      channel: {
        ...{ account: jetStream.account, replies: jetStream.replies, scheduler: host, publisher, service },
        ...{ log, domain, stream: this.config.name, nuid: () => host.nuid() },
      },
    };
  }

  #storeSourced(draft: InboundMessage): ApiError | null {
    if (this.refusal !== null) return this.refusal;
    const payload = draft.bytes.latin1Slice(draft.bodyStart + draft.headerBytes, draft.bodyEnd);
    if (this.duplicates.has(payload)) return null;
    this.store.log.append(draft);
    return null;
  }

  /** `<seq> <subject> <payload>` */
  get stored(): string[] {
    return this.storedMessages.map((message) => `${message.seq} ${message.subject} ${message.payload}`);
  }

  get storedMessages(): (Heard & { seq: number; timeMs: number; timeNs: number })[] {
    const all = [];
    const into = new StoredMessage();
    for (let from = 0; this.store.log.next(from, Infinity, null, into); from = into.seq + 1) {
      const headers = into.headers?.toString("latin1") ?? "";
      const { seq, subject, timeMs, timeNs } = into;
      all.push({
        seq,
        subject,
        reply: "",
        headers,
        payload: into.payload.toString("latin1"),
        timeMs,
        timeNs,
      });
    }
    return all;
  }
}

export interface Asked {
  readonly subject: string;
  readonly reply: string;
  readonly headers: string;
  readonly body: { readonly stream_name: string; readonly config: Record<string, unknown> };
}

/** Stands behind an API prefix and notes what it is asked for. */
export class ScriptedOrigin {
  readonly asked: Asked[] = [];
  readonly deleted: string[] = [];
  readonly flow: Heard[] = [];
  readonly #world: TestHost;
  readonly #stops: (() => void)[];

  constructor(world: TestHost, prefix = "$JS.API") {
    this.#world = world;
    const note = ({ subject, reply, headers, payload }: Heard): void => {
      const body = (payload === "" ? {} : JSON.parse(payload)) as Asked["body"];
      this.asked.push({ subject, reply, headers, body });
    };
    this.#stops = [
      world.listen(`${prefix}.CONSUMER.CREATE.>`, note),
      world.listen(`${prefix}.CONSUMER.RESET.>`, note),
      world.listen(`${prefix}.CONSUMER.DELETE.>`, ({ subject }) => this.deleted.push(subject)),
      world.listen("$JS.FC.>", (heard) => this.flow.push(heard)),
    ];
  }

  get last(): Asked {
    const last = this.asked.at(-1);
    if (last === undefined) throw new Error("the origin was not asked");
    return last;
  }

  /** @param info fields of the answer */
  answer(info: object = {}, asked: Asked = this.last): void {
    const { config } = asked.body;
    const answer = { name: config["name"], config, delivered: { consumer_seq: 0, stream_seq: 0 }, ...info };
    this.#world.publish(asked.reply, "", "", JSON.stringify(answer));
  }

  refuse(error: object, asked: Asked = this.last): void {
    this.#world.publish(asked.reply, "", "", JSON.stringify({ error }));
  }

  /** `$JS.ACK…` is made of these; the message is what its subject and sequence say. */
  deliver(
    seq: number,
    consumerSeq: number,
    more: {
      subject?: string;
      headers?: string;
      pending?: number;
      payload?: string;
      to?: string;
      consumer?: string;
    } = {},
  ): void {
    const { config } = this.last.body;
    const consumer = more.consumer ?? String(config["name"]);
    const time = `17000000000${String(seq).padStart(2, "0")}000123`;
    const reply = `$JS.ACK.ORIGIN.${consumer}.1.${seq}.${consumerSeq}.${time}.${more.pending ?? 0}`;
    this.#send(more.to, more.subject ?? "a", reply, more.headers ?? "", more.payload ?? `m${seq}`);
  }

  heartbeat(lastConsumerSeq: number, stalled = ""): void {
    const stall = stalled === "" ? "" : `Nats-Consumer-Stalled: ${stalled}\r\n`;
    const headers = `NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ${lastConsumerSeq}\r\nNats-Last-Stream: 1\r\n${stall}\r\n`;
    this.#send(undefined, "ignored", "", headers, "");
  }

  askFlow(reply: string): void {
    this.#send(undefined, "ignored", reply, "NATS/1.0 100 FlowControl Request\r\n\r\n", "");
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #send(to: string | undefined, subject: string, reply: string, headers: string, payload: string): void {
    const target = to ?? String(this.last.body.config["deliver_subject"]);
    const block = Buffer.from(headers, "latin1");
    const message = composeMessage(new Message(), subject, reply, block, Buffer.from(payload, "latin1"));
    this.#world.publisher.deliverMessage(new Destination(this.#world.account, target), message);
    this.#world.endPass();
  }
}
