import { type ScenarioGroup, collect, equal, numbers, respond, settle } from "../scenario.ts";
import { patienceMs } from "../../fixture/waiting.ts";

/** Headers travel as they were sent. */
export const headers: ScenarioGroup = {
  noun: "headers",
  scenarios: {
    "headers arrive with every value, in order and case": async ({ connect, library, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const received = collect(subscriber, subject("x"));
      await subscriber.flush();
      const sent = library.headers();
      sent.append("X-Trace", "one");
      sent.append("X-Trace", "two");
      sent.append("lower-case", "a value: with a colon");
      sent.append("UPPER", "Grüße ☂");
      publisher.publish(subject("x"), "payload", { headers: sent });
      await settle(publisher, subscriber);
      const [message] = received.messages;
      equal(message?.string(), "payload", "payload");
      equal(message?.headers?.values("X-Trace"), ["one", "two"], "values");
      equal(message?.headers?.get("lower-case"), "a value: with a colon", "colon");
      equal(message?.headers?.get("UPPER"), "Grüße ☂", "Unicode");
      equal(message?.headers?.has("Lower-Case"), false, "case is kept");
      equal(message?.headers?.keys().sort(), ["UPPER", "X-Trace", "lower-case"], "keys");
    },

    "headers need no payload": async ({ connect, library, subject }) => {
      const connection = await connect();
      const received = collect(connection, subject("x"));
      const sent = library.headers();
      sent.set("Only", "headers");
      connection.publish(subject("x"), "", { headers: sent });
      connection.publish(subject("x"), "without");
      await settle(connection);
      equal(received.messages[0]?.data.length, 0, "payload");
      equal(received.messages[0]?.headers?.get("Only"), "headers", "header");
      equal(received.messages[1]?.headers?.keys() ?? [], [], "none sent, none received");
    },

    "requests and answers carry headers": async ({ connect, library, subject }) => {
      const [client, server] = [await connect(), await connect()];
      const queued = collect(server, subject("x"), { queue: "watch" });
      respond(server, subject("x"), (asked) => {
        const back = library.headers();
        back.set("Answer-To", asked.headers?.get("Question") ?? "nothing");
        asked.respond("answer", { headers: back });
      });
      await server.flush();
      for (const noMux of [false, true]) {
        const question = library.headers();
        question.set("Question", `noMux ${noMux}`);
        const answer = await client.request(subject("x"), "", {
          timeout: patienceMs,
          noMux,
          headers: question,
        });
        equal(answer.headers?.get("Answer-To"), `noMux ${noMux}`, "answer");
        equal(answer.string(), "answer", "payload");
      }
      equal(
        queued.messages.map((message) => message.headers?.get("Question")),
        ["noMux false", "noMux true"],
        "queue",
      );
    },

    "headers may be long and many": async ({ connect, library, subject }) => {
      const connection = await connect();
      const received = collect(connection, subject("x"));
      const sent = library.headers();
      for (const text of numbers(500)) sent.append(`Key-${text}`, text.padStart(200, "-"));
      connection.publish(subject("x"), "tail", { headers: sent });
      await settle(connection);
      equal(received.messages[0]?.headers?.keys().length, 500, "keys");
      equal(received.messages[0]?.headers?.get("Key-499"), "499".padStart(200, "-"), "last value");
      equal(received.messages[0]?.string(), "tail", "payload");
    },

    "every receiver of one message gets its headers": async ({ connect, library, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const all = [subject("x"), subject("*"), subject(">")].map((pattern) => collect(subscriber, pattern));
      await subscriber.flush();
      for (const text of numbers(100)) {
        const sent = library.headers();
        sent.set("Number", text);
        if (Number(text) % 2 === 0) publisher.publish(subject("x"), text, { headers: sent });
        else publisher.publish(subject("x"), text);
      }
      await settle(publisher, subscriber);
      const expected = numbers(100).map((text) => (Number(text) % 2 === 0 ? text : ""));
      for (const received of all) {
        equal(received.texts(), numbers(100), "payloads");
        equal(
          received.messages.map((message) => message.headers?.get("Number") ?? ""),
          expected,
          "headers",
        );
      }
    },
  },
};
