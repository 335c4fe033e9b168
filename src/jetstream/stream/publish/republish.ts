/** Publishes what was stored once more, on another subject, with headers that tell where it is kept. */
import { formatTimestamp } from "../../../base/timestamp.ts";
import { SubjectTransform } from "../../../subjects/transform.ts";
import { isReservedDestination } from "../../../subjects/reserved.ts";
import {
  isValidLiteralSubject,
  isValidSubject,
  textFromWire,
  wireFromText,
} from "../../../subjects/subject.ts";
import type { Log } from "../../../base/log.ts";
import type { MessageLog, NewMessage } from "../../../store/contract.ts";
import type { StreamReplies } from "../../stream-replies.ts";
import type { StreamConfig } from "../config/stream-config.ts";

/** Where messages are kept, and the way out for what is said of them. */
export interface RepublishedStream {
  readonly name: string;
  readonly log: MessageLog;
  readonly replies: StreamReplies;
  /** Where the broker's owner is warned. */
  readonly warnings: Log;
}

export class Republisher {
  readonly #stream: RepublishedStream;
  readonly #transform: SubjectTransform;
  readonly #headersOnly: boolean;
  #subject = "";
  #lastSeq = 0;
  #hasWarned = false;

  /** @returns null when the configuration asks for none */
  static of(stream: RepublishedStream, { republish }: StreamConfig): Republisher | null {
    // nats-server takes one without a destination, and does nothing.
    if (republish === undefined || republish.dest === "") return null;
    const transform = SubjectTransform.parse(wireFromText(republish.src ?? ""), wireFromText(republish.dest));
    return new Republisher(stream, transform, republish.headers_only === true);
  }

  private constructor(stream: RepublishedStream, transform: SubjectTransform, headersOnly: boolean) {
    this.#stream = stream;
    this.#transform = transform;
    this.#headersOnly = headersOnly;
  }

  /** Notes what is to be told of the message before, which may go when this one is stored. */
  prepare(subject: string): void {
    this.#subject = this.#transform.apply(subject) ?? "";
    if (this.#subject === "") return;
    if (isReservedDestination(this.#subject)) this.#suppress();
    else if (!isValidSubject(this.#subject) || !isValidLiteralSubject(this.#subject)) this.#subject = "";
    else this.#lastSeq = this.#stream.log.subject(subject)?.lastSeq ?? 0;
  }

  /** The message is stored, and nothing is published in the name of whoever configured the stream. */
  #suppress(): void {
    const { warnings, replies, name } = this.#stream;
    if (!this.#hasWarned) {
      const subject = JSON.stringify(textFromWire(this.#subject));
      warnings.warn(
        `stream ${replies.account.name} > ${name}: not republished to ${subject}, which is reserved`,
      );
    }
    this.#hasWarned = true;
    this.#subject = "";
  }

  /** Goes out when the message is durable, as everything that is seen of it. */
  publish(message: NewMessage, seq: number): void {
    if (this.#subject === "") return;
    const { replies, name } = this.#stream;
    const { bytes, bodyStart, headerBytes } = message;
    const payload = bytes.subarray(bodyStart + headerBytes, message.bodyEnd);
    const size = this.#headersOnly ? `Nats-Msg-Size: ${payload.length}\r\n` : "";
    const fields =
      `Nats-Stream: ${wireFromText(name)}\r\nNats-Subject: ${message.subject}\r\nNats-Sequence: ${seq}\r\n` +
      `Nats-Time-Stamp: ${formatTimestamp(message.timeMs, message.timeNs)}\r\n` +
      `Nats-Last-Sequence: ${this.#lastSeq}\r\n${size}\r\n`;
    const headers =
      headerBytes === 0
        ? Buffer.from(`NATS/1.0\r\n${fields}`, "latin1")
        : Buffer.concat([
            bytes.subarray(bodyStart, bodyStart + headerBytes - 2),
            Buffer.from(fields, "latin1"),
          ]);
    const body = this.#headersOnly ? payload.subarray(0, 0) : payload;
    replies.publish(this.#subject, body, headers);
  }
}
