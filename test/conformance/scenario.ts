import type { ConnectionOptions, Msg, NatsConnection, SubscriptionOptions } from "@nats-io/nats-core";
import { type ClientLibrary, type Failure, describeFailure } from "../fixture/client-library.ts";
import { delay, patienceMs } from "../fixture/waiting.ts";

/**
 * What one official client does with one broker, and what must come of it. A scenario throws when it did not.
 * The same function runs on Node over TCP, on Node over WebSocket and inside a browser page, so scenarios
 * import nothing from Node or vitest.
 */
export type Scenario = (context: ScenarioContext) => Promise<void>;

export interface ScenarioContext {
  readonly library: ClientLibrary;
  /** Connects to the broker of this group, without reconnecting. Closed by the runner at the end. */
  readonly connect: (options?: ConnectionOptions) => Promise<NatsConnection>;
  /** `name` under a first token that no other run uses. */
  readonly subject: (name: string) => string;
  readonly broker: BrokerControl;
}

/** The hand of a scenario on its broker; only in groups with `ownBroker`. */
export interface BrokerControl {
  /** Ends the broker. Connections to it break. */
  stop(): Promise<void>;
  /** Starts it again, on the same ports. */
  start(): Promise<void>;
  lameDuck(): Promise<void>;
  /** Replaces the config (a websocket block is added, as in the group's) and asks for a reload. */
  reload(config: string): Promise<void>;
}

/** Scenarios about one noun, and the broker they need. */
export interface ScenarioGroup {
  readonly noun: string;
  /** Config of the broker, to which the runner adds a websocket block; none is an open broker. */
  readonly config?: string;
  /** Body of the websocket block; without TLS by default. */
  readonly websocket?: string;
  /** Each run gets a broker to itself, because it stops or changes it. */
  readonly ownBroker?: boolean;
  /** Its scenarios send signals to the broker, which not every system has. */
  readonly signals?: boolean;
  readonly scenarios: Readonly<Record<string, Scenario>>;
}

/** Runs `scenario`, closing what it opened whatever happens. */
export async function playScenario(
  scenario: Scenario,
  library: ClientLibrary,
  url: () => string,
  broker: BrokerControl,
): Promise<void> {
  const opened: NatsConnection[] = [];
  const prefix = `t${Math.random().toString(36).slice(2, 10)}`;
  const context: ScenarioContext = {
    library,
    broker,
    subject: (name) => `${prefix}.${name}`,
    connect: async (options = {}) => {
      const connection = await library.connect({
        servers: url(),
        reconnect: false,
        noAsyncTraces: true,
        timeout: patienceMs,
        ...options,
      });
      opened.push(connection);
      return connection;
    },
  };
  try {
    await scenario(context);
  } finally {
    // A connection whose broker is gone may not finish closing; nobody waits for it long.
    await Promise.race([Promise.allSettled(opened.map((connection) => connection.close())), delay(1000)]);
  }
}

/** The messages a new subscription has received so far. Its errors end up in `failures`. */
export interface Collected {
  readonly messages: Msg[];
  readonly failures: Failure[];
  readonly texts: () => string[];
  readonly subjects: () => string[];
  readonly subscription: ReturnType<NatsConnection["subscribe"]>;
}

export function collect(
  connection: NatsConnection,
  subject: string,
  options: SubscriptionOptions = {},
): Collected {
  const messages: Msg[] = [];
  const failures: Failure[] = [];
  const subscription = connection.subscribe(subject, {
    ...options,
    callback: (error, message) => {
      if (error) failures.push(describeFailure(error));
      else messages.push(message);
    },
  });
  return {
    messages,
    failures,
    subscription,
    texts: () => messages.map((message) => message.string()),
    subjects: () => messages.map((message) => message.subject),
  };
}

/** Answers each request on `subject` with `answer(request)`. */
export function respond(
  connection: NatsConnection,
  subject: string,
  answer: (request: Msg) => void,
  options: SubscriptionOptions = {},
): ReturnType<NatsConnection["subscribe"]> {
  return connection.subscribe(subject, {
    ...options,
    callback: (error, request) => {
      if (!error) answer(request);
    },
  });
}

/**
 * When this resolves, what was sent by the first connection has arrived at the others: a PONG to the first
 * says that the broker has routed it, a PONG to each other comes behind what was routed to it.
 */
export async function settle(publisher: NatsConnection, ...receivers: NatsConnection[]): Promise<void> {
  for (const connection of [publisher, ...receivers]) {
    // Not every library fails a flush when the connection closes under it.
    const lost = connection.closed().then((error) => {
      throw new Error(`connection closed before its flush: ${String(error)}`);
    });
    await Promise.race([connection.flush(), lost]);
    lost.catch(() => {});
  }
}

/** The failure with which `promise` rejects. */
export async function failureOf(promise: Promise<unknown>, what: string): Promise<Failure> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return describeFailure(error);
  }
  throw new Error(`${what}: expected a failure, got ${show(value)}`);
}

/** Deep equality of plain data. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (show(actual) !== show(expected)) {
    throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`);
  }
}

export function within(actual: number, low: number, high: number, what: string): void {
  if (!(actual >= low && actual <= high)) {
    throw new Error(`${what}: expected ${low} to ${high}, got ${actual}`);
  }
}

/** `count` texts, "0" to the last. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text !== undefined && text.length > 2000 ? `${text.slice(0, 2000)}…` : String(text);
}
