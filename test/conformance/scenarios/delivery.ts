import { type ScenarioGroup, collect, equal, numbers, settle } from "../scenario.ts";

/** Which subscriptions receive a message, how often, and in which order. */
export const delivery: ScenarioGroup = {
  noun: "delivery",
  scenarios: {
    "a message reaches a subscriber on another connection unchanged": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const received = collect(subscriber, subject("news"));
      await subscriber.flush();
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      publisher.publish(subject("news"), "plain text");
      publisher.publish(subject("news"), bytes);
      publisher.publish(subject("news"));
      publisher.publish(subject("news"), "with a reply", { reply: "answers.here" });
      await settle(publisher, subscriber);
      const [text, binary, empty, question] = received.messages;
      equal(received.messages.length, 4, "messages");
      equal(text?.string(), "plain text", "text");
      equal(text?.subject, subject("news"), "subject");
      equal(text?.reply ?? "", "", "no reply");
      equal(Array.from(binary?.data ?? []), Array.from(bytes), "every byte value");
      equal(empty?.data.length, 0, "empty payload");
      equal(question?.reply, "answers.here", "reply");
    },

    "messages of one publisher keep their order": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const received = collect(subscriber, subject("*"));
      await subscriber.flush();
      for (const text of numbers(5000)) publisher.publish(subject(text.slice(-1)), text);
      await settle(publisher, subscriber);
      equal(received.texts(), numbers(5000), "order over ten subjects");
    },

    "an iterator receives what a callback would": async ({ connect, subject }) => {
      const connection = await connect();
      const subscription = connection.subscribe(subject("loop"), { max: 3 });
      for (const text of numbers(5)) connection.publish(subject("loop"), text);
      const texts: string[] = [];
      for await (const message of subscription) texts.push(message.string());
      equal(texts, ["0", "1", "2"], "messages until the maximum");
    },

    "wildcards take whole tokens": async ({ connect, subject }) => {
      const connection = await connect();
      const patterns = [
        "a",
        "a.b",
        "*",
        "a.*",
        "*.b",
        "a.>",
        "a.*.c",
        "*.*",
        ">",
        "a.*.>",
        "A",
        "a*",
        "a.b>",
      ];
      const subscriptions = patterns.map((pattern) => collect(connection, subject(pattern)));
      const expected: Record<string, string[]> = {
        a: ["a", "*", ">"],
        b: ["*", ">"],
        A: ["*", ">", "A"],
        "a.b": ["a.b", "a.*", "*.b", "a.>", "*.*", ">"],
        "b.b": ["*.b", "*.*", ">"],
        "a.b.c": ["a.>", "a.*.c", ">", "a.*.>"],
        "a.b.c.d": ["a.>", ">", "a.*.>"],
        ab: ["*", ">"],
        "a*": ["*", ">", "a*"],
        "a.b>": ["a.*", "a.>", "*.*", ">", "a.b>"],
      };
      for (const literal of Object.keys(expected)) connection.publish(subject(literal));
      await settle(connection);
      for (const [literal, takers] of Object.entries(expected)) {
        const got = patterns.filter((_, index) =>
          subscriptions[index]?.subjects().includes(subject(literal)),
        );
        equal(got, takers, `receivers of ${literal}`);
      }
    },

    "overlapping subscriptions each get a copy": async ({ connect, subject }) => {
      const [one, two, publisher] = [await connect(), await connect(), await connect()];
      const patterns = ["a.b", "a.*", "a.>", "a.b"];
      const all = [one, two].flatMap((connection) =>
        patterns.map((pattern) => collect(connection, subject(pattern))),
      );
      await settle(one, two);
      for (const text of numbers(10)) publisher.publish(subject("a.b"), text);
      await settle(publisher, one, two);
      for (const received of all) equal(received.texts(), numbers(10), "each subscription");
    },

    "many subscriptions on one connection are told apart": async ({ connect, subject }) => {
      const connection = await connect();
      const all = numbers(1000).map((text) => collect(connection, subject(`many.${text}`)));
      for (const text of numbers(1000)) connection.publish(subject(`many.${text}`), text);
      await settle(connection);
      equal(
        all.map((received) => received.texts().join()),
        numbers(1000),
        "one message each",
      );
    },

    "nothing arrives after an unsubscribe": async ({ connect, subject }) => {
      const [publisher, subscriber] = [await connect(), await connect()];
      const leaving = collect(subscriber, subject("x"));
      const staying = collect(subscriber, subject("x"));
      await subscriber.flush();
      publisher.publish(subject("x"), "before");
      await settle(publisher, subscriber);
      leaving.subscription.unsubscribe();
      await subscriber.flush();
      publisher.publish(subject("x"), "after");
      await settle(publisher, subscriber);
      equal(leaving.texts(), ["before"], "left");
      equal(staying.texts(), ["before", "after"], "stayed");
      // The library drops what comes for a subscription it closed, so count what came over the wire.
      equal(subscriber.stats().inMsgs, 3, "messages sent by the broker");
    },

    "without echo a connection does not hear itself": async ({ connect, subject }) => {
      const [silent, other] = [await connect({ noEcho: true }), await connect()];
      const own = collect(silent, subject("x"));
      const others = collect(other, subject("x"));
      await settle(silent, other);
      silent.publish(subject("x"), "from silent");
      other.publish(subject("x"), "from other");
      await settle(silent, other, silent);
      equal(own.texts(), ["from other"], "the connection without echo");
      equal(others.texts().sort(), ["from other", "from silent"], "the connection with echo");
    },

    "verbose and pedantic connections work like any other": async ({ connect, subject }) => {
      const connection = await connect({ verbose: true, pedantic: true });
      const received = collect(connection, subject(">"));
      for (const text of numbers(50)) connection.publish(subject("chatty"), text);
      await settle(connection);
      equal(received.texts(), numbers(50), "messages");
      received.subscription.unsubscribe();
      await connection.flush();
    },

    "subjects may hold any Unicode text": async ({ connect, subject }) => {
      const connection = await connect();
      const received = collect(connection, subject("météo.*.☂"));
      connection.publish(subject("météo.Zürich.☂"), "Regen");
      connection.publish(subject("météo.東京.☂"), "雨");
      connection.publish(subject("meteo.東京.☂"), "not this one");
      await settle(connection);
      equal(received.subjects(), [subject("météo.Zürich.☂"), subject("météo.東京.☂")], "subjects");
      equal(received.texts(), ["Regen", "雨"], "payloads");
    },

    "the broker introduces itself": async ({ connect }) => {
      const { info } = await connect();
      equal(/^\d+\.\d+\.\d+/.test(info?.version ?? ""), true, `version ${info?.version} is semantic`);
      equal(info?.headers, true, "headers");
      equal(info?.proto, 1, "protocol");
      equal(info?.max_payload, 1024 * 1024, "default max_payload");
      equal(typeof info?.client_id, "number", "client_id");
      equal((info?.server_id.length ?? 0) > 0 && (info?.server_name.length ?? 0) > 0, true, "names");
      equal(info?.auth_required ?? false, false, "no authentication asked for");
    },

    "connections have ids of their own and measure round trips": async ({ connect }) => {
      const [one, two] = [await connect(), await connect()];
      equal(one.info?.client_id === two.info?.client_id, false, "same client_id");
      equal((await one.rtt()) >= 0, true, "rtt");
    },
  },
};
