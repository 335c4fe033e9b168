import { afterEach, beforeEach, expect, test } from "vitest";
import type { Account } from "../../src/broker/account.ts";
import { Publisher } from "../../src/broker/publisher.ts";
import { connectRaw } from "../fixture/raw-client.ts";
import { Harness } from "../transport/harness.ts";

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
});
afterEach(async () => {
  await harness.close();
});

test("messages of any size that are delivered in one pass keep their bytes", async () => {
  const client = await connectRaw(await harness.listenTcp(), { connect: { verbose: false } });
  client.send("SUB inbox 1\r\nPING\r\n");
  expect(await client.line()).toBe("PONG");
  const publisher = new Publisher(harness.broker.router);
  const account = harness.broker.accounts.get("$G") as Account;
  const sizes = Array.from({ length: 64 }, (_, at) => at * 67);
  harness.pass.run(() => {
    for (const [at, size] of sizes.entries()) {
      const bytes = Buffer.alloc(size, 97 + (at % 26));
      const body = { bytes, bodyStart: 0, bodyEnd: size, headerBytes: 0 };
      publisher.deliver(account, Buffer.from("inbox"), `stored.${at}`, "ack", body);
    }
  });
  for (const [at, size] of sizes.entries()) {
    expect(await client.line()).toBe(`MSG stored.${at} 1 ack ${size}`);
    expect((await client.payload(size)).toString()).toBe(String.fromCharCode(97 + (at % 26)).repeat(size));
  }
  client.close();
});
