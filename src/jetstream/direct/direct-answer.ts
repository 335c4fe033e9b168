/** What one direct get is answered with: messages with headers that tell where they come from, and statuses. */
import { emptyBytes } from "../../base/bytes.ts";
import type { Message } from "../../protocol/message.ts";
import type { StoredMessage } from "../../store/contract.ts";
import type { Stream } from "../stream/stream.ts";
import type { AnswerHeaders, BatchPosition } from "./answer-headers.ts";

/** Of use for no longer than the delivery of its request. */
export class DirectAnswer {
  readonly stream: Stream;
  readonly #request: Message;
  readonly #headers: AnswerHeaders;

  /** @param headers of that stream */
  constructor(stream: Stream, request: Message, headers: AnswerHeaders) {
    this.stream = stream;
    this.#request = request;
    this.#headers = headers;
  }

  /** For whoever looks for what to answer with. */
  get stored(): StoredMessage {
    return this.stream.account.directReplies.stored;
  }

  /** @param fields lines that end with CRLF */
  status(code: number, text: string, fields = ""): void {
    this.#publish(emptyBytes, Buffer.from(`NATS/1.0 ${code} ${text}\r\n${fields}\r\n`, "latin1"));
  }

  /** @param position null: it is all there is to the answer */
  message(stored: StoredMessage, position: BatchPosition | null, noHeaders: boolean): void {
    const { log, account } = this.stream;
    // What is not on disk yet could be unseen by a power cut, so it is not seen before.
    if (position === null && (log.kind === "memory" || stored.seq <= log.durableSeq))
      account.directReplies.send(this.#request, stored, noHeaders ? null : this.#headers);
    else
      this.#publish(
        stored.payload,
        noHeaders ? null : account.directReplies.compose(stored, this.#headers, position),
      );
  }

  /** In the order of the calls, and, but for what is in memory alone, when all is durable that was decided before. */
  #publish(payload: Uint8Array, headers: Uint8Array | null): void {
    const { log, account } = this.stream;
    const { reply } = this.#request;
    if (log.kind === "memory") account.replies.publishSoon(account.account, reply, payload, headers);
    else account.replies.publish(account.account, reply, payload, headers);
  }
}
