/** Those who pull: their requests wait here and are served in turn. Source: nats-server `processNextMsgRequest`, `nextWaiting`, `processWaiting`. */
import { durationText, nsPerMs } from "../../../base/duration.ts";
import type { Deadline } from "../../../base/clock.ts";
import type { Account } from "../../../broker/account.ts";
import { Destination } from "../../../broker/destination.ts";
import type { Message } from "../../../protocol/message.ts";
import type { Body } from "../../../broker/publisher.ts";
import { encodeStatus, headerValue } from "../../../protocol/headers.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import { addField } from "../../stream/message/header-block.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../../api-level.ts";
import type { Host } from "../../host.ts";
import type { CommitGatedReplies } from "../../commit-gated-replies.ts";
import type { CurrentConfig } from "../config/consumer-config.ts";
import type { ConsumerAdvisories } from "../consumer-advisories.ts";
import type { DeliveryState } from "../state/delivery-state.ts";
import type { MessageSource } from "../state/message-source.ts";
import type { DeliveryFrame } from "../delivery/delivery-frame.ts";
import {
  heartbeat,
  type MessageDelivery,
  statuses,
  statusWithPending,
} from "../delivery/message-delivery.ts";
import { Pin } from "./pin.ts";
import { parsePullRequest, type PullOptions } from "./pull-request.ts";
import { PullRequest, WaitingQueue } from "./waiting-queue.ts";

/** A queue that is full is looked through for those who have gone, so often and no more. */
const sweepIntervalMs = 1_000;

export interface PullDeliveryOptions {
  readonly host: Host;
  readonly account: Account;
  readonly replies: CommitGatedReplies;
  readonly current: CurrentConfig;
  readonly state: DeliveryState;
  readonly source: MessageSource;
  readonly advisories: ConsumerAdvisories;
  /** Asks for a run of the consumer. */
  readonly schedule: () => void;
}

export class PullDelivery implements MessageDelivery {
  readonly isBound = false;
  readonly pin: Pin;
  /** The last sign of life from those who pull. */
  lastActiveMs: number;
  readonly #options: PullDeliveryOptions;
  readonly #queue: WaitingQueue;
  #deadline: Deadline | null = null;
  #deadlineMs = Infinity;
  #lastSweepMs = -Infinity;
  /** Requests of this pass: inbox, body, inbox, body. */
  #asked: string[] = [];
  /** Clients ask the same again and again. */
  #lastBody = "";
  #lastOptions: PullOptions | string;

  constructor(options: PullDeliveryOptions) {
    this.#options = options;
    const { host, current, advisories, schedule } = options;
    this.pin = new Pin(host, current, advisories, schedule);
    this.lastActiveMs = host.clock.nowMs();
    this.#queue = new WaitingQueue(current.config.priority_policy === "prioritized");
    this.#lastOptions = parsePullRequest("");
  }

  get isReady(): boolean {
    return this.#queue.size > 0;
  }

  get waitingCount(): number {
    this.sweep();
    return this.#queue.size;
  }

  /** A request on the consumer's own subject. Called within a delivery. */
  receive(message: Message): void {
    if (!message.hasReply) return;
    const bodyStart = message.bodyStart + message.headerBytes;
    const inbox = message.reply;
    if (message.headerBytes > 0 && asksForMore(message)) this.#asked.push(inbox, tooNew);
    else this.#asked.push(inbox, message.bytes.latin1Slice(bodyStart, message.bodyEnd));
    this.#options.schedule();
  }

  /** Takes the requests of this pass up. Called where routing is allowed. */
  takeUp(): void {
    if (this.#asked.length === 0) return;
    const asked = this.#asked;
    this.#asked = [];
    for (let at = 0; at < asked.length; at += 2) this.request(asked[at] as string, asked[at + 1] as string);
  }

  request(inbox: string, body: string): void {
    if (body === tooNew) return this.#sendStatus(inbox, statuses.badApiLevel);
    if (body !== this.#lastBody) {
      this.#lastOptions = parsePullRequest(body);
      this.#lastBody = body;
    }
    const options = this.#lastOptions;
    if (typeof options === "string")
      return this.#sendStatus(inbox, encodeStatus(400, `Bad Request - ${options}`));
    const refusal = this.#refusal(options) ?? this.#groupRefusal(options);
    if (refusal !== null) return this.#sendStatus(inbox, refusal);
    this.#admit(inbox, options);
  }

  deliver(frame: DeliveryFrame, size: number, nowMs: number): boolean {
    for (;;) {
      const request = this.#choose(size, nowMs);
      if (request === null) return false;
      const { host, current } = this.#options;
      if (this.pin.id !== "" && current.config.priority_policy === "pinned_client")
        frame.composeAgain((body) => withPinId(body, this.pin.id));
      if (host.publisher.deliverMessage(request.inbox, frame.message) === 0) {
        this.#queue.remove(request);
        continue;
      }
      this.#served(request);
      return true;
    }
  }

  onEnd(): void {
    if (this.#queue.noWaitCount === 0) return;
    for (const request of this.#queue.requests()) if (endsWithMessages(request)) this.#endEmpty(request);
  }

  onUpdated(): void {
    if (this.#options.current.config.priority_policy !== "pinned_client") this.pin.release();
  }

  /** Whether somebody who listens is waiting. */
  get hasWaiting(): boolean {
    this.onEnd();
    this.sweep();
    return this.#queue.size > 0;
  }

  close(status: Buffer | null): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.pin.release();
    const { account, replies } = this.#options;
    for (const request of this.#queue.requests()) {
      this.#queue.remove(request);
      if (status !== null) replies.publish(account, request.inbox.subject, nothing, status);
      else
        this.#sendStatus(
          request.inbox.subject,
          statusWithPending("409 Server Shutdown", request.left, request.bytesLeft),
        );
    }
  }

  /**
   * Ends what has expired, lets go of those who have gone, and tells the others that it is still there when that is due.
   * @param isEnd whether there is nothing more for those who do not wait
   */
  sweep(isEnd = false): void {
    const { account, state, host } = this.#options;
    const nowMs = host.clock.nowMs();
    this.#lastSweepMs = nowMs;
    let nextMs = Infinity;
    for (const request of this.#queue.requests()) {
      if (request.expiresAtMs <= nowMs + slackMs) {
        this.#expire(request);
        continue;
      }
      if (isEnd && endsWithMessages(request)) {
        this.#endEmpty(request);
        continue;
      }
      if (!request.inbox.hasReceivers) {
        this.#queue.remove(request);
        continue;
      }
      if (request.heartbeatAtMs <= nowMs + slackMs) {
        const status = heartbeat(state.consumerSeq, state.nextSeq - 1, "");
        host.publisher.publish(account, request.inbox.subject, "", status, nothing);
        request.heartbeatAtMs = nowMs + request.heartbeatMs;
      }
      nextMs = Math.min(nextMs, request.expiresAtMs, request.heartbeatAtMs);
    }
    this.#arm(nextMs, true);
  }

  #served(request: PullRequest): void {
    this.#queue.served(request);
    if (request.heartbeatMs > 0)
      request.heartbeatAtMs = this.#options.host.clock.nowMs() + request.heartbeatMs;
    if (request.left > 0 || request.bytesLeft <= 0) return;
    this.#sendStatus(
      request.inbox.subject,
      statusWithPending("409 Batch Completed", request.left, request.bytesLeft),
    );
  }

  #refusal(options: PullOptions): Buffer | null {
    const {
      max_batch: batch = 0,
      max_expires: expires = 0,
      max_bytes: bytes = 0,
    } = this.#options.current.config;
    if (batch > 0 && options.batch > batch) return encodeStatus(409, `Exceeded MaxRequestBatch of ${batch}`);
    if (expires > 0 && options.expiresMs !== Infinity && options.expiresMs * nsPerMs > expires)
      return encodeStatus(409, `Exceeded MaxRequestExpires of ${wireFromText(durationText(expires))}`);
    if (bytes > 0 && options.bytesMax > bytes)
      return encodeStatus(409, `Exceeded MaxRequestMaxBytes of ${bytes}`);
    return null;
  }

  #groupRefusal({ group }: PullOptions): Buffer | null {
    if (group === null) return null;
    const { priority_policy: policy = "none", priority_groups: groups = [] } = this.#options.current.config;
    const bad = (text: string): Buffer => encodeStatus(400, `Bad Request - ${text}`);
    if ((group.pendingMin !== 0 || group.ackPendingMin !== 0) && policy !== "overflow")
      return bad("Not a Overflow Priority consumer");
    if (group.id !== "" && policy !== "pinned_client") return bad("Not a Pinned Client Priority consumer");
    if (group.priority < 0 || group.priority > 9) return bad("Priority must be between 0 and 9");
    if (policy === "none") return null;
    if (group.name === "") return bad("Priority Group missing");
    if (!groups.includes(group.name)) return bad("Invalid Priority Group");
    if (this.pin.id === "") return null;
    if (group.id === this.pin.id) this.pin.keep(group.name);
    else if (group.id !== "") return encodeStatus(423, "Nats-Pin-Id mismatch");
    return null;
  }

  #admit(inbox: string, options: PullOptions): void {
    const { host, account, current, source, state } = this.#options;
    const nowMs = host.clock.nowMs();
    const waitingMax = current.config.max_waiting ?? 0;
    const isFull = this.#queue.size >= waitingMax;
    if (isFull && nowMs - this.#lastSweepMs > sweepIntervalMs) this.sweep();
    if (options.noWait) {
      const refusal = this.#noWaitRefusal(options, source.pendingCount + state.queuedCount);
      if (refusal !== null) {
        this.#touch();
        return this.#sendStatus(inbox, refusal);
      }
    }
    if (this.#queue.size >= waitingMax) {
      // Who gets heartbeats notices their absence; an answer would make it ask again at once.
      if (options.heartbeatMs === 0) this.#sendStatus(inbox, statuses.tooManyWaiting);
      return;
    }
    const { batch, bytesMax, expiresMs, noWait, heartbeatMs, group } = options;
    const beatsAtMs = heartbeatMs > 0 ? nowMs + heartbeatMs : Infinity;
    const request = new PullRequest(
      new Destination(account, inbox),
      batch,
      bytesMax,
      nowMs + expiresMs,
      noWait,
      heartbeatMs,
      beatsAtMs,
      group,
    );
    this.#queue.add(request);
    this.#touch();
    this.#arm(Math.min(request.expiresAtMs, request.heartbeatAtMs), false);
  }

  #noWaitRefusal(options: PullOptions, pending: number): Buffer | null {
    if (pending === 0) return options.expiresMs === Infinity ? statuses.noMessages : null;
    if (this.#queue.size > 0) this.sweep();
    return pending < this.#queue.wanted ? statuses.requestsPending : null;
  }

  /** Whose turn it is for a message of that size. */
  #choose(size: number, nowMs: number): PullRequest | null {
    const { config } = this.#options.current;
    const isPinning = config.priority_policy === "pinned_client";
    const isOverflow = config.priority_policy === "overflow";
    let cycled = 0;
    for (let request = this.#queue.first; request !== null; request = this.#queue.first) {
      if (request.expiresAtMs !== Infinity && request.expiresAtMs <= nowMs) {
        this.#expire(request);
        continue;
      }
      const waits = (isPinning && this.#waitsForPin(request)) || (isOverflow && !this.#overflows(request));
      if (waits) {
        this.#queue.cycle(request);
        if (++cycled >= this.#queue.size) return null;
        continue;
      }
      const isRefused =
        isPinning && this.pin.id !== "" && request.pinId !== "" && request.pinId !== this.pin.id;
      if (isRefused || (isPinning && this.pin.id === "" && request.pinId !== "")) {
        this.#end(request, "423 Nats-Wrong-Pin-Id");
        continue;
      }
      if (request.bytesLeft > 0 && size > request.bytesLeft) {
        this.#end(request, "409 Message Size Exceeds MaxBytes");
        continue;
      }
      if (isPinning && this.pin.id === "" && request.group !== null)
        request.pinId = this.pin.assign(request.group.name);
      if (request.bytesLeft > 0) {
        request.bytesLeft -= size;
        if (request.bytesLeft === 0) this.#queue.limitToOne(request);
      }
      return request;
    }
    return null;
  }

  /** Somebody is pinned, and this request is of one who does not know of pins yet. */
  #waitsForPin(request: PullRequest): boolean {
    return this.pin.id !== "" && request.pinId === "";
  }

  #overflows({ group }: PullRequest): boolean {
    if (group === null || (group.pendingMin <= 0 && group.ackPendingMin <= 0)) return true;
    const { source, state } = this.#options;
    return (
      (group.pendingMin > 0 && group.pendingMin <= source.pendingCount) ||
      (group.ackPendingMin > 0 && group.ackPendingMin <= state.pending.size)
    );
  }

  #expire(request: PullRequest): void {
    this.lastActiveMs = Math.max(this.lastActiveMs, request.expiresAtMs);
    this.#end(request, "408 Request Timeout");
  }

  #endEmpty(request: PullRequest): void {
    this.#queue.remove(request);
    this.#touch();
    this.#sendStatus(request.inbox.subject, statuses.noMessages);
  }

  #end(request: PullRequest, text: string): void {
    this.#queue.remove(request);
    this.#sendStatus(request.inbox.subject, statusWithPending(text, request.left, request.bytesLeft));
  }

  #touch(): void {
    this.lastActiveMs = this.#options.host.clock.nowMs();
  }

  /** @param anew whether the deadline of now does not count any more */
  #arm(dueMs: number, anew: boolean): void {
    if (!anew && dueMs >= this.#deadlineMs) return;
    this.#deadline?.cancel();
    this.#deadlineMs = dueMs;
    this.#deadline =
      dueMs === Infinity
        ? null
        : this.#options.host.after(dueMs - this.#options.host.clock.nowMs(), () => {
            this.#deadlineMs = Infinity;
            // Also where there are messages that only wait for acks: nats-server does not look when its timer fires.
            this.sweep(true);
          });
  }

  #sendStatus(inbox: string, status: Buffer): void {
    const { host, account } = this.#options;
    host.publisher.publish(account, inbox, "", status, nothing);
  }
}

/** A body that no request can have. */
const tooNew = "\0";
const nothing = Buffer.alloc(0);
/** Deadlines are sums of fractions. */
const slackMs = 0.01;

/** With `no_wait` and `expires` it waits for its first message all the same. */
function endsWithMessages({ noWait, expiresAtMs, delivered }: PullRequest): boolean {
  return noWait && (expiresAtMs === Infinity || delivered > 0);
}

function asksForMore(message: Message): boolean {
  const { bytes, bodyStart, headerBytes } = message;
  const block = bytes.subarray(bodyStart, bodyStart + headerBytes);
  return !isApiLevelEnough(headerValue(block, requiredLevelHeader));
}

function withPinId(body: Body, id: string): Body {
  const { bytes, bodyStart, bodyEnd, headerBytes } = body;
  const block = headerBytes === 0 ? null : bytes.subarray(bodyStart, bodyStart + headerBytes);
  const headers = addField(block, "Nats-Pin-Id", id);
  const whole = Buffer.concat([headers, bytes.subarray(bodyStart + headerBytes, bodyEnd)]);
  return { bytes: whole, bodyStart: 0, bodyEnd: whole.length, headerBytes: headers.length };
}
