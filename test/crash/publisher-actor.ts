import { type PubAck, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { patienceMs } from "../fixture/waiting.ts";
import type { Random } from "../fuzz/random.ts";

const windowMax = 64;
const payloadBytesMax = 3_000;

/** Publishes numbered messages, several at a time, each with an id, and remembers what was acknowledged to it. */
export class PublisherActor {
  readonly #name: string;
  readonly #random: Random;
  /** Of every message ever sent, by its number: its sequence once that was acknowledged. */
  readonly #seqs: (number | undefined)[] = [];

  constructor(index: number, random: Random) {
    this.#name = `p${index}`;
    this.#random = random;
  }

  async work(connection: NatsConnection): Promise<void> {
    const client = jetstream(connection);
    await this.#resend(connection);
    while (!connection.isClosed()) {
      const count = 1 + this.#random.below(windowMax);
      const first = this.#seqs.length;
      for (let at = 0; at < count; at++) this.#seqs.push(undefined);
      const sent = Array.from({ length: count }, async (_, at) => this.#send(client, first + at));
      if ((await Promise.all(sent)).includes(false)) return;
    }
  }

  /** Until everything that was ever sent is acknowledged. */
  async finish(connection: NatsConnection): Promise<void> {
    if (!(await this.#resend(connection)))
      throw new Error(`${this.#name} is not acknowledged what it repeats`);
  }

  verify(idsBySeq: ReadonlyMap<number, string>): void {
    let last = 0;
    for (const [number, seq] of this.#seqs.entries()) {
      const id = `${this.#name}-${number}`;
      if (seq === undefined) throw new Error(`${id} was never acknowledged`);
      if (idsBySeq.get(seq) !== id)
        throw new Error(
          `${id} was acknowledged with sequence ${seq}, where ${idsBySeq.get(seq) ?? "nothing"} is`,
        );
      if (seq <= last) throw new Error(`${id} is stored before the one that was sent before it`);
      last = seq;
    }
  }

  /** In the order of their numbers, one after the other: whether they are stored already is not known. */
  async #resend(connection: NatsConnection): Promise<boolean> {
    const client = jetstream(connection);
    for (const [number, seq] of this.#seqs.entries())
      if (seq === undefined && !(await this.#send(client, number))) return false;
    return true;
  }

  async #send(client: ReturnType<typeof jetstream>, number: number): Promise<boolean> {
    const id = `${this.#name}-${number}`;
    // The same each time that it is sent.
    const filler = "x".repeat((number * 977) % payloadBytesMax);
    let ack: PubAck;
    try {
      ack = await client.publish(`crash.${this.#name}`, `${id} ${filler}`, {
        msgID: id,
        timeout: patienceMs,
      });
    } catch {
      return false;
    }
    this.#seqs[number] = ack.seq;
    return true;
  }
}
