/** Consumers of a stream in a {@link World}, and those who talk to them. */
import type { Message } from "../../../src/protocol/message.ts";
import type { RequestedConsumerConfig } from "../../../src/jetstream/consumer/config/consumer-config.ts";
import type { Consumer } from "../../../src/jetstream/consumer/consumer.ts";
import { Consumers } from "../../../src/jetstream/consumer/consumers.ts";
import type { Stream } from "../../../src/jetstream/stream/stream.ts";
import type { StreamConfig } from "../../../src/jetstream/stream/config/stream-config.ts";
import { World } from "../stream-world.ts";

export interface Got {
  readonly subject: string;
  readonly reply: string;
  /** "" without. */
  readonly headers: string;
  readonly payload: string;
}

export class ConsumerWorld extends World {
  readonly consumers = new Consumers();

  /** Named `c`, durable, pull, with explicit acks unless `config` says otherwise. */
  consumer(
    stream: Stream,
    config: RequestedConsumerConfig = {},
    action: "" | "create" | "update" = "",
  ): Consumer {
    const asked = { durable_name: "c", ack_policy: "explicit", ...config } as const;
    const consumer = this.consumers.create(stream, { config: asked, action, pedantic: false });
    this.endPass();
    return consumer as Consumer;
  }

  filled(count: number, config: Partial<StreamConfig> = {}): Stream {
    const stream = this.stream(config);
    for (let index = 1; index <= count; index++) this.send("s.a", String(index));
    return stream;
  }

  /** The broker ends and begins again on what is stored. */
  startAgain(stream: Stream): Stream {
    const again = this.restart(stream);
    this.consumers.load(again);
    this.endPass();
    return again;
  }

  /** Everything on `subject` from now on. */
  hear(subject: string, queue: string | null = null): Got[] {
    const got: Got[] = [];
    const { service, account } = this;
    service.listenForDeliveries(account, subject, queue, (message) => void got.push(gotOf(message)));
    this.endPass();
    return got;
  }

  /** What a pull request brings at once, and later. */
  pull(terms: object | string, consumer = "c", stream = "S"): Got[] {
    const inbox = this.inbox();
    const got = this.hear(inbox);
    const body = typeof terms === "string" ? terms : JSON.stringify(terms);
    this.send(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, body, [], inbox);
    return got;
  }

  /** @returns whether the ack was answered */
  acknowledge(got: Got | undefined, body = ""): boolean {
    return this.request(got?.reply ?? "nobody", body).length > 0;
  }

  async later(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.endPass();
  }
}

function gotOf(message: Message): Got {
  const { bytes, bodyStart, bodyEnd, headerBytes } = message;
  return {
    subject: message.subject,
    reply: message.reply,
    headers: bytes.latin1Slice(bodyStart, bodyStart + headerBytes),
    payload: bytes.latin1Slice(bodyStart + headerBytes, bodyEnd),
  };
}

/** Payloads, and status lines in brackets. */
export function lines(got: readonly Got[]): string[] {
  return got.map(({ headers, payload, reply }) =>
    reply === "" ? `[${headers.slice("NATS/1.0 ".length).split("\r\n")[0]}]` : payload,
  );
}
