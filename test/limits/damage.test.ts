/**
 * Bytes that wait for a slow receiver are nobody else's to write to, whatever the other connections send meanwhile.
 * What a receiver gets is compared byte by byte.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBroker, type EmbeddedBroker } from "../../src/create-broker.ts";
import { connectFlow, connectReceiver, flood, type FlowClient } from "./flow.ts";

let broker: EmbeddedBroker;
const clients: FlowClient[] = [];

beforeEach(async () => {
  broker = await createBroker({ port: 0 });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await broker.close();
});

async function connected(): Promise<FlowClient> {
  const client = await connectFlow({ port: broker.port });
  clients.push(client);
  return client;
}

/** Sizes around the reads of a quiet and of a busy connection. */
test.each([
  { payloadBytes: 60_000, atOnce: 1 },
  { payloadBytes: 200_000, atOnce: 20 },
  { payloadBytes: 5_000, atOnce: 400 },
])(
  "$atOnce messages of $payloadBytes bytes at once to a receiver that is not reading",
  async ({ payloadBytes, atOnce }) => {
    const receiver = await connectReceiver(broker.port, "slow");
    clients.push(receiver);
    const [publisher, other] = [await connected(), await connected()];
    receiver.stopReading();
    let count = 0;
    // More than what fits into the buffers of the system between the two, and less than gets anybody cut.
    while (count * payloadBytes < 20_000_000) {
      await flood(other, { subject: "nobody", publisher: "no", from: count, count: atOnce, payloadBytes });
      await other.roundTrip();
      await flood(publisher, { subject: "slow", publisher: "ye", from: count, count: atOnce, payloadBytes });
      await publisher.roundTrip();
      count += atOnce;
    }
    receiver.read();
    await receiver.until(() => receiver.received >= count, `${count} messages`);
    expect(receiver.fault).toBeNull();
  },
);

test("8 publishers of large messages to slow and fast receivers", async () => {
  const receivers = await Promise.all(
    ["all", "all", "all", ">"].map(async (subject, at) =>
      connectReceiver(broker.port, subject, String(at >> 1)),
    ),
  );
  clients.push(...receivers);
  for (const [at, receiver] of receivers.entries())
    if (at > 0) receiver.setPace({ burstBytes: 300_000 * at, pauseMs: 10 * at });
  const publishers = await Promise.all(Array.from({ length: 8 }, connected));
  const sizes = [3_000, 9_000, 70_000, 2_100, 5_555, 1_000, 30_000, 4_096];
  const counts = sizes.map((bytes) => Math.floor(4_000_000 / bytes));
  const total = counts.reduce((sum, count) => sum + count, 0);
  await Promise.all(
    publishers.map(async (publisher, at) =>
      flood(publisher, {
        subject: "all",
        publisher: `p${at}`,
        count: counts[at] as number,
        payloadBytes: sizes[at] as number,
      }),
    ),
  );
  for (const receiver of receivers) {
    await receiver.until(() => receiver.received >= total, `${total} messages`);
    expect(receiver.fault).toBeNull();
  }
});
