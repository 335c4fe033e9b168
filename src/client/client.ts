/**
 * A connected client: operations come in from the parser, deliveries from the router. Its parts are beside this file.
 */
import type { Credentials, Identity } from "../auth/identity.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { Account } from "../broker/account.ts";
import type { Message } from "../protocol/message.ts";
import type { Plan } from "../broker/plan.ts";
import { subscribeRule, whoText } from "../broker/refusal-rules.ts";
import type { Session } from "../broker/session.ts";
import type { FanOutGroup, Subscriber, Subscription } from "../broker/subscriber.ts";
import { errorLine, infoLine, noRespondersMessage, okLine, pingLine, pongLine } from "../protocol/encoder.ts";
import { isMidPayload, ProtocolError, recoverable, staleConnection } from "../protocol/errors.ts";
import type { OperationHandler } from "../protocol/operations.ts";
import { Parser } from "../protocol/parser.ts";
import { isTraceOnly } from "../protocol/trace-headers.ts";
import type { Connection, ConnectionHandler } from "../transport/connection.ts";
import { Heartbeat } from "../transport/heartbeat.ts";
import { ClientFanOutGroup } from "./fan-out-group.ts";
import { defaultConnectOptions, type ConnectOptions } from "./connect-options.ts";
import { heartbeatOptions, type ClientContext } from "./context.ts";
import { closeCodeOf } from "./close-code.ts";
import { appendMessage } from "./delivery.ts";
import { Handshake } from "./handshake.ts";
import { PublishAuthorizer } from "./publish-authorizer.ts";
import { SubscriptionTable } from "./subscription-table.ts";
import { Trace } from "./trace.ts";

/** On average in a read, for {@link Connection.paysLargeReads}. */
const largeMessageBytes = 512;
const largeFanOutMax = 16;

export class Client implements OperationHandler, ConnectionHandler, Subscriber, Session {
  readonly id: number;
  readonly kind = "Client";
  readonly tier = 0;
  readonly startMs: number;
  readonly connection: Connection;
  readonly context: ClientContext;
  readonly #parser: Parser;
  readonly #handshake: Handshake;
  readonly #heartbeat: Heartbeat;
  readonly #table: SubscriptionTable;
  readonly #message: Message;
  #trace: Trace | null = null;
  options: ConnectOptions = defaultConnectOptions;
  identity: Identity | null = null;
  /** Null until the client is who it says it is. */
  account: Account | null = null;
  echo = true;
  #headers = false;
  readonly #authorizer: PublishAuthorizer;
  /** Those by which plans with this client's subscriptions were made. */
  #permissionsServed: Permissions | null = null;
  #firstPingAnswered = false;
  /** Of the last publish of the read under way. */
  #plan: Plan | null = null;
  #planGeneration = 0;
  inMessages = 0;
  inBytes = 0;
  outMessages = 0;
  outBytes = 0;

  /** Credentials that came with the connection itself, as cookies do; they fill what CONNECT leaves empty. */
  readonly offered: Partial<Credentials>;
  /** Whether a CONNECT has come, or has been dispensed with; another one starts over. */
  hasConnected = false;

  constructor(connection: Connection, context: ClientContext, offered: Partial<Credentials> = {}) {
    this.connection = connection;
    this.offered = offered;
    this.context = context;
    this.id = context.broker.nextSessionId();
    this.startMs = context.broker.clock.wallMs();
    this.#message = context.message;
    this.#trace = this.#makeTrace();
    this.#parser = new Parser(this, context.settings);
    this.#table = new SubscriptionTable(this);
    this.#authorizer = new PublishAuthorizer(context, (text, rule) => this.complain(text, rule));
    this.#heartbeat = new Heartbeat(
      context.broker.clock,
      heartbeatOptions(context.settings),
      () => this.#say(pingLine, "PING"),
      () => {
        context.broker.stats.staleConnections++;
        this.fail(staleConnection());
      },
    );
    this.#handshake = new Handshake(this, this.#parser);
    connection.attach(this);
  }

  /** Registers the client. The listener greets it, and lets it speak when the wire is ready. */
  open(): void {
    this.context.broker.opened(this);
  }

  // Session: what monitoring and operation see.

  get type(): "nats" | "websocket" {
    return this.context.connectionType === "WEBSOCKET" ? "websocket" : "nats";
  }

  /** Without authentication, who it says it is, as nats-server has it. */
  get authorizedUser(): string | null {
    if (this.identity === null) return null;
    const { nkey, user, token } = this.options.credentials;
    const said = nkey !== "" ? nkey : user;
    return this.identity.user ?? (said !== "" ? said : token !== "" ? "[REDACTED]" : null);
  }

  get permissions(): Permissions | null {
    return this.identity?.permissions ?? null;
  }

  get name(): string {
    return this.options.name;
  }

  get language(): string {
    return this.options.lang;
  }

  get version(): string {
    return this.options.version;
  }

  get address(): string {
    return this.connection.peer.address;
  }

  get port(): number {
    return this.connection.peer.port;
  }

  get tls(): Session["tls"] {
    return this.connection.tls;
  }

  get rttMs(): number | null {
    return this.#heartbeat.rttMs;
  }

  get lastActivityMs(): number {
    return this.#heartbeat.lastActivityMs;
  }

  get pendingBytes(): number {
    return this.connection.pendingBytes;
  }

  get stallCount(): number {
    return this.connection.stallCount;
  }

  get subscriptionCount(): number {
    return this.#table.size;
  }

  canPublish(subject: string): boolean {
    return this.identity?.permissions?.canPublish(subject) ?? true;
  }

  subscriptions(): Iterable<Subscription> {
    return this.#table.values();
  }

  measureRtt(): void {
    if (this.account !== null) this.#heartbeat.measure();
  }

  announceLameDuck(): void {
    if (this.options.protocol >= 1 && this.#firstPingAnswered)
      this.say(infoLine(this.#handshake.info({ ldm: true })));
  }

  close(reason: string): void {
    this.connection.close(reason, closeCodeOf(reason));
  }

  // ConnectionHandler: the beginning, bytes in, and the end.

  onGreet(): void {
    this.#handshake.greet();
  }

  onReady(): void {
    this.parse(() => this.#handshake.begin());
  }

  onRelease(): void {
    if (!this.#handshake.isChecking) this.parse(() => this.#parser.resume());
  }

  onData(chunk: Buffer, start: number, end: number, stable: boolean): void {
    const { stats } = this.context.broker;
    const messagesBefore = this.inMessages;
    const sentBefore = stats.outBytes;
    this.parse(() => this.#parser.parse(chunk, start, end, stable));
    this.#plan = null;
    const bytes = end - start;
    this.connection.paysLargeReads =
      bytes >= (this.inMessages - messagesBefore) * largeMessageBytes &&
      stats.outBytes - sentBefore <= bytes * largeFanOutMax;
  }

  onClose(reason: string): void {
    this.#parser.close();
    this.#heartbeat.stop();
    this.#handshake.close();
    const subscriptions = [...this.#table.values()];
    this.#table.clear();
    if (this.account !== null) this.account.connectionCount--;
    if (reason.startsWith("Slow Consumer")) {
      this.context.broker.stats.slowConsumers++;
      if (this.account !== null) this.account.slowConsumerCount++;
      this.context.log.warn(`${this.label} - ${reason}: closed with ${subscriptions.length} subscriptions`);
    }
    this.context.broker.closed(this, reason, subscriptions);
    this.context.log.debug(`${this.label} - Client connection closed: ${reason}`);
  }

  /** `127.0.0.1:51234 - cid:7`, as logs name it. */
  get label(): string {
    return `${this.address}:${this.port} - cid:${this.id}`;
  }

  // OperationHandler: what the client asks for.

  onPublish(
    bytes: Buffer,
    subjectStart: number,
    subjectEnd: number,
    replyStart: number,
    replyEnd: number,
    tailStart: number,
    headerBytes: number,
    bodyStart: number,
    bodyEnd: number,
    stable: boolean,
    repeated: boolean,
  ): void {
    const size = bodyEnd - bodyStart;
    this.inMessages++;
    this.inBytes += size;
    const message = this.#message;
    message.setBytes(bytes);
    message.subjectStart = subjectStart;
    message.subjectEnd = subjectEnd;
    message.replyStart = replyStart;
    message.replyEnd = replyEnd;
    message.tailStart = tailStart;
    message.headerBytes = headerBytes > 0 ? headerBytes : 0;
    message.bodyStart = bodyStart;
    message.bodyEnd = bodyEnd;
    message.stable = stable;
    message.plainTail = null;
    const account = this.account as Account;
    if (this.#trace !== null) this.#trace.published(message);
    const first = bytes[subjectStart] as number;
    if (
      (this.#authorizer.isClosed || first === 0x24 || first === 0x5f || replyEnd > replyStart) &&
      !this.#authorizer.admit(message, account)
    )
      return;
    if (this.options.verbose) this.say(okLine);
    if (headerBytes > 0 && isTraceOnly(bytes, bodyStart, bodyStart + headerBytes)) return;
    const { router, stats } = this.context.broker;
    // Within one read, the plan for the same subject is the same, unless somebody came or went.
    if (
      !repeated ||
      this.#plan === null ||
      this.#planGeneration !== account.generation ||
      this.#authorizer.isClosed
    ) {
      this.#plan = account.planFor(message.subjectBytes, message.subjectStart, message.subjectEnd);
      this.#planGeneration = account.generation;
    }
    const delivered = router.deliver(this.#plan, message, this);
    stats.inMessages++;
    stats.inBytes += size;
    stats.outMessages += delivered;
    stats.outBytes += delivered * size;
    if (this.context.pass.backPressure.areAboveHighWaterMark && this.connection.stall()) this.#parser.pause();
    if (delivered === 0 && replyEnd > replyStart && this.options.noResponders)
      this.#answerNoResponders(message, account);
  }

  onSubscribe(subject: string, queue: string | null, sid: string): void {
    this.#trace?.line(`[SUB ${subject} ${queue === null ? "" : `${queue} `}${sid}]`);
    this.#heartbeat.active();
    const refusal = this.#table.subscribe(subject, queue, sid, this.context.settings);
    if (refusal !== null) this.complain(refusal, subscribeRule(this.permissions, subject, queue));
    else if (this.options.verbose) this.say(okLine);
  }

  onUnsubscribe(sid: string, max: number): void {
    this.#trace?.line(max > 0 ? `[UNSUB ${sid} ${max}]` : `[UNSUB ${sid}]`);
    this.#heartbeat.active();
    this.#table.unsubscribe(sid, max);
    if (this.options.verbose) this.say(okLine);
  }

  onConnect(json: Buffer): void {
    this.#trace?.connect(json);
    this.#handshake.onConnect(json);
  }

  onPing(): void {
    this.#trace?.line("[PING]");
    this.#heartbeat.onPing();
    this.#say(pongLine, "PONG");
    if (this.#firstPingAnswered || !this.hasConnected || this.account === null) return;
    this.#firstPingAnswered = true;
    if (this.options.protocol < 1) return;
    const isSystem = this.account.name === this.context.systemAccount;
    this.say(
      infoLine(
        this.#handshake.info({
          connect_info: true,
          remote_account: this.account.name,
          ...(isSystem && { acc_is_sys: true }),
        }),
      ),
    );
  }

  onPong(): void {
    this.#trace?.line("[PONG]");
    this.#heartbeat.onPong();
  }

  onInfo(json: Buffer): void {
    this.#handshake.onInfo(json);
  }

  onError(text: string): void {
    this.context.log.error(`${this.label} - Client error ${text}`);
    this.close("Parse Error");
  }

  onEarlyOperation(): void {
    this.#handshake.onEarlyOperation();
  }

  // Subscriber: what the router hands over.

  deliver(message: Message, subscription: Subscription): boolean {
    const { outbound } = this.connection;
    if (!appendMessage(outbound, message, subscription, this.#headers, this.context.pass.viewsAllowed))
      return false;
    this.outMessages++;
    this.outBytes += message.bodyEnd - message.bodyStart;
    subscription.deliveredCount++;
    if (this.#authorizer.permits !== null && message.hasReply)
      this.#authorizer.permits.grant(message.reply, this.context.broker.clock.nowMs());
    if (subscription.deliveredCount === subscription.deliveredMax) this.#table.remove(subscription);
    if (this.#trace !== null) this.#trace.delivered(message, subscription);
    return true;
  }

  deniesDelivery(subject: string, subscription: Subscription): boolean {
    return this.identity?.permissions?.deliveryDenied(subject, subscription.queue) ?? false;
  }

  filters({ subject, queue }: Subscription): boolean {
    return this.identity?.permissions?.filtersSubscription(subject, queue) ?? false;
  }

  fanOutKey(subscription: Subscription): string | null {
    if (this.#trace !== null || this.#authorizer.permits !== null) return null;
    return `${this.#headers ? "HMSG" : "MSG"} ${subscription.sid}`;
  }

  formFanOutGroup(members: readonly Subscription[]): FanOutGroup {
    return new ClientFanOutGroup(members, this.#headers, this.context.pass);
  }

  // For the parts of a client.

  /** Runs a piece of parsing; what the peer did wrong ends the connection, as the protocol says. */
  parse(work: () => void): void {
    const { broker, pass } = this.context;
    const messagesBefore = this.inMessages;
    broker.reading = this;
    pass.beginPublishing();
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail(error);
    } finally {
      broker.reading = null;
      pass.endPublishing();
      if (this.inMessages !== messagesBefore) this.#heartbeat.active();
    }
  }

  /** Binds the client to its account, once its identity is known. */
  bind(account: Account, identity: Identity): void {
    if (this.account !== null) this.account.connectionCount--;
    this.account = account;
    account.connectionCount++;
    this.identity = identity;
    // What somebody else was asked is not this one's to answer.
    this.#authorizer.dropPermits();
    this.refresh();
    this.#heartbeat.start(this.context.random());
  }

  /**
   * Takes over what a reload has changed in the context.
   * @param accessChanged whether users, accounts or permissions may have: the client must prove itself again
   */
  async onReload(accessChanged: boolean): Promise<void> {
    if (accessChanged) await this.#handshake.reauthenticate();
    if (this.connection.closed) return;
    this.refresh();
    if (accessChanged) this.#dropForbidden();
  }

  /** Drops every subscription, as a second CONNECT does. */
  dropSubscriptions(): void {
    this.#table.clear();
  }

  /** Works out again what depends on options, account and settings. */
  refresh(): void {
    const { settings } = this.context;
    const accountMax = this.account?.limits.maxPayloadBytes ?? -1;
    const maxPayloadBytes =
      accountMax < 0 ? settings.maxPayloadBytes : Math.min(settings.maxPayloadBytes, accountMax);
    const headers = settings.headers && this.options.headers;
    const trace = this.#makeTrace();
    const permissions = this.identity?.permissions ?? null;
    const isServedAsBefore =
      headers === this.#headers &&
      (trace === null) === (this.#trace === null) &&
      permissions === this.#permissionsServed;
    this.#trace = trace;
    this.#headers = headers;
    this.#permissionsServed = permissions;
    this.#parser.headersAllowed = this.#headers;
    this.#parser.limits = { maxControlLineBytes: settings.maxControlLineBytes, maxPayloadBytes };
    this.#heartbeat.setOptions(heartbeatOptions(settings));
    this.echo = this.options.echo;
    this.#authorizer.update(permissions, this.account, this.options.pedantic);
    // Plans remember who is sent the same bytes, and what permissions keep from a subscription.
    if (!isServedAsBefore)
      for (const subscription of this.#table.values()) this.account?.reconsider(subscription);
  }

  /** Removes subscriptions that the permissions of now do not allow any more, telling the client of each. */
  #dropForbidden(): void {
    for (const subscription of this.#table.forbidden()) {
      const { subject, queue, sid } = subscription;
      this.#table.remove(subscription);
      this.complain(`${recoverable.subscribeDenied(subject, queue)} (sid "${sid}")`);
    }
  }

  say(text: string): void {
    this.connection.outbound.appendText(text);
  }

  /** Tells of an error that leaves the connection open. */
  complain(text: string, rule = ""): void {
    this.context.log.error(`${this.label} - ${text}: ${whoText(this)}${rule === "" ? "" : `, ${rule}`}`);
    this.say(errorLine(text));
  }

  /** Tells of an error and ends the connection. */
  fail(error: ProtocolError): void {
    if (error.reason !== "Client Closed") this.context.log.error(`${this.label} - ${error.message}`);
    if (error.text !== null) this.say(errorLine(error.text));
    this.#parser.close();
    this.connection.close(error.reason, closeCodeOf(error.reason), isMidPayload(error));
  }

  #makeTrace(): Trace | null {
    const { settings, log } = this.context;
    return settings.trace === null ? null : new Trace(log, settings.trace, () => this.label);
  }

  #say(line: string, traced: string): void {
    this.say(line);
    this.#trace?.sent(`[${traced}]`);
  }

  /** Only a plain subscription of this very connection is told that nobody is there. */
  #answerNoResponders(message: Message, account: Account): void {
    const { reply, subject } = message;
    this.context.onNoResponders(account, subject);
    const own = account
      .matches(reply)
      .find(({ subscriber, queue, dead }) => subscriber === this && queue === null && !dead);
    // Not a delivery: it does not count towards the end of the subscription.
    if (own !== undefined) this.say(noRespondersMessage(reply, own.sid, subject));
  }
}
