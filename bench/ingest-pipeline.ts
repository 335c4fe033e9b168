/** What `ingest.mjs` measures. */
import { Clock } from "../src/base/clock.ts";
import { Phases } from "../src/base/phases.ts";
import { viewBytes } from "../src/base/bytes.ts";
import { silentLog } from "../src/base/log.ts";
import { Broker } from "../src/broker/broker.ts";
import { composeMessage, Message } from "../src/protocol/message.ts";
import { Publisher } from "../src/broker/publisher.ts";
import { Service } from "../src/broker/service.ts";
import { JetStreamAccount } from "../src/jetstream/account.ts";
import { CommitGatedReplies } from "../src/jetstream/commit-gated-replies.ts";
import type { Host } from "../src/jetstream/host.ts";
import { Stream } from "../src/jetstream/stream/stream.ts";
import type { StreamConfig } from "../src/jetstream/stream/config/stream-config.ts";
import { checkStreamConfig } from "../src/jetstream/stream/config/stream-config-check.ts";
import type { LogState, MessageLog, StreamStore } from "../src/store/contract.ts";
import { MemoryStore } from "../src/store/memory/memory-store.ts";

const messagesAPass = 400;
const messages = Number(process.argv[2] ?? 1_000_000);
const payload = Buffer.alloc(128, "x");

/** A log that forgets: what is left is the time of everything else. */
class ForgetfulLog {
  readonly kind = "file";
  readonly state = { messages: 0, bytes: 0, firstSeq: 0, lastSeq: 0 };

  append(): number {
    this.state.messages = 1;
    return ++this.state.lastSeq;
  }

  removeThrough(): number {
    return 0;
  }

  read(): boolean {
    return false;
  }

  subject(): null {
    return null;
  }

  nextDeadlineMs(): number {
    return Infinity;
  }

  messageIds(): [] {
    return [];
  }

  forgetMessageIds(): void {}
}

const offsets = [
  "subjectStart",
  "subjectEnd",
  "replyStart",
  "replyEnd",
  "tailStart",
  "bodyStart",
  "bodyEnd",
] as const;

interface Scenario {
  readonly name: string;
  readonly config?: Partial<StreamConfig>;
  readonly subjects?: number;
  readonly headers?: (index: number) => string;
  readonly forgets?: boolean;
  readonly noReply?: boolean;
}

const scenarios: readonly Scenario[] = [
  { name: "no log, no ack", forgets: true, noReply: true },
  { name: "no log", forgets: true },
  { name: "one subject" },
  { name: "10,000 subjects", subjects: 10_000 },
  { name: "own header", headers: () => "Trace: 0123456789abcdef" },
  { name: "message ids", headers: (index) => `Nats-Msg-Id: id-${index}` },
  { name: "max_msgs reached", config: { max_msgs: 10_000 } },
  { name: "a bucket, 10,000 keys", subjects: 10_000, config: { max_msgs_per_subject: 1 } },
];

/** Of the scenarios to run, a part of the name; all without. */
const wanted = process.argv[3] ?? "";

for (const scenario of scenarios.filter(({ name }) => name.includes(wanted))) {
  run(scenario, Math.min(messages, 100_000));
  const runs = [1, 2, 3].map(() => run(scenario, messages));
  const best = Math.min(...runs);
  console.log(
    `${scenario.name.padEnd(24)} ${best.toFixed(0).padStart(6)} ns  ${(1e3 / best).toFixed(2)} M/s`,
  );
}

/** @returns nanoseconds of processor time for each message, garbage collection included */
function run(scenario: Scenario, count: number): number {
  const phases = new Phases();
  const defer: Host["defer"] = (phase, work) => phases.add(phase, work);
  const clock = new Clock();
  const broker = new Broker(clock, 10, () => 7);
  const service = new Service();
  const account = broker.openAccount("A", { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 });
  const store = new MemoryStore(defer);
  const publisher = new Publisher(broker.router);
  const host: Host = {
    ...{ broker, clock, log: silentLog, store, publisher, service },
    ...{ serverName: "", serverId: "", domain: null },
    defer,
    after: (delayMs, callback) => clock.after(delayMs, callback),
    soon: (callback) => clock.soon(callback),
    background: (callback) => clock.soon(callback),
    receivers: { watch: () => {}, areAboveHighWaterMark: false, onDrain: () => () => {} },
    stallPublisher: () => {},
    nuid: () => "",
  };
  const jetStream = new JetStreamAccount<Stream>(host, account, new CommitGatedReplies(host));
  const stream = new Stream(jetStream, storeFor(scenario, store), configFor(scenario), {
    createdMs: 0,
    createdNs: 0,
  });
  stream.start();
  let acked = 0;
  service.listen(account, "_INBOX.bench.*", null, () => void acked++);
  const batches = batchesFor(scenario);
  let sent = 0;
  const start = process.cpuUsage();
  for (let batch = 0; sent < count; batch++) {
    const [first = [], ...others] = batches;
    for (const message of others.length === 0 ? first : (batches[batch % batches.length] as Message[])) {
      broker.router.publish(account, message, null);
      sent++;
    }
    phases.run();
    if (batch % 500 === 499 && scenario.config === undefined)
      stream.messages.removeThrough(stream.log.state.lastSeq);
  }
  const spent = process.cpuUsage(start);
  if (scenario.noReply !== true && acked !== sent) throw new Error(`${acked} acks for ${sent} messages`);
  stream.close();
  clock.close();
  return ((spent.user + spent.system) * 1e3) / sent;
}

function storeFor({ forgets }: Scenario, store: MemoryStore): StreamStore {
  if (forgets !== true) return store.create("A", "S", "file");
  const log = new ForgetfulLog() as unknown as MessageLog & { state: LogState };
  return { account: "A", name: "S", log } as unknown as StreamStore;
}

function configFor({ config }: Scenario): StreamConfig {
  const surroundings = {
    find: () => undefined,
    duplicateWindowMax: 0,
    streamBytesMax: () => 0,
    maxBytesRequired: false,
  };
  return checkStreamConfig({ name: "S", subjects: ["s.>"], ...config }, surroundings, false);
}

/** Messages as the parser would give them: those of a pass lie in one chunk. */
function batchesFor({ subjects = 1, headers, noReply }: Scenario): Message[][] {
  const passes =
    subjects > 1 || headers !== undefined ? Math.max(25, Math.ceil(subjects / messagesAPass)) : 1;
  return Array.from({ length: passes }, (_, pass) => {
    const messages = Array.from({ length: messagesAPass }, (_each, place) => {
      const index = pass * messagesAPass + place;
      const block = headers === undefined ? null : Buffer.from(`NATS/1.0\r\n${headers(index)}\r\n\r\n`);
      const reply = noReply === true ? "" : `_INBOX.bench.${index}`;
      return composeMessage(new Message(), `s.${index % subjects}`, reply, block, payload);
    });
    const chunk = viewBytes(Buffer.concat(messages.map(({ bytes }) => bytes)));
    let at = 0;
    for (const message of messages) {
      const { length } = message.bytes;
      message.viewed = chunk;
      message.viewedSubject = chunk;
      for (const offset of offsets) message[offset] += at;
      at += length;
    }
    return messages;
  });
}
