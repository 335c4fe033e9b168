/**
 * Sends a snapshot to whoever asked for it, in chunks: as many at once as the window allows, then one for each that is
 * acknowledged. It ends with an empty message: 204 when all was sent, else why not. Source: nats-server `streamSnapshot`.
 */
import type { Deadline } from "../../base/clock.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { encodeStatus } from "../../protocol/headers.ts";
import type { DurableWaiter } from "../commit-gated-replies.ts";
import type { Stream } from "../stream/stream.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

export interface SnapshotRequest {
  /** Wire string. */
  readonly deliverTo: string;
  readonly chunkBytes: number;
  readonly windowBytes: number;
  readonly withConsumers: boolean;
}

const ackWaitMs = 5_000;
const interestWaitMs = 2_000;
const interestLookMs = 25;
/** More than this is not sent in one go, so that others have their turn. */
const burstBytesMax = 1 << 20;

export class SnapshotSender implements DurableWaiter {
  /** What is sent must not be lost again. */
  readonly awaitedGroup: number;
  readonly #stream: Stream;
  readonly #request: SnapshotRequest;
  readonly #reader: SnapshotReader;
  readonly #ackSubject: string;
  readonly #inFlightMax: number;
  readonly #onEnd: (problem: string | null) => void;
  #subscription: Subscription | null = null;
  #deadline: Deadline | null = null;
  #isScheduled = false;
  #inFlight = 0;
  #index = 0;
  #waitedMs = 0;
  /** Who takes it: somebody with exactly this subject, or at least a pattern; null while that is waited for. */
  #receiver: "exact" | "pattern" | null = null;
  #isEnded = false;

  /** @param onEnd told once, with the problem if there was one */
  constructor(stream: Stream, request: SnapshotRequest, onEnd: (problem: string | null) => void) {
    this.#stream = stream;
    this.#request = request;
    this.#onEnd = onEnd;
    this.awaitedGroup = stream.host.store.lastGroup;
    this.#reader = new SnapshotReader(stream, request.withConsumers);
    this.#ackSubject = `$JS.SNAPSHOT.ACK.${stream.name}.${stream.host.nuid()}`;
    this.#inFlightMax = Math.max(1, Math.floor(request.windowBytes / request.chunkBytes));
  }

  /** Sends as soon as all is durable that stands in the snapshot. */
  start(): void {
    const { host, account } = this.#stream;
    this.#subscription = host.service.listen(account.account, `${this.#ackSubject}.>`, null, () => {
      this.#inFlight = Math.max(0, this.#inFlight - 1);
      this.#pumpLater();
    });
    account.replies.wait(this);
  }

  onDurable(): void {
    if (this.#stream.host.store.durableGroup >= this.awaitedGroup) this.#pumpLater();
  }

  #pumpLater(): void {
    if (this.#isScheduled || this.#isEnded) return;
    this.#isScheduled = true;
    this.#stream.host.defer("announce", () => this.#pump());
  }

  /** Called where routing is allowed. */
  #pump(): void {
    this.#isScheduled = false;
    if (this.#isEnded) return;
    this.#deadline?.cancel();
    // What was sent is not all.
    if (this.#stream.isDeleted) return this.#end(500, "stream deleted");
    if (!this.#mayBeHeard()) return;
    const { host } = this.#stream;
    const { chunkBytes } = this.#request;
    let sentBytes = 0;
    while (this.#inFlight < this.#inFlightMax) {
      if (sentBytes >= burstBytesMax) {
        this.#deadline = host.background(() => this.#pump());
        return;
      }
      let chunk: Buffer;
      try {
        chunk = this.#reader.take(chunkBytes);
      } catch (error) {
        this.#end(500, String((error as Error).message));
        return;
      }
      if (chunk.length < chunkBytes) {
        if (chunk.length > 0) this.#send(chunk, "", null);
        this.#end(204, "");
        return;
      }
      this.#send(chunk, `${this.#ackSubject}.${chunk.length}.${++this.#index}`, null);
      this.#inFlight++;
      sentBytes += chunk.length;
    }
    this.#deadline = host.after(ackWaitMs, () => this.#end(408, "No Flow Response"));
  }

  /**
   * Clients ask first and subscribe after the answer, so there is a moment to wait for. A pattern that takes the subject is
   * no sign of that: clients have one for all their inboxes, behind which nobody knows this one yet.
   */
  #mayBeHeard(): boolean {
    const { host, account } = this.#stream;
    const { deliverTo } = this.#request;
    const isExact = (): boolean =>
      account.account
        .matches(deliverTo)
        .some(({ subject, queue }) => subject === deliverTo && queue === null);
    if (this.#receiver !== "pattern" && isExact()) this.#receiver = "exact";
    else if (this.#receiver !== "exact" && this.#waitedMs < interestWaitMs) {
      this.#waitedMs += interestLookMs;
      this.#deadline = host.after(interestLookMs, () => this.#pump());
      return false;
    } else if (this.#receiver !== "exact" && account.advisories.isWatched(deliverTo))
      this.#receiver = "pattern";
    else {
      this.#end(408, "No Interest");
      return false;
    }
    return true;
  }

  #end(code: number, text: string): void {
    this.#isEnded = true;
    this.#deadline?.cancel();
    if (this.#subscription !== null) this.#stream.host.service.stop(this.#subscription);
    this.#send(Buffer.alloc(0), "", encodeStatus(code, text));
    this.#onEnd(code === 204 ? null : text.toLowerCase());
  }

  #send(chunk: Buffer, reply: string, headers: Buffer | null): void {
    const { host, account } = this.#stream;
    host.publisher.publish(account.account, this.#request.deliverTo, reply, headers, chunk);
  }
}
