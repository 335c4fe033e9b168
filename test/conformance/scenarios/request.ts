import { type ScenarioGroup, collect, equal, failureOf, numbers, respond, settle } from "../scenario.ts";
import { delay, patienceMs } from "../../fixture/waiting.ts";

/** One answer to one question; and at once a 503 when nobody is there to answer. */
export const request: ScenarioGroup = {
  noun: "request",
  scenarios: {
    "a request is answered over the shared inbox": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      respond(server, subject("upper"), (asked) => asked.respond(asked.string().toUpperCase()));
      await server.flush();
      equal((await client.request(subject("upper"), "quiet")).string(), "QUIET", "answer");
      equal((await client.request(subject("upper"))).data.length, 0, "empty answer");
    },

    "a request is answered on an inbox of its own": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      const replies: string[] = [];
      respond(server, subject("upper"), (asked) => {
        replies.push(asked.reply ?? "");
        asked.respond(asked.string().toUpperCase());
      });
      await server.flush();
      const own = await client.request(subject("upper"), "one", { timeout: patienceMs, noMux: true });
      const named = await client.request(subject("upper"), "two", {
        timeout: patienceMs,
        noMux: true,
        reply: subject("answers"),
      });
      equal([own.string(), named.string()], ["ONE", "TWO"], "answers");
      equal(replies[1], subject("answers"), "reply subject");
      equal(named.subject, subject("answers"), "subject of the answer");
    },

    "many requests at once each get their own answer": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      respond(server, subject("echo"), (asked) => asked.respond(asked.data));
      await server.flush();
      const answers = await Promise.all(
        numbers(500).map((text) => client.request(subject("echo"), text, { timeout: patienceMs })),
      );
      equal(
        answers.map((answer) => answer.string()),
        numbers(500),
        "answers in the order of the questions",
      );
    },

    "requests in sequence do not pile up": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      respond(server, subject("echo"), (asked) => asked.respond(asked.data));
      await server.flush();
      for (const text of numbers(100)) {
        equal((await client.request(subject("echo"), text)).string(), text, "answer");
      }
    },

    "the first of several answers counts": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      for (const text of ["a", "b", "c"]) respond(server, subject("x"), (asked) => asked.respond(text));
      await server.flush();
      for (const noMux of [false, true]) {
        const answer = await client.request(subject("x"), "", { timeout: patienceMs, noMux });
        equal(["a", "b", "c"].includes(answer.string()), true, `answer ${answer.string()}`);
      }
      await settle(client, server);
    },

    "a request nobody answers times out": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      const asked = collect(server, subject("x"));
      await server.flush();
      const failure = await failureOf(client.request(subject("x"), "hello?", { timeout: 150 }), "no answer");
      equal(failure.kind, "timeout", "failure");
      equal(asked.texts(), ["hello?"], "the question did arrive");
    },

    "without a responder a request fails at once": async ({ connect, subject }) => {
      const client = await connect();
      for (const noMux of [false, true]) {
        const asking = client.request(subject("nobody"), "hello?", { timeout: patienceMs, noMux });
        equal((await failureOf(asking, "nobody")).kind, "noResponders", `failure with noMux ${noMux}`);
      }
    },

    "the status 503 names the subject": async ({ connect, subject }) => {
      const client = await connect();
      const inbox = collect(client, subject("inbox"));
      client.publish(subject("nobody"), "hello?", { reply: subject("inbox") });
      await settle(client);
      const [status] = inbox.messages;
      equal(inbox.messages.length, 1, "one status message");
      equal(status?.headers?.code, 503, "code");
      equal(status?.data.length, 0, "no payload");
      equal(status?.headers?.get("Nats-Subject"), subject("nobody"), "subject that had no responder");
    },

    "a responder in a queue group or behind a wildcard is a responder": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      respond(server, subject("queued"), (asked) => asked.respond("queue"), { queue: "q" });
      respond(server, subject("wild.>"), (asked) => asked.respond("wildcard"));
      await server.flush();
      equal((await client.request(subject("queued"))).string(), "queue", "queue member");
      equal((await client.request(subject("wild.a.b"))).string(), "wildcard", "wildcard");
    },

    "a responder that leaves is missed at once": async ({ connect, subject }) => {
      const [client, server] = [await connect(), await connect()];
      const subscription = respond(server, subject("x"), (asked) => asked.respond("here"));
      await server.flush();
      equal((await client.request(subject("x"))).string(), "here", "answer");
      subscription.unsubscribe();
      await server.flush();
      const first = await failureOf(
        client.request(subject("x"), "", { timeout: patienceMs }),
        "unsubscribed",
      );
      equal(first.kind, "noResponders", "after an unsubscribe");
      respond(server, subject("x"), (asked) => asked.respond("back"));
      await server.flush();
      equal((await client.request(subject("x"))).string(), "back", "a responder that came back");
      await server.close();
      let kind = "none";
      for (let attempt = 0; attempt < 100 && kind !== "noResponders"; attempt++) {
        kind = (await failureOf(client.request(subject("x"), "", { timeout: 500 }), "closed")).kind;
        if (kind !== "noResponders") await delay(10);
      }
      equal(kind, "noResponders", "after a close");
    },

    "a connection without echo cannot answer itself": async ({ connect, subject }) => {
      const connection = await connect({ noEcho: true });
      respond(connection, subject("x"), (asked) => asked.respond("myself"));
      const failure = await failureOf(
        connection.request(subject("x"), "", { timeout: patienceMs }),
        "own responder",
      );
      equal(failure.kind, "noResponders", "failure");
    },
  },
};
