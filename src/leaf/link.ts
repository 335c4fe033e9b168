/**
 * One link to another broker: operations come in from the parser, deliveries from the router. To the router it is a
 * subscriber with the interest of everybody behind it. Who says what first is in `accepting.ts` and `dialing.ts`.
 */
import type { Permissions } from "../auth/permissions.ts";
import type { Account } from "../broker/account.ts";
import type { Message } from "../protocol/message.ts";
import { publishRule, subscribeRule } from "../broker/refusal-rules.ts";
import type { Session } from "../broker/session.ts";
import type { FanOutGroup, LinkSubscriber, Subscriber, Subscription } from "../broker/subscriber.ts";
import { errorLine, infoLine, pingLine, pongLine } from "../protocol/encoder.ts";
import { isMidPayload, ProtocolError, staleConnection } from "../protocol/errors.ts";
import type { Connection, ConnectionHandler, ConnectionLimits } from "../transport/connection.ts";
import { Heartbeat } from "../transport/heartbeat.ts";
import { heartbeatOptions, type LeafContext } from "./context.ts";
import { appendLinkMessage } from "./delivery.ts";
import { loopFound, notALeafPeer, publishRefused, subscribeRefused } from "./errors.ts";
import { unknownPeer, type LinkFacts } from "./facts.ts";
import { LinkFilter, openFilter } from "./filter.ts";
import type { Interest, InterestLink } from "./interest.ts";
import { interestLine } from "./interest-line.ts";
import type { LeafOperations } from "./operations.ts";
import { Inbound } from "./inbound-messages.ts";
import { LeafParser } from "./parser.ts";
import { RemoteInterest } from "./remote-interest.ts";
import { bindRequestInfo } from "./request-info.ts";
import type { AccountLinks } from "./registry.ts";

/** What differs between an end that was dialled and one that dials. */
export interface LinkHandshake {
  /** The wire takes bytes. */
  onGreet(): void;
  /** The other end may speak. */
  onReady(): void;
  onInfo(json: Buffer): void;
  onConnect(json: Buffer): void;
  onError(text: string): void;
  /** Users, accounts or permissions have changed. */
  reauthenticate(): Promise<void>;
  /** This end has found a mistake of the other's. */
  onFailure(error: ProtocolError): void;
  /** @param reason as monitoring shows it */
  onClose(reason: string): void;
}

/** Bytes of interest that are gathered before it is looked at whether the other end keeps up. */
const syncBytesMax = 256 * 1024;
const largeMessageBytes = 512;

export class LeafLink implements LeafOperations, ConnectionHandler, LinkSubscriber, Session, InterestLink {
  readonly id: number;
  readonly kind = "Leafnode";
  readonly type = null;
  readonly tier = 1;
  readonly echo = false;
  readonly language = "";
  readonly startMs: number;
  readonly connection: Connection;
  readonly context: LeafContext;
  readonly parser: LeafParser;
  readonly isDialed: boolean;
  readonly isWebSocket: boolean;
  readonly #handshake: LinkHandshake;
  readonly #heartbeat: Heartbeat;
  readonly #table: RemoteInterest;
  readonly #inbound: Inbound;
  facts: LinkFacts = unknownPeer;
  permissions: Permissions | null = null;
  authorizedUser: string | null = null;
  account: Account | null = null;
  #links: AccountLinks | null = null;
  #filter: LinkFilter = openFilter;
  inMessages = 0;
  inBytes = 0;
  outMessages = 0;
  outBytes = 0;

  constructor(
    connection: Connection,
    context: LeafContext,
    carrier: { readonly isDialed: boolean; readonly isWebSocket: boolean },
    newHandshake: (link: LeafLink) => LinkHandshake,
  ) {
    const { broker, settings } = context;
    this.connection = connection;
    this.context = context;
    this.isDialed = carrier.isDialed;
    this.isWebSocket = carrier.isWebSocket;
    this.id = broker.nextSessionId();
    this.startMs = broker.clock.wallMs();
    this.parser = new LeafParser(this, settings);
    this.#table = new RemoteInterest(this, (account, api) => context.onStreams(account, api));
    this.#inbound = new Inbound(this, broker.router);
    this.#heartbeat = new Heartbeat(
      broker.clock,
      heartbeatOptions(settings, this.isWebSocket),
      () => this.say(pingLine),
      () => {
        broker.stats.staleConnections++;
        this.fail(staleConnection());
      },
    );
    this.#handshake = newHandshake(this);
    connection.attach(this);
  }

  open(): void {
    this.context.broker.opened(this);
  }

  // Session

  get name(): string {
    return this.facts.name;
  }

  get version(): string {
    return this.facts.version;
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

  get isSpoke(): boolean {
    return this.facts.isSpoke;
  }

  /** `127.0.0.1:7422 - lid:4`, as logs name it. */
  get label(): string {
    return `${this.address}:${this.port} - lid:${this.id}`;
  }

  canPublish(subject: string): boolean {
    return this.#filter.accepts(subject);
  }

  subscriptions(): Iterable<Subscription> {
    return this.#table.values();
  }

  measureRtt(): void {
    if (this.account !== null) this.#heartbeat.measure();
  }

  reauthenticate(): Promise<void> {
    return this.#handshake.reauthenticate();
  }

  /** Takes over what a reload has changed in the settings. */
  refresh(limits: ConnectionLimits): void {
    this.connection.setLimits(limits);
    this.#heartbeat.setOptions(heartbeatOptions(this.context.settings, this.isWebSocket));
  }

  /** The other end finds out when the link is closed, and dials another URL. */
  announceLameDuck(): void {}

  close(reason: string): void {
    this.parser.close();
    this.connection.close(reason, closeCode);
  }

  // ConnectionHandler

  onGreet(): void {
    this.#handshake.onGreet();
  }

  onReady(): void {
    this.#parse(() => this.#handshake.onReady());
  }

  onRelease(): void {
    this.#parse(() => this.parser.resume());
  }

  onData(chunk: Buffer, start: number, end: number, stable: boolean): void {
    const before = this.inMessages;
    this.#parse(() => this.parser.parse(chunk, start, end, stable));
    this.#inbound.endRead();
    this.connection.paysLargeReads = end - start >= (this.inMessages - before) * largeMessageBytes;
  }

  onClose(reason: string): void {
    const { broker, log } = this.context;
    this.parser.close();
    this.#heartbeat.stop();
    const subscriptions = [...this.#table.values()];
    this.#leave();
    if (reason.startsWith("Slow Consumer")) {
      broker.stats.slowConsumers++;
      if (this.account !== null) this.account.slowConsumerCount++;
    }
    broker.closed(this, reason, subscriptions);
    const account = this.account === null ? "" : ` for account ${this.account.name}`;
    log.info(`${this.label} - Leafnode connection closed: ${reason}${account}`);
    this.#handshake.onClose(reason);
  }

  // LeafOperations

  onMessage(
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
    queues: readonly string[],
  ): void {
    const size = bodyEnd - bodyStart;
    this.inMessages++;
    this.inBytes += size;
    const { message, broker, pass } = this.context;
    message.setBytes(bytes);
    message.subjectStart = subjectStart;
    message.subjectEnd = subjectEnd;
    message.replyStart = replyStart;
    message.replyEnd = replyEnd;
    message.tailStart = tailStart;
    message.headerBytes = headerBytes;
    message.bodyStart = bodyStart;
    message.bodyEnd = bodyEnd;
    message.stable = stable;
    message.plainTail = null;
    const account = this.account as Account;
    if (this.#filter.limitsReceivingOf(bytes[subjectStart] as number) && !this.#admits(message)) return;
    if (headerBytes > 0 && replyEnd > replyStart && account.name !== this.context.systemAccount)
      bindRequestInfo(message, account.name);
    const delivered = this.#inbound.route(message, account, repeated, queues);
    const { stats } = broker;
    stats.inMessages++;
    stats.inBytes += size;
    stats.outMessages += delivered;
    stats.outBytes += delivered * size;
    if (pass.backPressure.areAboveHighWaterMark && this.connection.stall()) this.parser.pause();
  }

  onInterest(subject: string, queue: string | null, weight: number): void {
    const links = this.#links;
    if (links === null) throw notALeafPeer("LS+");
    this.#heartbeat.active();
    if (subject === links.loopSubject) throw loopFound(links.account.name);
    if (!this.#filter.mayHear(subject)) {
      // A leaf that asks its own hub too much hears nothing of it.
      if (this.isSpoke) return;
      throw subscribeRefused(subject, this, subscribeRule(this.permissions, subject, queue));
    }
    const refusal = this.#table.add(links, subject, queue, weight, this.context.settings.maxSubscriptions);
    if (refusal === null) return;
    this.context.log.error(`${this.label} - ${refusal}`);
    this.say(errorLine(refusal));
  }

  onNoInterest(subject: string, queue: string | null): void {
    if (this.#links === null) throw notALeafPeer("LS-");
    this.#heartbeat.active();
    this.#table.remove(this.#links, subject, queue);
  }

  onConnect(json: Buffer): void {
    this.#handshake.onConnect(json);
  }

  onInfo(json: Buffer): void {
    this.#handshake.onInfo(json);
  }

  onPing(): void {
    this.#heartbeat.onPing();
    this.say(pongLine);
  }

  onPong(): void {
    this.#heartbeat.onPong();
  }

  onError(text: string): void {
    this.context.log.error(`${this.label} - Leafnode Error ${text}`);
    this.#handshake.onError(text);
  }

  onEarlyOperation(name: string): never {
    throw notALeafPeer(name);
  }

  // LinkSubscriber

  takesFrom(origin: Subscriber | null): boolean {
    if (origin === this || this.connection.outbound.closed) return false;
    const { cluster } = this.facts;
    return cluster === "" || !(origin instanceof LeafLink) || origin.facts.cluster !== cluster;
  }

  deliverBeyond(message: Message, plain: Subscription | null, queues: readonly Subscription[]): boolean {
    const { pass, broker } = this.context;
    if (!appendLinkMessage(this.connection.outbound, message, queues, this.facts.headers, pass.viewsAllowed))
      return false;
    this.outMessages++;
    this.outBytes += message.bodyEnd - message.bodyStart;
    if (plain !== null) plain.deliveredCount++;
    for (const subscription of queues) subscription.deliveredCount++;
    if (this.#filter.grantsReplies && message.hasReply)
      this.#filter.granted(message.reply, broker.clock.nowMs());
    return true;
  }

  deliver(message: Message, subscription: Subscription): boolean {
    if (subscription.queue === null) return this.deliverBeyond(message, subscription, []);
    return this.deliverBeyond(message, null, [subscription]);
  }

  deniesDelivery(subject: string): boolean {
    return !this.#filter.maySend(subject);
  }

  filters({ subject }: Subscription): boolean {
    return this.#filter.limitsSendingOf(subject);
  }

  fanOutKey(): null {
    return null;
  }

  formFanOutGroup(): FanOutGroup {
    throw new Error("links are served by themselves");
  }

  // InterestLink

  get seesAll(): boolean {
    return !this.facts.isSpoke && !this.facts.isIsolated && this.facts.cluster === "";
  }

  /** Source: nats-server `updateLeafNodesEx`, `updateSmap`. */
  sees(other: InterestLink, isLoopSubject: boolean): boolean {
    if (!(other instanceof LeafLink) || this.facts.isIsolated) return false;
    if (other.facts.cluster !== "" && other.facts.cluster === this.facts.cluster) return false;
    return isLoopSubject || !this.isSpoke || !other.isSpoke;
  }

  mayAsk(subject: string): boolean {
    return this.#filter.mayAsk(subject);
  }

  announce(subject: string, queue: string | null, weight: number): void {
    this.say(interestLine(subject, queue, weight));
  }

  // For the handshake

  /** From now on the link carries messages, and this end's interest goes out. */
  join(account: Account, facts: LinkFacts, filter: LinkFilter): void {
    const { registry, random } = this.context;
    this.account = account;
    account.connectionCount++;
    this.facts = facts;
    this.#filter = filter;
    const links = registry.of(account);
    this.#links = links;
    links.links.add(this);
    links.interest.join(this);
    this.parser.expect("anything");
    this.#heartbeat.start(random(), this.isSpoke);
    this.#synchronise(links.interest.interests());
  }

  /** What may cross the link has changed. */
  restrict(filter: LinkFilter): void {
    this.#filter = filter;
    for (const subscription of this.#table.values()) this.account?.reconsider(subscription);
  }

  say(text: string): void {
    this.connection.outbound.appendText(text);
  }

  sayInfo(info: object): void {
    this.say(infoLine(info));
  }

  fail(error: ProtocolError): void {
    this.context.log.error(`${this.label} - ${error.message}`);
    this.#handshake.onFailure(error);
    if (error.text !== null) this.say(errorLine(error.text));
    this.parser.close();
    this.connection.close(error.reason, closeCode, isMidPayload(error));
  }

  /** What the other end did wrong ends the link. */
  #parse(work: () => void): void {
    const { broker } = this.context;
    const before = broker.reading;
    const messagesBefore = this.inMessages;
    broker.reading = this;
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail(error);
    } finally {
      broker.reading = before;
      if (this.inMessages !== messagesBefore) this.#heartbeat.active();
    }
  }

  /** The same, for what is decided outside of a read. */
  attempt(work: () => void): void {
    this.context.pass.run(() => this.#parse(work));
  }

  #admits(message: Message): boolean {
    const { subject } = message;
    if (this.#filter.mayReceive(subject, this.context.broker.clock.nowMs())) return true;
    // A leaf keeps what it was sent too much to itself; a hub does not trust a leaf that goes on regardless.
    if (this.isSpoke) return false;
    throw publishRefused(subject, this, publishRule(this.permissions, subject));
  }

  /** In portions, each when the one before is on its way; what changes in the meantime is told at once. */
  #synchronise(interests: Iterator<Interest>): void {
    const { outbound } = this.connection;
    for (;;) {
      const ledger = this.#links?.interest;
      if (ledger === undefined || outbound.closed) return;
      let lines = "";
      while (lines.length < syncBytesMax) {
        const next = interests.next();
        if (next.done === true) return this.say(lines);
        const { subject, queue } = next.value;
        const weight = ledger.visibleTo(this, next.value);
        if (weight > 0) lines += interestLine(subject, queue, weight);
      }
      this.say(lines);
      if (outbound.isAboveHighWaterMark)
        return this.context.pass.backPressure.onReceiverDrain(outbound, () => this.#synchronise(interests));
    }
  }

  #leave(): void {
    const links = this.#links;
    this.#links = null;
    if (links === null) return;
    links.account.connectionCount--;
    this.#table.clear(links);
    links.links.delete(this);
    links.interest.leave(this);
  }
}

/** For WebSocket: going away. */
const closeCode = 1001;
