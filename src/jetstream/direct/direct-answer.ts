/** One answer to a direct get after the other: messages with headers that tell where they come from, and statuses. */
import { emptyBytes, type ViewedBytes, viewBytes } from "../../base/bytes.ts";
import type { Message } from "../../broker/message.ts";
import { StoredMessage } from "../../store/contract.ts";
import type { Stream } from "../stream.ts";
import { AnswerHeaders, type BatchPlace } from "./answer-headers.ts";

const scratchBytes = 512;

export class DirectAnswer {
  readonly stream: Stream;
  /** For whoever looks for what to answer with. */
  readonly stored = new StoredMessage();
  readonly #headers: AnswerHeaders;
  #scratch: ViewedBytes = viewBytes(Buffer.allocUnsafeSlow(scratchBytes));
  #reply = "";

  constructor(stream: Stream) {
    this.stream = stream;
    this.#headers = new AnswerHeaders(stream.wireName);
  }

  /** From now on it is that request which is answered. */
  begin(request: Message): void {
    this.#reply = request.reply;
  }

  /** @param fields lines that end with CRLF */
  status(code: number, text: string, fields = ""): void {
    this.#send(emptyBytes, Buffer.from(`NATS/1.0 ${code} ${text}\r\n${fields}\r\n`, "latin1"), false);
  }

  message(stored: StoredMessage, place: BatchPlace | null, noHeaders: boolean): void {
    const { log } = this.stream;
    // What is not on disk yet could be unseen by a power cut, so it is not seen before.
    const isDurable = log.kind === "memory" || stored.seq <= log.durableSeq;
    this.#send(stored.payload, noHeaders ? null : this.#compose(stored, place), isDurable && place === null);
  }

  #compose(stored: StoredMessage, place: BatchPlace | null): Uint8Array {
    const bytesMax = this.#headers.bytesMax(stored);
    if (bytesMax > this.#scratch.bytes.length) this.#scratch = viewBytes(Buffer.allocUnsafeSlow(bytesMax));
    const end = this.#headers.write(this.#scratch, 0, stored, place);
    return new Uint8Array(this.#scratch.bytes.buffer, 0, end);
  }

  #send(payload: Uint8Array, headers: Uint8Array | null, isDurable: boolean): void {
    const { answers, account } = this.stream.account;
    if (isDurable || this.stream.log.kind === "memory")
      answers.publishSoon(account, this.#reply, payload, headers);
    else answers.publish(account, this.#reply, payload, headers);
  }
}
