import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";
import { handled, patienceMs } from "../../fixture/waiting.ts";

// Pull consumers through the client libraries: fetch, next, consume.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("pull, $name", (library) => {
  const peer = peerOf(broker, library);

  async function filled(count: number, config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory", ...config });
    await wire.fill(...Array.from({ length: count }, (_, index) => `${name}.${index % 3}`));
    await wire.consumer(name, "c");
    return name;
  }

  /** Waits until all up to a sequence are acknowledged. */
  async function acked(name: string, sequence: number): Promise<void> {
    await becomes(async () => (await peer().jsm.consumers.info(name, "c")).ack_floor.stream_seq, sequence);
  }

  test("a fetch of what is there", async () => {
    const { js, jsm } = peer();
    const name = await filled(10);
    const consumer = await js.consumers.get(name, "c");
    const seen: string[] = [];
    for await (const message of await consumer.fetch({ max_messages: 4, expires: patienceMs })) {
      seen.push(message.string());
      message.ack();
    }
    expect(seen).toEqual(["1", "2", "3", "4"]);
    await acked(name, 4);
    const info = await jsm.consumers.info(name, "c");
    expect(info).toMatchObject({
      delivered: { consumer_seq: 4, stream_seq: 4 },
      ack_floor: { consumer_seq: 4, stream_seq: 4 },
      num_ack_pending: 0,
      num_pending: 6,
      num_redelivered: 0,
      num_waiting: 0,
    });
  });

  test("where a message stands", async () => {
    const { js } = peer();
    const name = await filled(5);
    const consumer = await js.consumers.get(name, "c");
    await consumer.next({ expires: patienceMs });
    const message = await consumer.next({ expires: patienceMs });
    expect(message?.info).toMatchObject({
      stream: name,
      consumer: "c",
      deliveryCount: 1,
      streamSequence: 2,
      deliverySequence: 2,
      pending: 3,
      redelivered: false,
    });
    expect(message?.subject).toBe(`${name}.1`);
    expect(Math.abs((message?.info.timestampNanos ?? 0) / 1e6 - Date.now())).toBeLessThan(60_000);
  });

  test("a fetch of more than there is ends when its time is over", async () => {
    const { js } = peer();
    const name = await filled(3);
    const consumer = await js.consumers.get(name, "c");
    const start = performance.now();
    let count = 0;
    for await (const message of await consumer.fetch({ max_messages: 10, expires: 1000 })) {
      count += 1;
      message.ack();
    }
    expect(count).toBe(3);
    expect(performance.now() - start).toBeGreaterThan(800);
  });

  test("a fetch that waits gets what comes", async () => {
    const { js } = peer();
    const name = await filled(0);
    const consumer = await js.consumers.get(name, "c");
    const fetched = await consumer.fetch({ max_messages: 2, expires: patienceMs });
    await js.publish(`${name}.a`, "first");
    await js.publish(`${name}.a`, "second");
    const seen: string[] = [];
    for await (const message of fetched) seen.push(message.string());
    expect(seen).toEqual(["first", "second"]);
  });

  test("a fetch of bytes", async () => {
    const { js } = peer();
    const name = await filled(0);
    for (let index = 0; index < 10; index++) await js.publish(`${name}.a`, "x".repeat(1000));
    const consumer = await js.consumers.get(name, "c");
    let bytes = 0;
    let count = 0;
    try {
      for await (const message of await consumer.fetch({ max_bytes: 3500, expires: patienceMs })) {
        bytes += message.data.length;
        count += 1;
      }
    } catch (error) {
      // The modern library ends with the status, the other without.
      expect(String(error)).toContain("message size exceeds maxbytes");
    }
    expect([count, bytes]).toEqual([3, 3000]);
  });

  test("nothing is there", async () => {
    const { js } = peer();
    const name = await filled(0);
    const consumer = await js.consumers.get(name, "c");
    expect(await consumer.next({ expires: 1000 })).toBeNull();
  });

  test("a consumer that goes on and on", async () => {
    const { js, nc } = peer();
    const name = await filled(300);
    const consumer = await js.consumers.get(name, "c");
    const messages = await consumer.consume({ max_messages: 50 });
    for (let index = 300; index < 600; index++) nc.publish(`${name}.a`, String(index + 1));
    const seen: string[] = [];
    for await (const message of messages) {
      seen.push(message.string());
      message.ack();
      if (seen.length === 600) break;
    }
    expect(seen).toEqual(Array.from({ length: 600 }, (_, index) => String(index + 1)));
    await acked(name, 600);
  });

  test("a callback for each message", async () => {
    const { js } = peer();
    const name = await filled(20);
    const consumer = await js.consumers.get(name, "c");
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      void consumer
        .consume({
          max_messages: 5,
          callback: (message) => {
            seen.push(message.seq);
            message.ack();
            if (seen.length === 20) resolve();
          },
        })
        .then((messages) => void messages.closed());
    });
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  test("several that share one consumer", async () => {
    const { js } = peer();
    const name = await filled(300);
    const seen: number[] = [];
    const shares = await Promise.all(
      [0, 1, 2].map(async () => (await js.consumers.get(name, "c")).consume({ max_messages: 10 })),
    );
    for (const messages of shares) {
      void (async () => {
        for await (const message of messages) {
          seen.push(message.seq);
          message.ack();
        }
      })();
    }
    await acked(name, 300);
    for (const messages of shares) await messages.close();
    expect(new Set(seen).size).toBe(300);
  });

  test("the end of a consumer under a fetch", async () => {
    const { js, jsm } = peer();
    const name = await filled(0);
    const consumer = await js.consumers.get(name, "c");
    const fetched = await consumer.fetch({ max_messages: 1, expires: patienceMs });
    const ended = handled(
      (async () => {
        for await (const _ of fetched) throw new Error("a message");
      })(),
    );
    await becomes(async () => (await jsm.consumers.info(name, "c")).num_waiting, 1);
    await jsm.consumers.delete(name, "c");
    await expect(ended).rejects.toThrow(/consumer deleted/i);
  });

  test("a consumer that is not there", async () => {
    const { js } = peer();
    const name = await filled(0);
    await expect(js.consumers.get(name, "none")).rejects.toThrow("consumer not found");
  });

  test("what is published while nobody looks is there later", async () => {
    const { js } = peer();
    const name = await filled(2);
    const consumer = await js.consumers.get(name, "c");
    expect((await consumer.next({ expires: patienceMs }))?.seq).toBe(1);
    await js.publish(`${name}.a`);
    expect((await consumer.next({ expires: patienceMs }))?.seq).toBe(2);
    expect((await consumer.next({ expires: patienceMs }))?.seq).toBe(3);
  });
});
