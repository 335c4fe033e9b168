/** The pull requests that wait for messages, in the order in which they are served. */
import type { Destination } from "../../../broker/destination.ts";
import type { PullGroup } from "./pull-request.ts";

export class PullRequest {
  readonly inbox: Destination;
  /** How many messages it still wants. */
  left: number;
  delivered = 0;
  /** How many bytes it still takes; 0 or less without a limit. */
  bytesLeft: number;
  readonly expiresAtMs: number;
  readonly noWait: boolean;
  readonly heartbeatMs: number;
  /** Infinity without heartbeats. */
  heartbeatAtMs: number;
  readonly group: PullGroup | null;
  /** What it is pinned by; changes when it is chosen. */
  pinId: string;
  next: PullRequest | null = null;
  before: PullRequest | null = null;

  constructor(
    inbox: Destination,
    left: number,
    bytesLeft: number,
    expiresAtMs: number,
    noWait: boolean,
    heartbeatMs: number,
    heartbeatAtMs: number,
    group: PullGroup | null,
  ) {
    this.inbox = inbox;
    this.left = left;
    this.bytesLeft = bytesLeft;
    this.expiresAtMs = expiresAtMs;
    this.noWait = noWait;
    this.heartbeatMs = heartbeatMs;
    this.heartbeatAtMs = heartbeatAtMs;
    this.group = group;
    this.pinId = group?.id ?? "";
  }

  get priority(): number {
    return this.group?.priority ?? lowestPriority;
  }
}

const lowestPriority = 0x7fff_ffff;

export class WaitingQueue {
  readonly #isPrioritized: boolean;
  #first: PullRequest | null = null;
  #last: PullRequest | null = null;
  #size = 0;
  #noWaitCount = 0;
  /** What all of them want together. */
  #wanted = 0;

  constructor(isPrioritized: boolean) {
    this.#isPrioritized = isPrioritized;
  }

  get size(): number {
    return this.#size;
  }

  get noWaitCount(): number {
    return this.#noWaitCount;
  }

  get wanted(): number {
    return this.#wanted;
  }

  get first(): PullRequest | null {
    return this.#first;
  }

  add(request: PullRequest): void {
    this.#insert(request);
    this.#size++;
    this.#wanted += request.left;
    if (request.noWait) this.#noWaitCount++;
  }

  remove(request: PullRequest): void {
    this.#unlink(request);
    this.#size--;
    this.#wanted -= request.left;
    if (request.noWait) this.#noWaitCount--;
  }

  /** The first one comes last, among those of its priority where that counts. */
  rotate(request: PullRequest): void {
    if (this.#size < 2) return;
    this.#unlink(request);
    this.#insert(request);
  }

  /** The first one comes last, whatever its priority. */
  cycle(request: PullRequest): void {
    if (this.#size < 2) return;
    this.#unlink(request);
    this.#insertAfter(this.#last, request);
  }

  /** One message went to this request. */
  served(request: PullRequest): void {
    request.delivered++;
    request.left--;
    this.#wanted--;
    if (request.left <= 0) this.remove(request);
    else this.rotate(request);
  }

  /** No more than one is left to it. */
  limitToOne(request: PullRequest): void {
    this.#wanted += 1 - request.left;
    request.left = 1;
  }

  *requests(): Generator<PullRequest> {
    for (let at = this.#first; at !== null; ) {
      const { next } = at;
      yield at;
      at = next;
    }
  }

  #insert(request: PullRequest): void {
    let behind = this.#last;
    if (this.#isPrioritized)
      while (behind !== null && behind.priority > request.priority) behind = behind.before;
    this.#insertAfter(behind, request);
  }

  #insertAfter(behind: PullRequest | null, request: PullRequest): void {
    const next = behind === null ? this.#first : behind.next;
    request.before = behind;
    request.next = next;
    if (behind === null) this.#first = request;
    else behind.next = request;
    if (next === null) this.#last = request;
    else next.before = request;
  }

  #unlink(request: PullRequest): void {
    const { before, next } = request;
    if (before === null) this.#first = next;
    else before.next = next;
    if (next === null) this.#last = before;
    else next.before = before;
    request.before = null;
    request.next = null;
  }
}
