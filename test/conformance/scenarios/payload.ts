import { type ScenarioGroup, collect, equal, failureOf, numbers, respond, settle } from "../scenario.ts";
import { patienceMs } from "../../fixture/waiting.ts";

const bytesMax = 300_000;

/** Payloads up to the largest that the broker announces. */
export const payload: ScenarioGroup = {
  noun: "payload",
  config: `max_payload: ${bytesMax}`,
  scenarios: {
    "the largest payload arrives byte for byte": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      equal(publisher.info?.max_payload, bytesMax, "announced");
      const received = collect(subscriber, subject("x"));
      await subscriber.flush();
      const sent = pattern(bytesMax);
      publisher.publish(subject("x"), sent);
      publisher.publish(subject("x"), "small, after the large one");
      await settle(publisher, subscriber);
      equal(sameBytes(received.messages[0]?.data, sent), true, "bytes");
      equal(received.messages[1]?.string(), "small, after the large one", "next message");
    },

    "a larger payload is refused by the library, and the connection goes on": async (context) => {
      const { connect, subject } = context;
      const connection = await connect();
      const received = collect(connection, subject("x"));
      const publishing = (async () => connection.publish(subject("x"), pattern(bytesMax + 1)))();
      equal((await failureOf(publishing, "too large")).kind, "maxPayload", "failure");
      connection.publish(subject("x"), "goes on");
      await settle(connection);
      equal(received.texts(), ["goes on"], "messages");
    },

    "the largest payload follows small messages in one write": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const received = collect(subscriber, subject("x"));
      await subscriber.flush();
      // Libraries gather up to 32 KiB before they write, and the message that passes that mark goes along.
      for (const text of numbers(30)) publisher.publish(subject("x"), text.padStart(1000));
      publisher.publish(subject("x"), pattern(bytesMax));
      await settle(publisher, subscriber);
      equal(received.messages.length, 31, "messages");
      equal(sameBytes(received.messages[30]?.data, pattern(bytesMax)), true, "bytes");
    },

    "headers count towards the largest payload": async ({ connect, library, subject }) => {
      const connection = await connect();
      const received = collect(connection, subject("x"));
      const headers = library.headers();
      headers.set("A", "b");
      // "NATS/1.0\r\nA: b\r\n\r\n" is 18 bytes.
      const sent = pattern(bytesMax - 18);
      connection.publish(subject("x"), sent, { headers });
      await settle(connection);
      equal(sameBytes(received.messages[0]?.data, sent), true, "bytes");
      equal(received.messages[0]?.headers?.get("A"), "b", "header");
    },

    "payloads of every size keep their edges": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const received = collect(subscriber, subject("x"));
      await subscriber.flush();
      const near = [0, 1, 128, 4096, 16_384, 32_768, 65_536, 131_072];
      const sizes = near.flatMap((size) => [size - 1, size, size + 1]).filter((size) => size >= 0);
      for (const size of sizes) publisher.publish(subject("x"), pattern(size));
      await settle(publisher, subscriber);
      equal(
        received.messages.map((message) => message.data.length),
        sizes,
        "sizes",
      );
      equal(
        received.messages.every((message) => sameBytes(message.data, pattern(message.data.length))),
        true,
        "bytes",
      );
    },

    "large answers to requests at once": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      respond(server, subject("x"), (asked) => asked.respond(pattern(100_000 + Number(asked.string()))));
      await server.flush();
      const answers = await Promise.all(
        numbers(40).map((text) => client.request(subject("x"), text, { timeout: patienceMs })),
      );
      const right = answers.every((answer, index) => sameBytes(answer.data, pattern(100_000 + index)));
      equal(right, true, "each answer whole and in its place");
    },
  },
};

function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
  return bytes;
}

function sameBytes(actual: Uint8Array | undefined, expected: Uint8Array): boolean {
  if (actual === undefined || actual.length !== expected.length) return false;
  for (let index = 0; index < expected.length; index++) if (actual[index] !== expected[index]) return false;
  return true;
}
