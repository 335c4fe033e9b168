/**
 * The way of a published message into its stream: checks in the order that nats-server has them, then the log, then the
 * ack. Called within a delivery, so everything that is said waits for the end of the pass.
 */
import type { Message } from "../../broker/message.ts";
import type { MessageDraft } from "../../store/contract.ts";
import type { Stream } from "../stream.ts";

export class Ingest {
  readonly #stream: Stream;
  readonly #draft: MessageDraft = {
    subject: "",
    bytes: Buffer.alloc(0),
    bodyStart: 0,
    bodyEnd: 0,
    headerBytes: 0,
    timeMs: 0,
    timeNs: 0,
    seq: 0,
    messageId: null,
    expiresMs: 0,
    wakesMs: 0,
  };

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  receive(message: Message): boolean {
    const draft = this.#draft;
    draft.subject = message.subject;
    draft.bytes = message.bytes;
    draft.bodyStart = message.bodyStart;
    draft.bodyEnd = message.bodyEnd;
    draft.headerBytes = message.headerBytes;
    this.#stream.host.clock.stamp(draft);
    const seq = this.#stream.append(draft);
    if (message.hasReply) this.#acknowledge(message.reply, seq);
    return true;
  }

  onUpdated(): void {}

  close(): void {}

  #acknowledge(reply: string, seq: number): void {
    const { account, name } = this.#stream;
    account.answers.publish(
      account.account,
      reply,
      Buffer.from(`{"stream":${JSON.stringify(name)},"seq":${seq}}`),
    );
  }
}
