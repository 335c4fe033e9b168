/**
 * Takes a snapshot in, chunk by chunk, and makes a stream of it. Each chunk is answered, with nothing or with an error,
 * when it has been stored; an empty one is the end, and is answered with the stream. A chunk may unpack to very much, so it
 * is stored in slices, and what comes meanwhile waits. Source: nats-server `processStreamRestore`.
 */
import type { Deadline } from "../../base/clock.ts";
import { encodeJson } from "../../base/json.ts";
import type { Message } from "../../protocol/message.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { wireFromText } from "../../subjects/subject.ts";
import { ApiError } from "../api-error.ts";
import { apiError } from "../api-errors.ts";
import type { Capacity } from "../capacity.ts";
import type { RestoringStream } from "../stream-catalog.ts";
import { noDetails, streamInfo } from "../stream/stream-info.ts";
import type { Stream } from "../stream/stream.ts";
import { SnapshotError, SnapshotWriter } from "./snapshot-writer.ts";

export interface RestoreEnd {
  readonly bytes: number;
  /** Null: the stream is there. */
  readonly problem: string | null;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly reply: string;
}

const silenceMsMax = 5_000;
/** So much is unpacked and stored before others have their turn. */
const sliceBytes = 4 * 1024 * 1024;
/** Who sends more than this without waiting for answers is refused. */
const waitingBytesMax = 64 * 1024 * 1024;
const answerType = "io.nats.jetstream.api.v1.stream_create_response";

export class Restore {
  /** Where the chunks are to be sent, as text. */
  readonly deliverSubject: string;
  readonly #restoring: RestoringStream;
  readonly #capacity: Capacity;
  readonly #writer: SnapshotWriter;
  readonly #onEnd: (end: RestoreEnd) => void;
  #subscription: Subscription | null = null;
  #deadline: Deadline | null = null;
  #bytes = 0;
  /** The first is being stored. */
  #chunks: Chunk[] = [];
  #waitingBytes = 0;

  constructor(restoring: RestoringStream, onEnd: (end: RestoreEnd) => void) {
    const { account, config, store } = restoring;
    this.#restoring = restoring;
    this.#capacity = account.capacityOf(config.name, config.storage);
    const { clock } = account.host;
    const ensureCapacity = (bytes: number): void => this.#ensureCapacity(bytes);
    this.#writer = new SnapshotWriter({ store, config, nowMs: () => clock.wallMs(), ensureCapacity });
    this.#onEnd = onEnd;
    this.deliverSubject = `$JS.SNAPSHOT.RESTORE.${config.name}.${account.host.nuid()}`;
  }

  start(): void {
    const { account } = this.#restoring;
    const subject = wireFromText(this.deliverSubject);
    this.#subscription = account.host.service.listen(account.account, subject, null, (message) =>
      this.#receive(message),
    );
    this.#watchSilence();
  }

  /** The broker stops. */
  close(): void {
    if (this.#subscription !== null) this.#stop("the server was stopped");
  }

  #receive(message: Message): void {
    const { name } = this.#restoring.config;
    const accountName = this.#restoring.account.account.name;
    this.#watchSilence();
    if (!message.hasReply) {
      this.#stop(`restore for stream '${accountName} > ${name}' requires reply subject for each chunk`);
      return;
    }
    const chunk = message.bytes.subarray(message.bodyStart + message.headerBytes, message.bodyEnd);
    this.#bytes += chunk.length;
    this.#waitingBytes += chunk.length;
    this.#chunks.push({ bytes: Buffer.from(chunk), reply: message.reply });
    if (this.#waitingBytes > waitingBytesMax) {
      this.#fail(new SnapshotError("chunks are sent without waiting for answers"), message.reply);
    } else if (this.#chunks.length === 1) this.#begin();
  }

  /** With the first of the chunks that wait. */
  #begin(): void {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return;
    if (chunk.bytes.length === 0) return this.#complete(chunk.reply);
    this.#writer.write(chunk.bytes);
    this.#work(chunk);
  }

  #work(chunk: Chunk): void {
    if (this.#subscription === null) return;
    const { account, config } = this.#restoring;
    const { host } = account;
    this.#watchSilence();
    let hasMore: boolean;
    try {
      hasMore = this.#writer.work(sliceBytes);
    } catch (error) {
      this.#fail(error, chunk.reply);
      return;
    }
    if (hasMore) {
      const goOn = (): void => this.#work(chunk);
      if (config.storage === "file" && host.store.isAboveHighWaterMark) host.store.onDrain(goOn);
      else host.background(goOn);
      return;
    }
    this.#chunks.shift();
    this.#waitingBytes -= chunk.bytes.length;
    // Waits for the disk, so that nobody sends faster than it writes.
    account.replies.publish(account.account, chunk.reply, Buffer.alloc(0));
    this.#begin();
  }

  #ensureCapacity(bytes: number): void {
    if (this.#capacity.diskProblem(bytes) !== null) throw apiError("storageResourcesExceeded");
    const refusal = this.#capacity.quotaRefusal(bytes);
    if (refusal !== null) throw refusal;
  }

  #complete(reply: string): void {
    const { account } = this.#restoring;
    let stream: Stream;
    try {
      this.#writer.end();
      stream = this.#restoring.complete(this.#writer.consumers);
    } catch (error) {
      this.#fail(error, reply);
      return;
    }
    this.#endListening();
    const shown = { domain: false, cluster: false, versions: true };
    const answer = { type: answerType, ...streamInfo(stream, noDetails, shown) };
    account.replies.publish(account.account, reply, Buffer.from(encodeJson(answer, false)));
    this.#onEnd({ bytes: this.#bytes, problem: null });
  }

  #fail(error: unknown, reply: string): void {
    if (!(error instanceof SnapshotError) && !(error instanceof ApiError)) throw error;
    const { account } = this.#restoring;
    const shown = error instanceof ApiError ? error : apiError("streamRestore", { err: error.message });
    const answer = { type: answerType, error: shown.json };
    account.replies.publish(account.account, reply, Buffer.from(encodeJson(answer, false)));
    this.#stop(error.message);
  }

  #watchSilence(): void {
    this.#deadline?.cancel();
    const { account, config } = this.#restoring;
    this.#deadline = account.host.after(silenceMsMax, () =>
      this.#stop(`restore for stream '${account.account.name} > ${config.name}' is stalled`),
    );
  }

  #stop(problem: string): void {
    this.#endListening();
    this.#restoring.abandon();
    this.#onEnd({ bytes: this.#bytes, problem });
  }

  #endListening(): void {
    this.#deadline?.cancel();
    if (this.#subscription !== null) this.#restoring.account.host.service.stop(this.#subscription);
    this.#subscription = null;
    this.#chunks = [];
  }
}
