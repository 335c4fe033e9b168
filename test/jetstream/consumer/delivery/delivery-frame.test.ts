import { afterEach, beforeEach, expect, test } from "vitest";
import type { Account } from "../../../../src/broker/account.ts";
import { Destination } from "../../../../src/broker/destination.ts";
import { DeliveryFrame } from "../../../../src/jetstream/consumer/delivery/delivery-frame.ts";
import { StoredMessage } from "../../../../src/store/contract.ts";
import { Publisher } from "../../../../src/broker/publisher.ts";
import { connectRaw } from "../../../fixture/raw-client.ts";
import { Harness } from "../../../transport/harness.ts";

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
});
afterEach(async () => {
  await harness.close();
});

function storedAs(subject: string, payload: Buffer): StoredMessage {
  const stored = new StoredMessage();
  stored.seq = 7;
  stored.timeMs = 1_700_000_000_000;
  stored.timeNs = 42;
  stored.bytes = Buffer.concat([Buffer.from(subject), payload]);
  stored.subjectEnd = stored.bodyStart = subject.length;
  stored.bodyEnd = stored.bytes.length;
  return stored;
}

test("messages of any size that are delivered in one pass keep their bytes", async () => {
  const client = await connectRaw(await harness.listenTcp(), { connect: { verbose: false } });
  client.send("SUB inbox 1\r\nPING\r\n");
  expect(await client.line()).toBe("PONG");
  const frame = new DeliveryFrame("$JS.ACK.S.C.");
  const delivery = { deliveries: 1, consumerSeq: 3, pending: 9 };
  const publisher = new Publisher(harness.broker.router);
  const inbox = new Destination(harness.broker.accounts.get("$G") as Account, "inbox");
  const sizes = Array.from({ length: 64 }, (_, at) => at * 67);
  harness.pass.run(() => {
    for (const [at, size] of sizes.entries()) {
      const bytes = Buffer.alloc(size, 97 + (at % 26));
      frame.compose(
        storedAs(`stored.${at}`, bytes),
        { bytes, bodyStart: 0, bodyEnd: size, headerBytes: 0 },
        delivery,
      );
      publisher.deliverMessage(inbox, frame.message);
    }
  });
  for (const [at, size] of sizes.entries()) {
    expect(await client.line()).toBe(`MSG stored.${at} 1 $JS.ACK.S.C.1.7.3.1700000000000000042.9 ${size}`);
    expect((await client.payload(size)).toString()).toBe(String.fromCharCode(97 + (at % 26)).repeat(size));
  }
  client.close();
});
