// What is measured of streams, and the bar for each number. nats-server is measured as it comes (it acknowledges what
// is not on disk yet) and with `sync_interval: always`; Frond as it comes, which is an fsync before every ack, and with
// the interval that nats-server has.
// @ts-check
import { connect } from "@nats-io/transport-node";
import { runGenerator } from "./generator.mjs";
import { processorSeconds } from "./servers.mjs";

/** @typedef {import("./servers.mjs").Broker} Broker */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {import("./scenarios.mjs").Effort} Effort */
/** @typedef {import("./scenarios.mjs").Sample} Sample */
/** @typedef {Record<string, string | number>} Flags of the generator */

const always = "always";
const relaxed = "2m";
/** Messages that readers find in their stream: enough to read for a second or longer. */
const STORED = 1_000_000;
const STORED_QUICK = 100_000;
const KEYS = 1000;
const FILL_TRIES = 20;

/** @type {Scenario[]} */
export const STREAM_SCENARIOS = [
  publish("window 1, 128 B; nats-server syncs too", { window: 1 }, [null, always], 0.67),
  publish("window 1, 128 B; both sync every 2 minutes", { window: 1 }, [relaxed, null], 1),
  publish("window 1, 128 B; nats-server does not sync", { window: 1 }, [null, null]),
  publish("window 100, 128 B; nats-server does not sync", { window: 100 }, [null, null]),
  publish("window 1000, 128 B; nats-server does not sync", { window: 1000 }, [null, null], 1.5),
  publish("window 1000, 128 B; nats-server syncs too", { window: 1000 }, [null, always], 20),
  publish("window 1000, 1 KiB; nats-server does not sync", { window: 1000, size: 1024 }, [null, null], 1.5),
  publish(
    "window 1000, 10,000 subjects; nats-server does not sync",
    { window: 1000, subjects: 10_000 },
    [null, null],
    1.5,
  ),
  publish("16 publishers, window 1; nats-server does not sync", { window: 1, connections: 16 }, [null, null]),
  publish("16 publishers, window 1; nats-server syncs too", { window: 1, connections: 16 }, [null, always]),
  consume("pull in batches of 500 with explicit acks", 2, {
    ack_policy: "explicit",
    max_ack_pending: 10_000,
  }),
  consume("push with flow control", 2, {
    ack_policy: "none",
    flow_control: true,
    idle_heartbeat: 5_000_000_000,
    deliver_subject: "bench.deliver",
  }),
  consume("ordered replay", 2, {
    ack_policy: "none",
    flow_control: true,
    idle_heartbeat: 5_000_000_000,
    max_deliver: 1,
    mem_storage: true,
    inactive_threshold: 300_000_000_000,
    deliver_subject: "bench.deliver",
  }),
  {
    name: "KV: put, 100 at once; nats-server does not sync",
    metrics: [{ key: "rate", unit: "msg/s", better: "higher" }],
    store: () => ({}),
    measure: (broker, effort, warmUp) =>
      onBucket(broker, () =>
        asking(broker, effort, warmUp, { subject: "$KV.bench.k", subjects: KEYS, window: 100, size: 128 }),
      ),
  },
  {
    name: "KV: get, one at a time",
    metrics: [
      { key: "rate", unit: "msg/s", better: "higher", ratioBar: 1 },
      { key: "p50", label: "p50", unit: "us", better: "lower" },
      { key: "p99", label: "p99", unit: "us", better: "lower" },
    ],
    store: () => ({}),
    measure: (broker, effort, warmUp) => getKeys(broker, effort, warmUp, 1),
  },
  {
    name: "KV: get, 100 at once",
    metrics: [{ key: "rate", unit: "msg/s", better: "higher", ratioBar: 1 }],
    store: () => ({}),
    measure: (broker, effort, warmUp) => getKeys(broker, effort, warmUp, 100),
  },
  {
    name: "KV: 100 watchers, delivered",
    metrics: [{ key: "rate", unit: "msg/s", better: "higher" }],
    store: () => ({}),
    measure: (broker, effort, warmUp) =>
      onBucket(broker, () => {
        const seconds = warmUp ? effort.warmUpSeconds : effort.seconds;
        const flags = {
          stream: "KV_bench",
          subject: "$KV.bench.k",
          size: 128,
          watchers: 100,
          window: 100,
          seconds,
        };
        return measured(broker, "watching", flags);
      }),
  },
];

/**
 * @param {string} name
 * @param {{ window: number, size?: number, subjects?: number, connections?: number }} load
 * @param {[string | null, string | null]} sync `sync_interval` of Frond and of nats-server; null: as it comes
 * @param {number} [ratioBar]
 * @returns {Scenario}
 */
function publish(name, load, [ours, theirs], ratioBar) {
  const { window, size = 128, subjects = 1, connections = 1 } = load;
  /** @type {Scenario["metrics"]} */
  const metrics = [{ key: "rate", unit: "msg/s", better: "higher", ...(ratioBar ? { ratioBar } : {}) }];
  if (window === 1) {
    metrics.push({ key: "p50", label: "p50", unit: "us", better: "lower" });
    metrics.push({ key: "p99", label: "p99", unit: "us", better: "lower" });
  }
  return {
    name: `stream publish: ${name}`,
    metrics,
    store: (program) => ({ syncInterval: program === "Frond" ? ours : theirs }),
    measure: async (broker, effort, warmUp) => {
      await anew(broker, "BENCH", ["bench.stream.>"]);
      const subject = subjects > 1 ? "bench.stream." : "bench.stream.one";
      return asking(broker, effort, warmUp, { subject, subjects, window, size, connections });
    },
  };
}

/** @param {string} name @param {number} ratioBar @param {Record<string, unknown>} consumer @returns {Scenario} */
function consume(name, ratioBar, consumer) {
  /** @type {WeakSet<Broker>} */
  const filled = new WeakSet();
  return {
    name: `stream ${name}`,
    metrics: [{ key: "rate", unit: "msg/s", better: "higher", ratioBar }],
    store: () => ({ syncInterval: null }),
    measure: async (broker, effort) => {
      const count = effort.seconds < 1 ? STORED_QUICK : STORED;
      if (!filled.has(broker)) await fill(broker, count);
      filled.add(broker);
      const config = {
        name: "bench",
        deliver_policy: "all",
        replay_policy: "instant",
        num_replicas: 1,
        ...consumer,
      };
      // The one of the round before would go on delivering to whoever listens there now.
      await request(broker, "$JS.API.CONSUMER.DELETE.BENCH.bench", "");
      const isPull = consumer["deliver_subject"] === undefined;
      return measured(broker, "consuming", {
        "create-subject": "$JS.API.CONSUMER.CREATE.BENCH.bench",
        create: JSON.stringify({ stream_name: "BENCH", config }),
        ...(isPull ? { "next-subject": "$JS.API.CONSUMER.MSG.NEXT.BENCH.bench" } : {}),
        batch: 500,
        size: 128,
        count,
      });
    },
  };
}

/** @param {Broker} broker @param {number} count */
async function fill(broker, count) {
  await anew(broker, "BENCH", ["bench.stream.>"]);
  const flags = { subject: "bench.stream.one", expected: '"seq":', window: 1000, size: 128, connections: 1 };
  for (let stored = 0; stored < count; ) {
    const result = await runGenerator(argsOf("asking", broker, { ...flags, seconds: 1 }));
    stored += result["answered"] ?? 0;
  }
}

/** @param {Broker} broker @param {Effort} effort @param {boolean} warmUp @param {number} window */
async function getKeys(broker, effort, warmUp, window) {
  return onBucket(broker, async () => {
    const puts = { subject: "$KV.bench.k", expected: '"seq":', window: 100, size: 128, subjects: KEYS };
    // Each run goes through the keys from the first one on.
    for (let answered = 0, tries = 0; answered < KEYS; tries++) {
      if (tries === FILL_TRIES) throw new Error(`the bucket could not be filled with ${KEYS} keys`);
      const result = await runGenerator(argsOf("asking", broker, { ...puts, connections: 1, seconds: 0.3 }));
      answered = result["answered"] ?? 0;
    }
    return asking(broker, effort, warmUp, {
      subject: "$JS.API.DIRECT.GET.KV_bench.$KV.bench.k",
      expected: "Nats-Sequence",
      subjects: KEYS,
      window,
      size: 0,
    });
  });
}

/** @param {Broker} broker @param {() => Promise<Sample>} measure */
async function onBucket(broker, measure) {
  await anew(broker, "KV_bench", ["$KV.bench.>"], {
    max_msgs_per_subject: 1,
    discard: "new",
    allow_direct: true,
    allow_rollup_hdrs: true,
  });
  return measure();
}

/** @param {Broker} broker @param {Effort} effort @param {boolean} warmUp @param {Flags} flags @returns {Promise<Sample>} */
async function asking(broker, effort, warmUp, flags) {
  const seconds = warmUp ? effort.warmUpSeconds : effort.seconds;
  return measured(broker, "asking", { expected: '"seq":', connections: 1, ...flags, seconds });
}

/** @param {Broker} broker @param {string} mode @param {Flags} flags @returns {Promise<Sample>} */
async function measured(broker, mode, flags) {
  const before = processorSeconds(broker);
  const result = await runGenerator(argsOf(mode, broker, flags));
  const seconds = result["seconds"] ?? Number.NaN;
  return {
    values: {
      rate: result["requests_per_second"] ?? result["msgs_per_second"] ?? Number.NaN,
      p50: result["p50_us"] ?? Number.NaN,
      p99: result["p99_us"] ?? Number.NaN,
    },
    brokerCores: (processorSeconds(broker) - before) / seconds,
    generatorCores: result["generator_cores"] ?? Number.NaN,
  };
}

/** @param {string} mode @param {Broker} broker @param {Flags} flags */
function argsOf(mode, broker, flags) {
  const all = { port: broker.port, ...flags };
  return [mode, ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

/** An empty stream in place of what was there. @param {Broker} broker @param {string} name @param {string[]} subjects @param {object} [more] */
async function anew(broker, name, subjects, more = {}) {
  await request(broker, `$JS.API.STREAM.DELETE.${name}`, "");
  const answer = await request(
    broker,
    `$JS.API.STREAM.CREATE.${name}`,
    JSON.stringify({ name, subjects, ...more }),
  );
  if (answer.error) throw new Error(`no stream ${name}: ${answer.error.description}`);
}

/** @param {Broker} broker @param {string} subject @param {string} body @returns {Promise<{ error?: { description: string } }>} */
async function request(broker, subject, body) {
  const connection = await connect({ servers: `127.0.0.1:${broker.port}` });
  try {
    const answer = await connection.request(subject, body, { timeout: 20_000 });
    return answer.json();
  } finally {
    await connection.close();
  }
}
