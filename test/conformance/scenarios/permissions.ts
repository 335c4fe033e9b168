import type { NatsConnection } from "@nats-io/nats-core";
import { type Failure, watchStatus } from "../../fixture/client-library.ts";
import { type ScenarioGroup, collect, equal, failureOf, numbers, respond, settle } from "../scenario.ts";
import { delay, eventually, patienceMs } from "../../fixture/waiting.ts";

const root = { user: "root", pass: "pass" };
const limited = { user: "limited", pass: "pass" };
const denied = { user: "denied", pass: "pass" };
const plain = { user: "plain", pass: "pass" };
const worker = { user: "worker", pass: "pass" };

/** What a user may publish and subscribe to. Subjects have a token of the run in front of them. */
export const permissions: ScenarioGroup = {
  noun: "permissions",
  config: `authorization {
    default_permissions { publish: "*.open", subscribe: ["*.open", "_INBOX.>"] }
    users: [
      { user: root, password: pass, permissions { publish: ">", subscribe: ">" } }
      { user: limited, password: pass, permissions {
        publish { allow: ["*.ok.>", "*.one", "$JS.>"], deny: ["*.ok.secret", "*.ok.*.admin"] }
        subscribe { allow: ["*.ok.>", "*.answers.>"], deny: "*.ok.secret" } } }
      { user: denied, password: pass, permissions { subscribe { deny: ["*.secret", "*.deep.>"] } } }
      { user: plain, password: pass }
      { user: worker, password: pass, permissions {
        subscribe { allow: ["*.work v1", "*.work v2.*", "*.both", "*.mixed", "*.mixed only"], deny: "*.both bad" } } }
      { user: server, password: pass, permissions { subscribe: ">", allow_responses: true } }
      { user: thrice, password: pass, permissions { subscribe: ">", publish: "*.log", allow_responses: { max: 3, expires: "1m" } } }
      { user: brief, password: pass, permissions { subscribe: ">", allow_responses: { max: 10, expires: "50ms" } } }
    ] }`,
  scenarios: {
    "a publish that is not allowed is refused and the connection goes on": async ({ connect, subject }) => {
      const [publisher, witness] = [await connect(limited), await connect(root)];
      const failures = failuresOf(publisher);
      const received = collect(witness, subject(">"));
      await witness.flush();
      for (const name of ["ok.a", "no", "ok.secret", "ok.a.b", "ok.a.admin", "one", "one.more", "ok"]) {
        publisher.publish(subject(name), name);
      }
      await settle(publisher, witness);
      equal(received.texts(), ["ok.a", "ok.a.b", "one"], "delivered");
      const expected = ["no", "ok.secret", "ok.a.admin", "one.more", "ok"].map((name) => ({
        kind: "permission",
        operation: "publish",
        subject: subject(name),
      }));
      await eventually(() => failures().length >= expected.length, "errors");
      equal(failures(), expected, "errors");
    },

    "a request to a subject that is not allowed fails by name": async ({ connect, subject }) => {
      const client = await connect({ ...limited, inboxPrefix: subject("answers") });
      for (const noMux of [false, true]) {
        const failure = await failureOf(
          client.request(subject("no"), "", { timeout: patienceMs, noMux }),
          "request",
        );
        equal([failure.kind, failure.subject], ["permission", subject("no")], `failure with noMux ${noMux}`);
      }
    },

    "the reply subject of a request needs no permission to publish": async ({ connect, subject }) => {
      const [client, server] = [
        await connect({ ...limited, inboxPrefix: subject("answers") }),
        await connect(root),
      ];
      respond(server, subject("ok.service"), (asked) => asked.respond("served"));
      await server.flush();
      equal((await client.request(subject("ok.service"))).string(), "served", "answer");
    },

    "an inbox outside the allowed subjects fails the request": async ({ connect, subject }) => {
      const client = await connect(limited);
      const failure = await failureOf(
        client.request(subject("ok.service"), "", { timeout: patienceMs }),
        "request",
      );
      equal(failure.kind, "permission", "failure");
    },

    "a subscription that is not allowed is refused": async ({ connect, subject }) => {
      const [subscriber, publisher] = [await connect(limited), await connect(root)];
      const names = ["ok.a", "no", "ok.secret", "*.a", ">", "ok.>"];
      const received = names.map((name) => collect(subscriber, subject(name)));
      await subscriber.flush();
      for (const name of ["ok.a", "no", "ok.secret"]) publisher.publish(subject(name), name);
      await settle(publisher, subscriber);
      const expected = [["ok.a"], [], [], [], [], ["ok.a"]];
      equal(
        received.map((one) => one.texts()),
        expected,
        "delivered",
      );
      const refused = received.map((one) => one.failures.map(({ kind, subject: name }) => `${kind} ${name}`));
      const violation = (name: string) => [`permission ${subject(name)}`];
      const violations = [[], violation("no"), violation("ok.secret"), violation("*.a"), violation(">"), []];
      equal(refused, violations, "errors");
    },

    "what is denied is filtered from a wider subscription": async ({ connect, subject }) => {
      const [subscriber, publisher] = [await connect(denied), await connect(root)];
      const wide = collect(subscriber, subject(">"));
      const narrow = collect(subscriber, subject("*"));
      const exact = collect(subscriber, subject("secret"));
      await subscriber.flush();
      for (const name of ["open", "secret", "deep.a", "deep.a.b", "deep", "other.secret"]) {
        publisher.publish(subject(name), name);
      }
      await settle(publisher, subscriber);
      equal(wide.texts(), ["open", "deep", "other.secret"], "wide");
      equal(narrow.texts(), ["open", "deep"], "narrow");
      equal(exact.failures.length, 1, "a subscription to the denied subject itself");
      equal(subscriber.stats().inMsgs, 5, "messages sent by the broker");
    },

    "a queue member that may not have a message leaves it to another": async ({ connect, subject }) => {
      const [barred, free, publisher] = [await connect(denied), await connect(root), await connect(root)];
      const wide = collect(barred, subject(">"), { queue: "q" });
      const other = collect(free, subject(">"), { queue: "q" });
      await settle(barred, free);
      for (const text of numbers(100)) publisher.publish(subject("secret"), text);
      await settle(publisher, barred, free);
      equal(wide.texts(), [], "the member that may not");
      equal(other.texts(), numbers(100), "the member that may");
    },

    "permission to subscribe can name the queue": async ({ connect, subject }) => {
      const [subscriber, publisher] = [await connect(worker), await connect(root)];
      const ask = (name: string, queue?: string) =>
        collect(subscriber, subject(name), queue === undefined ? {} : { queue });
      const allowed = [ask("work", "v1"), ask("work", "v2.a"), ask("both"), ask("both", "any"), ask("mixed")];
      const alsoAllowed = ask("mixed", "only");
      const refused = [
        ask("work"),
        ask("work", "v3"),
        ask("work", "v2"),
        ask("both", "bad"),
        ask("mixed", "other"),
      ];
      await subscriber.flush();
      for (const name of ["work", "both", "mixed"]) publisher.publish(subject(name), name);
      await settle(publisher, subscriber);
      equal(
        [...allowed, alsoAllowed].map((one) => one.failures),
        [[], [], [], [], [], []],
        "no errors",
      );
      const delivered = [...allowed, alsoAllowed].map((one) => one.texts());
      equal(delivered, [["work"], ["work"], ["both"], ["both"], ["mixed"], ["mixed"]], "delivered");
      equal(
        refused.map((one) => one.texts()),
        [[], [], [], [], []],
        "nothing for the refused",
      );
      const queues = refused.map((one) => one.failures.map(({ kind, queue }) => `${kind} ${queue ?? ""}`));
      const expected = ["", "v3", "v2", "bad", "other"].map((queue) => [`permission ${queue}`]);
      equal(queues, expected, "errors name the queue");
    },

    "users without permissions of their own have the default ones": async ({ connect, subject }) => {
      const [user, witness] = [await connect(plain), await connect(root)];
      const failures = failuresOf(user);
      const received = collect(witness, subject(">"));
      const open = collect(user, subject("open"));
      const closed = collect(user, subject("closed"));
      await settle(user, witness);
      user.publish(subject("open"), "open");
      user.publish(subject("closed"), "closed");
      await settle(user, witness, user);
      equal(received.texts(), ["open"], "published");
      equal(open.texts(), ["open"], "received");
      equal(closed.failures.length, 1, "subscription refused");
      await eventually(() => failures().some(({ operation }) => operation === "publish"), "publish refused");
    },

    "a responder may answer once what it was asked": async ({ connect, subject }) => {
      const [server, client] = [await connect({ user: "server", pass: "pass" }), await connect(root)];
      const failures = failuresOf(server);
      const answers = collect(client, subject("inbox.*"));
      respond(server, subject("service"), (asked) => {
        asked.respond("first");
        asked.respond("second");
      });
      await settle(server, client);
      client.publish(subject("service"), "", { reply: subject("inbox.1") });
      await settle(client, server, client);
      server.publish(subject("inbox.1"), "third");
      server.publish(subject("inbox.2"), "never asked");
      server.publish(subject("elsewhere"), "never allowed");
      await settle(server, client);
      equal(answers.texts(), ["first"], "answers");
      await eventually(() => failures().length >= 4, "errors");
      const expected = ["inbox.1", "inbox.1", "inbox.2", "elsewhere"].map(subject);
      equal(
        failures().map((failure) => failure.subject),
        expected,
        "refused",
      );
      equal(
        (await client.request(subject("service"), "", { timeout: patienceMs })).string(),
        "first",
        "the next request",
      );
    },

    "a responder may answer as often as it was allowed": async ({ connect, subject }) => {
      const [server, client] = [await connect({ user: "thrice", pass: "pass" }), await connect(root)];
      const failures = failuresOf(server);
      const answers = collect(client, subject("inbox"));
      const log = collect(client, subject("log"));
      respond(server, subject("service"), (asked) => {
        for (const text of numbers(5)) asked.respond(text);
      });
      await settle(server, client);
      client.publish(subject("service"), "", { reply: subject("inbox") });
      server.publish(subject("log"), "as allowed");
      await settle(client, server, client);
      equal(answers.texts(), numbers(3), "answers");
      equal(log.texts(), ["as allowed"], "its other permission");
      await eventually(() => failures().length === 2, "errors");
    },

    "an answer that comes too late is refused": async ({ connect, subject }) => {
      const [server, client] = [await connect({ user: "brief", pass: "pass" }), await connect(root)];
      const failures = failuresOf(server);
      const answers = collect(client, subject("inbox"));
      const requests = collect(server, subject("service"));
      await settle(server, client);
      client.publish(subject("service"), "", { reply: subject("inbox") });
      await settle(client, server);
      await delay(150);
      requests.messages[0]?.respond("late");
      await settle(server, client);
      equal(answers.texts(), [], "answers");
      await eventually(() => failures().length === 1, "errors");
    },
  },
};

type Refusal = Omit<Failure, "message">;

function failuresOf(connection: NatsConnection): () => Refusal[] {
  const events = watchStatus(connection);
  return () =>
    events.flatMap(({ failure }) => {
      if (failure === undefined) return [];
      const { message: _, ...refusal } = failure;
      return [refusal];
    });
}
