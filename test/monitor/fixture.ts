import { Permissions } from "../../src/auth/permissions.ts";
import { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Account } from "../../src/broker/account.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Session } from "../../src/broker/session.ts";
import { Subscription, type FanOutGroup, type Subscriber } from "../../src/broker/subscriber.ts";
import type { Options, PermissionsOptions, SubscribePermission } from "../../src/config/options.ts";
import { createMonitor, type MonitorResponse } from "../../src/monitor/monitor.ts";
import type { MonitorContext } from "../../src/monitor/readings.ts";
import { SubjectMappings, type SubjectMapping } from "../../src/subjects/mapping.ts";
import { wireFromText } from "../../src/subjects/subject.ts";

export const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };

export const testOptions: Options = {
  serverName: "test",
  host: "0.0.0.0",
  port: 4222,
  clientAdvertise: null,
  serverTags: [],
  serverMetadata: {},
  limits: {
    maxConnections: 65_536,
    maxSubscriptions: 0,
    maxSubscriptionTokens: 0,
    maxControlLineBytes: 4_096,
    maxPayloadBytes: 1_048_576,
    maxPendingBytes: 67_108_864,
    pingIntervalMs: 120_000,
    pingMax: 2,
    writeDeadlineMs: 10_000,
    authTimeoutMs: 2_000,
  },
  noHeaderSupport: false,
  noFastProducerStall: false,
  lameDuckDurationMs: 120_000,
  lameDuckGracePeriodMs: 10_000,
  maxClosedClients: 10_000,
  tls: null,
  allowNonTls: false,
  websocket: null,
  leafnodes: null,
  jetstream: null,
  authorization: { user: null, password: null, token: null, users: null, nkeys: null },
  accounts: [],
  systemAccount: "$SYS",
  noAuthUser: null,
  monitor: { host: "127.0.0.1", port: 8222, httpsPort: null, basePath: "/" },
  log: {
    debug: false,
    trace: false,
    traceVerbose: false,
    traceHeaders: false,
    maxTracedBytes: 0,
    time: true,
    timeUtc: false,
    file: null,
    fileSizeBytesMax: 0,
    fileCountMax: 0,
  },
  pidFile: null,
  portsFileDir: null,
  configFile: null,
  configDigest: null,
};

/** A connection without one: what the broker and the monitor see of a client, and nothing behind it. */
export class FakeSession implements Session, Subscriber {
  readonly tier = 0;
  readonly kind = "Client";
  readonly id: number;
  readonly startMs: number;
  account: Account | null;
  permissions: Permissions | null = null;
  authorizedUser: string | null = null;
  type: "nats" | "websocket" = "nats";
  name = "";
  language = "";
  version = "";
  address = "127.0.0.1";
  port = 50_000;
  tls: Session["tls"] = null;
  lastActivityMs: number;
  rttMs: number | null = null;
  pendingBytes = 0;
  inMessages = 0;
  inBytes = 0;
  outMessages = 0;
  outBytes = 0;
  stallCount = 0;
  echo = true;
  measureCount = 0;
  readonly #broker: Broker;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(broker: Broker, account: Account | null, fields: Partial<FakeSession> = {}) {
    this.#broker = broker;
    this.id = broker.nextSessionId();
    this.account = account;
    this.startMs = broker.clock.wallMs();
    this.lastActivityMs = this.startMs;
    Object.assign(this, fields);
    if (account !== null) account.connectionCount++;
    broker.opened(this);
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  canPublish(subject: string): boolean {
    return this.permissions?.canPublish(subject) ?? true;
  }

  subscriptions(): Iterable<Subscription> {
    return this.#subscriptions.values();
  }

  subscribe(subject: string, queue: string | null = null): Subscription {
    const sid = String(this.#subscriptions.size + 1);
    const wireQueue = queue === null ? null : wireFromText(queue);
    const subscription = new Subscription(this, wireFromText(subject), wireQueue, sid);
    this.#subscriptions.set(sid, subscription);
    this.account?.add(subscription);
    return subscription;
  }

  deliver(): boolean {
    return true;
  }

  deniesDelivery(subject: string, { queue }: Subscription): boolean {
    return this.permissions?.deliveryDenied(subject, queue) ?? false;
  }

  filters({ subject, queue }: Subscription): boolean {
    return this.permissions?.filtersSubscription(subject, queue) ?? false;
  }

  fanOutKey(): null {
    return null;
  }

  formFanOutGroup(): FanOutGroup {
    throw new Error("never asked");
  }

  measureRtt(): void {
    this.measureCount++;
    this.pendingBytes += "PING\r\n".length;
  }

  announceLameDuck(): void {}

  close(reason: string): void {
    const subscriptions = [...this.#subscriptions.values()];
    for (const subscription of subscriptions) this.account?.remove(subscription);
    this.#subscriptions.clear();
    if (this.account !== null) this.account.connectionCount--;
    this.#broker.closed(this, reason, subscriptions);
  }
}

export interface PermissionLists {
  readonly allowPublish?: readonly string[];
  readonly denyPublish?: readonly string[];
  readonly allowSubscribe?: readonly string[];
  readonly denySubscribe?: readonly string[];
  readonly responses?: PermissionsOptions["responses"];
}

export function permissionsOptions(lists: PermissionLists): PermissionsOptions {
  return {
    publish: { allow: lists.allowPublish ?? null, deny: lists.denyPublish ?? null },
    subscribe: {
      allow: lists.allowSubscribe?.map(subscribePermission) ?? null,
      deny: lists.denySubscribe?.map(subscribePermission) ?? null,
    },
    responses: lists.responses ?? null,
  };
}

function subscribePermission(text: string): SubscribePermission {
  const [subject = "", queue = null] = text.split(" ");
  return { subject, queue };
}

export function permissions(lists: PermissionLists): Permissions {
  return new Permissions(permissionsOptions(lists));
}

/** A broker that nothing connects to, whose time stands still, and its monitor. */
export class MonitorBench {
  readonly clock = new Clock();
  readonly broker: Broker;
  readonly globalAccount: Account;
  options: Options = testOptions;
  server: ReturnType<MonitorContext["server"]>;
  readonly #get: ReturnType<typeof createMonitor>;

  constructor(options: Partial<Options> = {}, context: Partial<MonitorContext> = {}) {
    this.clock.freeze();
    this.options = { ...testOptions, ...options };
    this.broker = new Broker(this.clock, this.options.maxClosedClients, () => 1);
    this.globalAccount = this.broker.openAccount("$G", unlimited);
    this.broker.openAccount("$SYS", unlimited);
    this.server = {
      configLoadedMs: this.broker.startMs,
      httpPort: 8222,
      httpsPort: null,
      websocketPort: null,
      certificateEndMs: () => null,
      listenersNotReady: [],
    };
    this.#get = createMonitor({
      broker: this.broker,
      log: silentLog,
      options: () => this.options,
      info: () => testInfo,
      process: () => ({
        rssBytes: 1_000_000,
        cpuPercent: 12.34,
        cores: 4,
        activeResources: () => ["TCPServerWrap"],
      }),
      server: () => this.server,
      ...context,
    });
  }

  /** @param target path and query */
  get(target: string): MonitorResponse {
    const { pathname, searchParams } = new URL(target, "http://monitor");
    return this.#get({ method: "GET", path: pathname, query: searchParams, headers: {} });
  }

  /** The answer's JSON, which must be one. */
  json<T = Record<string, unknown>>(target: string): T {
    const { status, body } = this.get(target);
    if (status !== 200) throw new Error(`${target}: ${status} ${body}`);
    return JSON.parse(body) as T;
  }

  session(fields: Partial<FakeSession> = {}, account: Account = this.globalAccount): FakeSession {
    return new FakeSession(this.broker, account, fields);
  }

  account(name: string, mappings: readonly SubjectMapping[] = []): Account {
    const account = this.broker.openAccount(name, unlimited);
    if (mappings.length > 0) account.mappings = new SubjectMappings(mappings);
    return account;
  }
}

export const testInfo = {
  server_id: "NTEST",
  server_name: "test",
  version: "2.14.0",
  proto: 1,
  go: "node",
  host: "0.0.0.0",
  port: 4222,
  headers: true,
  max_payload: 1_048_576,
  frond: "0.1.0",
} as const;
