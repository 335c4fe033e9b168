// For Node developers: a real broker inside a test. It starts in milliseconds, and the test moves its clock.
//
//   node examples/broker-in-a-test.mjs          (or: node --test examples/broker-in-a-test.mjs)
//
// The same calls work in any test runner; docs/embedding.md has recipes for vitest and jest.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as dial } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { connect, RequestError } from "@nats-io/transport-node";
import { createBroker } from "frond";

let broker;
beforeEach(async () => {
  // One broker per test. Port 0 takes any free port, so tests can run in parallel.
  broker = await createBroker({ port: 0, pingInterval: "30s", pingMax: 2 });
});
afterEach(async () => {
  await broker.close();
});

await test("a service is tested against a real broker", async () => {
  const service = await connect({ servers: broker.url });
  service.subscribe("orders.new", {
    callback: (_error, order) => order.respond(`accepted ${order.string()}`),
  });
  await service.flush();

  const caller = await connect({ servers: broker.url });
  const answer = await caller.request("orders.new", "order 1");
  assert.equal(answer.string(), "accepted order 1");

  await service.close();
  await assert.rejects(
    () => caller.request("orders.new", "order 2"),
    (error) => error instanceof RequestError && error.isNoResponders(),
  );
  await caller.close();
});

await test("a device that has lost its power is noticed within 90 seconds, and the test does not wait for them", async () => {
  // It logs in, and then no longer answers PING.
  const device = dial(broker.port, broker.host);
  device.write('CONNECT {"verbose":false}\r\nPING\r\n');
  let heard = "";
  device.setEncoding("utf8").on("data", (text) => (heard += text));
  while (!heard.includes("PONG")) await once(device, "data");

  const started = performance.now();
  await broker.clock.advance("60s");
  assert.equal(device.closed, false);
  await broker.clock.advance("30s");
  await once(device, "close");
  assert.match(heard, /-ERR 'Stale Connection'/);
  assert.ok(performance.now() - started < 5_000, "the clock was moved, nobody waited");
});

await test("a client that does not log in has two seconds", async () => {
  const guarded = await createBroker({ port: 0, token: "secret" });
  const stranger = dial(guarded.port, guarded.host);
  let heard = "";
  stranger.setEncoding("utf8").on("data", (text) => (heard += text));
  await once(stranger, "data");
  await guarded.clock.advance("2s");
  await once(stranger, "close");
  assert.match(heard, /-ERR 'Authentication Timeout'/);
  await guarded.close();
});
