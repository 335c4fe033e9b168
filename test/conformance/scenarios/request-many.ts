import type { Msg, NatsConnection } from "@nats-io/nats-core";
import {
  type ClientLibrary,
  type GatherOptions,
  type GatherStrategy,
  describeFailure,
} from "../../fixture/client-library.ts";
import { type Scenario, type ScenarioGroup, equal, numbers, respond, within } from "../scenario.ts";

/** Several answers to one question, by each rule for when to stop. */
export const requestMany: ScenarioGroup = {
  noun: "request many",
  scenarios: {
    "by time: all answers until the wait is over": bothWays(async (gather, server, subject) => {
      for (const text of numbers(5)) respond(server, subject, (asked) => asked.respond(text));
      await server.flush();
      const { texts, tookMs } = await gather("timer", { maxWait: 250 });
      equal(texts.sort(), numbers(5), "answers");
      within(tookMs, 200, 3000, "milliseconds");
    }),

    "by count: no more than asked for": bothWays(async (gather, server, subject) => {
      respond(server, subject, (asked) => {
        for (const text of numbers(10)) asked.respond(text);
      });
      await server.flush();
      const { texts, tookMs } = await gather("count", { maxWait: 10_000, maxMessages: 4 });
      // On an inbox of its own the library drains, and hands on what was on its way already.
      equal(texts.slice(0, 4), numbers(4), "answers");
      within(tookMs, 0, 5000, "milliseconds");
    }),

    "by count: what is there when the wait is over": bothWays(async (gather, server, subject) => {
      respond(server, subject, (asked) => asked.respond("only"));
      await server.flush();
      const { texts } = await gather("count", { maxWait: 250, maxMessages: 3 });
      equal(texts, ["only"], "answers");
    }),

    "by stall: until no more come": bothWays(async (gather, server, subject) => {
      respond(server, subject, (asked) => {
        for (const text of numbers(10)) asked.respond(text);
      });
      await server.flush();
      const { texts, tookMs } = await gather("stall", { maxWait: 10_000, stall: 300 });
      equal(texts, numbers(10), "answers");
      within(tookMs, 0, 5000, "milliseconds");
    }),

    "by sentinel: until an empty answer": bothWays(async (gather, server, subject) => {
      respond(server, subject, (asked) => {
        for (const text of numbers(10)) asked.respond(text);
        asked.respond("");
        asked.respond("after the end");
      });
      await server.flush();
      const { texts, tookMs } = await gather("sentinel", { maxWait: 10_000 });
      equal(texts.slice(0, 11), [...numbers(10), ""], "answers");
      within(tookMs, 0, 5000, "milliseconds");
    }),

    "without a responder it fails at once": bothWays(async (gather) => {
      const { failure, texts, tookMs } = await gather("timer", { maxWait: 10_000 });
      equal(failure, "noResponders", "failure");
      equal(texts, [], "answers");
      within(tookMs, 0, 5000, "milliseconds");
    }),
  },
};

interface Gathered {
  readonly texts: string[];
  readonly tookMs: number;
  readonly failure: string | undefined;
}

type Gather = (strategy: GatherStrategy, options: GatherOptions) => Promise<Gathered>;

/** Runs `body` over the shared inbox and, with a subject of its own, over an inbox for the request. */
function bothWays(
  body: (gather: Gather, server: NatsConnection, subject: string) => Promise<void>,
): Scenario {
  return async ({ connect, library, subject }) => {
    const [client, server] = [await connect(), await connect()];
    for (const noMux of [false, true]) {
      const target = subject(noMux ? "own" : "shared");
      await body(
        (strategy, options) => gatherFrom(client, library, target, strategy, { ...options, noMux }),
        server,
        target,
      );
    }
  };
}

async function gatherFrom(
  client: NatsConnection,
  library: ClientLibrary,
  subject: string,
  strategy: GatherStrategy,
  options: GatherOptions,
): Promise<Gathered> {
  const started = performance.now();
  const answers: Msg[] = [];
  let failure: string | undefined;
  try {
    for await (const answer of await client.requestMany(
      subject,
      "?",
      library.requestMany(strategy, options),
    )) {
      answers.push(answer);
    }
  } catch (error) {
    failure = describeFailure(error).kind;
  }
  const texts = answers.map((answer) => answer.string());
  return { texts, failure, tookMs: performance.now() - started };
}
