import { wsconnect } from "@nats-io/nats-core";
import { afterEach, expect, test } from "vitest";
import { createBroker, type EmbeddedBroker } from "../../src/create-broker.ts";

let broker: EmbeddedBroker | null = null;

afterEach(async () => {
  await broker?.close();
  broker = null;
});

test("an official client connects without a socket, and talks to one that has one", async () => {
  broker = await createBroker({ port: 0, websocket: { port: 0 } });
  const inside = await wsconnect({ servers: "ws://in-process", wsFactory: broker.wsFactory });
  const again = await wsconnect({ servers: "ws://in-process", wsFactory: broker.wsFactory });
  again.subscribe("double", {
    callback: (_error, message) => void message.respond(String(Number(message.string()) * 2)),
  });
  await again.flush();
  expect((await inside.request("double", "21")).string()).toBe("42");
  await inside.drain();
  await again.close();
});

test("it proves itself like everybody else, as IN_PROCESS", async () => {
  const users = [
    { user: "inside", password: "s3cret", connectionTypes: ["IN_PROCESS"] },
    { user: "outside", password: "s3cret", connectionTypes: ["STANDARD"] },
  ];
  broker = await createBroker({ port: 0, users });
  const connect = async (user: string) =>
    wsconnect({
      servers: "ws://in-process",
      wsFactory: (broker as EmbeddedBroker).wsFactory,
      user,
      pass: "s3cret",
      reconnect: false,
    });
  const inside = await connect("inside");
  await inside.flush();
  await expect(connect("outside")).rejects.toThrow(/authorization/i);
  await inside.close();
});

test("a broker that is closed takes nobody", async () => {
  broker = await createBroker({ port: 0 });
  const { wsFactory } = broker;
  await broker.close();
  await expect(wsFactory()).rejects.toThrow("not running");
});
