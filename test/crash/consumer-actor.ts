import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { patienceMs } from "../fixture/waiting.ts";
import type { Random } from "../fuzz/random.ts";
import { consumerName, streamName } from "./crash-run.ts";

const batchMax = 50;

/** Pulls, acknowledges, waits for the answer to some acks: what it got one for must never come again. */
export class ConsumerActor {
  readonly #random: Random;
  /** Sequences whose ack was acknowledged, in a life of the broker that is over. */
  readonly #settled = new Set<number>();
  /** In this life, where another delivery may have been on its way already. */
  readonly #settledNow = new Set<number>();
  readonly #repeated: number[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  async work(connection: NatsConnection): Promise<void> {
    this.#beginLife();
    try {
      const consumer = await jetstream(connection).consumers.get(streamName, consumerName);
      while (!connection.isClosed()) {
        const messages = await consumer.fetch({
          max_messages: 1 + this.#random.below(batchMax),
          expires: 1_000,
        });
        const acks: Promise<void>[] = [];
        for await (const message of messages) {
          this.#seen(message.seq);
          if (this.#random.below(3) === 0) continue;
          acks.push(
            message
              .ackAck({ timeout: patienceMs })
              .then((done) => void (done && this.#settledNow.add(message.seq))),
          );
        }
        await Promise.all(acks);
      }
    } catch {
      // The broker is gone.
    }
  }

  /** Takes everything that is left; nothing that is settled may be among it. */
  async verify(connection: NatsConnection): Promise<void> {
    this.#beginLife();
    this.#refuseRepeated();
    const consumer = await jetstream(connection).consumers.get(streamName, consumerName);
    for (;;) {
      const info = await consumer.info();
      if (info.num_pending === 0 && info.num_ack_pending === 0) return this.#refuseRepeated();
      const messages = await consumer.fetch({ max_messages: 1_000, expires: 2_000 });
      // Not one after the other: a client that takes longer than its request lives misses the heartbeats of one that is over.
      const acks: Promise<boolean>[] = [];
      for await (const message of messages) {
        this.#seen(message.seq);
        acks.push(message.ackAck({ timeout: patienceMs }));
      }
      await Promise.all(acks);
    }
  }

  #beginLife(): void {
    for (const seq of this.#settledNow) this.#settled.add(seq);
    this.#settledNow.clear();
  }

  #seen(seq: number): void {
    if (this.#settled.has(seq)) this.#repeated.push(seq);
  }

  #refuseRepeated(): void {
    const [seq] = this.#repeated;
    if (seq !== undefined) throw new Error(`message ${seq} came again although its ack was acknowledged`);
  }
}
