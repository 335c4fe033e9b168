import type { NatsConnection } from "@nats-io/nats-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BrokerProcess, startBroker, websocketBlock } from "../fixture/broker-process.ts";
import type { ClientLibrary } from "../fixture/client-library.ts";
import { nodeLibraries } from "../fixture/node-libraries.ts";
import { collect, numbers, respond, settle } from "./scenario.ts";
import { patienceMs } from "../fixture/waiting.ts";

// Each library with each other one: what one writes, the others read, whatever they came over.

describe("interchange", () => {
  let broker: BrokerProcess | undefined;
  const connections = new Map<string, NatsConnection>();
  beforeAll(async () => {
    broker = await startBroker({ config: websocketBlock() });
    for (const library of nodeLibraries) connections.set(library.name, await connect(library));
  });
  afterAll(async () => {
    for (const connection of connections.values()) await connection.close();
    await broker?.kill();
  });

  function connect(library: ClientLibrary): Promise<NatsConnection> {
    const servers = library.transport === "tcp" ? broker?.url : broker?.wsUrl;
    if (servers === undefined) throw new Error(`no address for ${library.name}`);
    return library.connect({ servers, reconnect: false });
  }

  function connectionOf(library: ClientLibrary): NatsConnection {
    const connection = connections.get(library.name);
    if (connection === undefined) throw new Error(`${library.name} is not connected`);
    return connection;
  }

  const pairs = nodeLibraries.flatMap((from) => nodeLibraries.map((to) => ({ from, to })));

  test.each(pairs)("messages from $from.name to $to.name", async ({ from, to }) => {
    const [publisher, subscriber] = [connectionOf(from), connectionOf(to)];
    const received = collect(subscriber, "interchange.>");
    await subscriber.flush();
    for (const text of numbers(50)) {
      const headers = from.headers();
      headers.append("Number", text);
      headers.append("Number", "Grüße");
      publisher.publish(`interchange.${text}`, text.repeat(500), { headers, reply: `answers.${text}` });
    }
    await settle(publisher, subscriber);
    received.subscription.unsubscribe();
    expect(received.texts()).toEqual(numbers(50).map((text) => text.repeat(500)));
    expect(received.subjects()).toEqual(numbers(50).map((text) => `interchange.${text}`));
    expect(received.messages.map((message) => message.reply)).toEqual(
      numbers(50).map((text) => `answers.${text}`),
    );
    expect(received.messages.map((message) => message.headers?.values("Number"))).toEqual(
      numbers(50).map((text) => [text, "Grüße"]),
    );
  });

  test.each(pairs)("requests from $from.name to $to.name", async ({ from, to }) => {
    const [client, server] = [connectionOf(from), connectionOf(to)];
    const service = respond(server, "service", (asked) => asked.respond(`answer to ${asked.string()}`));
    await server.flush();
    const asked = numbers(20).map((text) => client.request("service", text, { timeout: patienceMs }));
    const answers = (await Promise.all(asked)).map((answer) => answer.string());
    service.unsubscribe();
    await server.flush();
    expect(answers).toEqual(numbers(20).map((text) => `answer to ${text}`));
  });

  test("one queue group over all of them", async () => {
    const all = nodeLibraries.map(connectionOf);
    const members = all.map((connection) => collect(connection, "work", { queue: "workers" }));
    const [publisher] = all;
    if (publisher === undefined) throw new Error("no library");
    await settle(publisher, ...all);
    for (const text of numbers(400)) publisher.publish("work", text);
    await settle(publisher, ...all);
    const counts = members.map((member) => member.messages.length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(400);
    for (const count of counts) expect(count).toBeGreaterThan(40);
  });
});
