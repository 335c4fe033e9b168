import type { Random } from "../../fuzz/random.ts";
import { changedConsumer, consumerConfig, consumerNames } from "./consumers.ts";
import type { Operation } from "./operation.ts";
import { changedConfig, filters, streamConfig, streamNames, subjects } from "./streams.ts";

/** Makes up operations one after the other; all it knows is what it asked for before. */
export class Sequence {
  readonly #random: Random;
  readonly #streams = new Map<string, Record<string, unknown>>();
  readonly #consumers = new Map<string, Record<string, unknown>>();

  constructor(random: Random) {
    this.#random = random;
  }

  take(count: number): Operation[] {
    const found: Operation[] = [this.#createStream(), this.#createStream()];
    while (found.length < count) found.push(this.#next());
    found.push({ do: "listen" });
    for (const stream of this.#streams.keys())
      found.push(ask(`STREAM.INFO.${stream}`), ask(`CONSUMER.LIST.${stream}`));
    return found;
  }

  #next(): Operation {
    const roll = this.#random.below(100);
    if (roll < 6) return this.#createStream();
    if (roll < 10) return this.#updateStream();
    if (roll < 40) return this.#publish();
    if (roll < 44) return this.#readStream();
    if (roll < 48) return this.#removeMessages();
    if (roll < 52) return this.#direct();
    if (roll < 62) return this.#createConsumer();
    if (roll < 64) return this.#manageConsumer();
    if (roll < 80) return this.#fetch();
    if (roll < 94) return this.#ack();
    if (roll < 97) return this.#readConsumer();
    if (roll < 99) return { do: "listen" };
    return this.#random.chance(50) ? { do: "wait", ms: 1300 } : { do: "wait", ms: 150 };
  }

  #stream(): string {
    const known = [...this.#streams.keys()];
    if (known.length > 0 && this.#random.chance(95)) return this.#random.pick(known);
    return this.#random.pick(streamNames);
  }

  #createStream(): Operation {
    const name = this.#random.pick(streamNames);
    if (this.#random.chance(15)) return ask(`STREAM.DELETE.${name}`);
    const config = streamConfig(this.#random, name);
    this.#streams.set(name, config);
    return ask(`STREAM.CREATE.${name}`, config);
  }

  #updateStream(): Operation {
    const name = this.#stream();
    const config = changedConfig(this.#random, this.#streams.get(name) ?? { name });
    this.#streams.set(name, config);
    return ask(`STREAM.UPDATE.${name}`, config);
  }

  #publish(): Operation {
    const random = this.#random;
    const payload = random.pick(["", "x", "text", "+1", "y".repeat(20), "z".repeat(300)]);
    return { do: "publish", subject: random.pick(subjects), payload, header: publishHeader(random) };
  }

  #readStream(): Operation {
    const random = this.#random;
    const stream = this.#stream();
    return random.pick<() => Operation>([
      () =>
        ask(
          `STREAM.INFO.${stream}`,
          random.pick([undefined, { subjects_filter: random.pick(filters) }, { deleted_details: true }]),
        ),
      () => ask("STREAM.NAMES", random.pick([undefined, { subject: random.pick(filters) }, { offset: 1 }])),
      () => ask("STREAM.LIST", random.pick([undefined, { subject: random.pick(filters) }])),
      () => ask(`STREAM.MSG.GET.${stream}`, getBody(random)),
      () => ask(`STREAM.MSG.GET.${stream}`, getBody(random)),
    ])();
  }

  #removeMessages(): Operation {
    const random = this.#random;
    const stream = this.#stream();
    if (random.chance(60)) {
      return ask(`STREAM.MSG.DELETE.${stream}`, {
        seq: random.below(12),
        ...(random.chance(20) ? { no_erase: true } : {}),
      });
    }
    const body: Record<string, unknown> = {};
    if (random.chance(40)) body["filter"] = random.pick(filters);
    if (random.chance(30)) body["seq"] = random.below(10);
    if (random.chance(30)) body["keep"] = random.below(4);
    return ask(`STREAM.PURGE.${stream}`, random.chance(20) ? undefined : body);
  }

  #direct(): Operation {
    const random = this.#random;
    const stream = this.#stream();
    if (random.chance(20)) {
      return {
        do: "direct",
        subject: `$JS.API.DIRECT.GET.${stream}.${random.pick(subjects)}`,
        body: undefined,
      };
    }
    const body: Record<string, unknown> = getBody(random);
    if (random.chance(40)) body["batch"] = 1 + random.below(6);
    if (random.chance(10)) body["max_bytes"] = random.pick([1, 100, 5000]);
    if (random.chance(25)) {
      for (const name of ["seq", "last_by_subj", "next_by_subj"]) if (random.chance(90)) delete body[name];
      body["multi_last"] = Array.from({ length: 1 + random.below(2) }, () => random.pick(filters));
      if (random.chance(20)) body["up_to_seq"] = random.below(10);
    }
    return { do: "direct", subject: `$JS.API.DIRECT.GET.${stream}`, body };
  }

  #createConsumer(): Operation {
    const random = this.#random;
    const stream = this.#stream();
    const name = random.pick(consumerNames);
    const key = `${stream}.${name}`;
    const before = this.#consumers.get(key);
    const config =
      before !== undefined && random.chance(50)
        ? changedConsumer(random, before)
        : consumerConfig(random, name);
    this.#consumers.set(key, config);
    const action = random.chance(10) ? { action: random.pick(["create", "update", "", "drop"]) } : {};
    const body = { stream_name: stream, config, ...action };
    const filter = config["filter_subject"];
    if (typeof filter === "string" && filter !== "" && random.chance(40)) {
      return ask(
        `CONSUMER.CREATE.${stream}.${name}.${random.chance(95) ? filter.replaceAll(" ", "") : "other"}`,
        body,
      );
    }
    if (random.chance(10)) return ask(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, body);
    return ask(`CONSUMER.CREATE.${stream}.${name}`, body);
  }

  #manageConsumer(): Operation {
    const random = this.#random;
    const target = `${this.#stream()}.${random.pick(consumerNames)}`;
    return random.pick<() => Operation>([
      () => ask(`CONSUMER.DELETE.${target}`),
      () => ask(`CONSUMER.DELETE.${target}`),
      () =>
        ask(
          `CONSUMER.PAUSE.${target}`,
          random.pick([
            undefined,
            {},
            { pause_until: "2099-01-01T00:00:00Z" },
            { pause_until: "2019-01-01T00:00:00Z" },
          ]),
        ),
      () => ask(`CONSUMER.UNPIN.${target}`, random.pick([undefined, {}, { group: "g" }])),
      () => ask(`CONSUMER.RESET.${target}`, random.pick([undefined, { seq: 1 }, { seq: 4 }, { seq: 0 }])),
    ])();
  }

  #fetch(): Operation {
    const random = this.#random;
    const body: { batch: number; [field: string]: unknown } = { batch: 1 + random.below(5) };
    if (random.chance(85)) body["no_wait"] = true;
    else body["expires"] = random.pick([200_000_000, 300_000_000]);
    if (random.chance(8)) body["max_bytes"] = random.pick([10, 120, 1000, -1]);
    if (random.chance(5)) body["idle_heartbeat"] = random.pick([100_000_000, 1, -1]);
    if (random.chance(8)) body["group"] = random.pick(["g", "h", ""]);
    if (random.chance(4)) body["min_pending"] = random.pick([1, 3, -1]);
    if (random.chance(4)) body["min_ack_pending"] = 1;
    if (random.chance(4)) body["priority"] = random.pick([0, 3, 12]);
    if (random.chance(3)) body["id"] = "wrong";
    return { do: "fetch", stream: this.#stream(), consumer: random.pick(consumerNames), body };
  }

  #ack(): Operation {
    const random = this.#random;
    const text = random.chance(60)
      ? random.pick(["", "+ACK"])
      : random.pick([
          "-NAK",
          '-NAK {"delay":400000000}',
          "-NAK 60s",
          "+WPI",
          "+TERM",
          "+TERM because",
          "-NAK nonsense",
          "nonsense",
          "+ACK x",
        ]);
    return { do: "ack", back: random.below(6), text };
  }

  #readConsumer(): Operation {
    const random = this.#random;
    const stream = this.#stream();
    return random.pick<() => Operation>([
      () => ask(`CONSUMER.INFO.${stream}.${random.pick(consumerNames)}`),
      () => ask(`CONSUMER.INFO.${stream}.${random.pick(consumerNames)}`),
      () => ask(`CONSUMER.NAMES.${stream}`, random.pick([undefined, { offset: 1 }])),
      () => ask(`CONSUMER.LIST.${stream}`),
    ])();
  }
}

function ask(subject: string, body?: unknown): Operation {
  return { do: "ask", subject, body };
}

function getBody(random: Random): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const roll = random.below(100);
  if (roll < 45) body["seq"] = random.below(14);
  else if (roll < 70) body["last_by_subj"] = random.pick(filters);
  else if (roll < 95) Object.assign(body, { next_by_subj: random.pick(filters), seq: random.below(10) });
  if (random.chance(3))
    body["start_time"] = random.pick(["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "x"]);
  if (random.chance(3)) body["no_hdr"] = true;
  return body;
}

function publishHeader(random: Random): string {
  const lines: string[] = [];
  const maybe = (chance: number, make: () => string): void => {
    if (random.chance(chance)) lines.push(`${make()}\r\n`);
  };
  maybe(15, () => `Nats-Msg-Id: ${random.pick(["m1", "m2", "m3", "", "a b"])}`);
  maybe(6, () => `Nats-Expected-Stream: ${random.pick(["S1", "S2", "S3", "X"])}`);
  maybe(8, () => `Nats-Expected-Last-Sequence: ${random.pick(["0", "1", "3", "5", "x", "-1"])}`);
  maybe(8, () => `Nats-Expected-Last-Subject-Sequence: ${random.pick(["0", "1", "2", "x"])}`);
  maybe(3, () => `Nats-Expected-Last-Subject-Sequence-Subject: ${random.pick(filters)}`);
  maybe(3, () => `Nats-Expected-Last-Msg-Id: ${random.pick(["m1", "m2", "none"])}`);
  maybe(8, () => `Nats-Rollup: ${random.pick(["sub", "all", "ALL", "none"])}`);
  maybe(8, () => `Nats-TTL: ${random.pick(["1", "1s", "60s", "never", "0", "-1", "x", "100ms", "1h"])}`);
  maybe(4, () => `Nats-Incr: ${random.pick(["+1", "-2", "5", "x", "99999999999999999999999"])}`);
  maybe(
    3,
    () =>
      `Nats-Schedule: ${random.pick(["@at 2099-01-01T00:00:00Z", "@every 1h", "@every 1ms", "0 0 * * * *", "x"])}`,
  );
  maybe(3, () => `Nats-Schedule-Target: ${random.pick(subjects)}`);
  maybe(3, () => `Nats-Required-Api-Level: ${random.pick(["0", "1", "99", "x"])}`);
  maybe(3, () => `Nats-Marker-Reason: ${random.pick(["MaxAge", "x"])}`);
  maybe(2, () => `Nats-Batch-Id: ${random.pick(["b1", "b2", ""])}`);
  maybe(2, () => `Nats-Batch-Sequence: ${random.pick(["1", "2", "0", "x"])}`);
  maybe(2, () => `Nats-Batch-Commit: ${random.pick(["1", "0", "eob"])}`);
  maybe(10, () => `KV-Operation: ${random.pick(["DEL", "PURGE", "x"])}`);
  maybe(5, () => random.pick(["X: y", "x:y", "Empty:", "No colon", "Nats-Sequence: 9"]));
  return lines.join("");
}
