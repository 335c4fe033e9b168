/** What one direct get is answered with: messages with headers that tell where they come from, and statuses. */
import { emptyBytes } from "../../base/bytes.ts";
import type { Message } from "../../protocol/message.ts";
import type { MessageLog, StoredMessage } from "../../store/contract.ts";
import type { AnswerHeaders, BatchPosition } from "./answer-headers.ts";
import type { DirectReplies } from "./direct-replies.ts";

/** Of use for no longer than the delivery of its request. */
export class DirectAnswer {
  readonly log: MessageLog;
  readonly #replies: DirectReplies;
  readonly #request: Message;
  readonly #headers: AnswerHeaders;

  /** @param headers of the stream that the log is of */
  constructor(log: MessageLog, replies: DirectReplies, request: Message, headers: AnswerHeaders) {
    this.log = log;
    this.#replies = replies;
    this.#request = request;
    this.#headers = headers;
  }

  /** For whoever looks for what to answer with. */
  get stored(): StoredMessage {
    return this.#replies.stored;
  }

  /** @param fields lines that end with CRLF */
  status(code: number, text: string, fields = ""): void {
    this.#publish(emptyBytes, Buffer.from(`NATS/1.0 ${code} ${text}\r\n${fields}\r\n`, "latin1"));
  }

  /** @param position null: it is all there is to the answer */
  message(stored: StoredMessage, position: BatchPosition | null, noHeaders: boolean): void {
    const { log } = this;
    // What is not on disk yet could be unseen by a power cut, so it is not seen before.
    if (position === null && (log.kind === "memory" || stored.seq <= log.durableSeq))
      this.#replies.send(this.#request, stored, noHeaders ? null : this.#headers);
    else
      this.#publish(
        stored.payload,
        noHeaders ? null : this.#replies.compose(stored, this.#headers, position),
      );
  }

  /** In the order of the calls, and, but for what is in memory alone, when all is durable that was decided before. */
  #publish(payload: Uint8Array, headers: Uint8Array | null): void {
    this.#replies.publish(this.#request, payload, headers, this.log.kind === "file");
  }
}
