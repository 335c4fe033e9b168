/** What a publisher is told: nats-server's JSON, byte for byte. */
import { type ViewedBytes, viewBytes } from "../../../base/bytes.ts";
import { encodeJson } from "../../../base/json.ts";
import type { ApiError } from "../../api-error.ts";
import type { Stream } from "../stream.ts";
import type { InboundMessage } from "../message/inbound-message.ts";

export class PubAcks {
  readonly #stream: Stream;
  /** `{"stream":"S","domain":"D","seq":` */
  readonly #prefix: ViewedBytes;
  /** Whether what is acknowledged has to reach the disk before. */
  readonly #waits: boolean;

  constructor(stream: Stream) {
    const { domain } = stream.host;
    this.#stream = stream;
    this.#waits = stream.log.kind === "file";
    const domainPart = domain === null ? "" : `"domain":${encodeJson(domain, false)},`;
    this.#prefix = viewBytes(Buffer.from(`{"stream":${encodeJson(stream.name, false)},${domainPart}"seq":`));
  }

  /** @param suffix what follows the sequence, up to and with the closing brace; wire string */
  acknowledge(inbound: InboundMessage, seq: number, suffix: string): void {
    if (inbound.replyEnd === inbound.replyStart || this.#stream.config.no_ack === true) return;
    const { account } = this.#stream;
    account.replies.acknowledge(
      account.account,
      this.#waits,
      inbound.reply,
      inbound.replyStart,
      inbound.replyEnd,
      this.#prefix,
      seq,
      suffix,
    );
  }

  refuse(inbound: InboundMessage, refusal: ApiError): void {
    this.say(inbound, encodeJson({ error: refusal.json, stream: this.#stream.name, seq: 0 }, false));
  }

  /** @param text "" for an empty answer */
  say(inbound: InboundMessage, text: string): void {
    if (inbound.hasReply && this.#stream.config.no_ack !== true) this.sayTo(inbound.replySubject, text);
  }

  /** @param reply wire string; "" for nobody */
  sayTo(reply: string, text: string): void {
    if (reply === "") return;
    const { account } = this.#stream;
    const payload = Buffer.from(text);
    // What refuses a message may rest on one that is not on disk yet.
    if (this.#waits) account.replies.publish(account.account, reply, payload);
    else account.replies.publishSoon(account.account, reply, payload);
  }

  acknowledgeTo(reply: string, seq: number, suffix: string): void {
    this.sayTo(reply, `${this.#prefix.bytes.toString("utf8")}${seq}${suffix}`);
  }
}

/** Behind the sequence in the ack of a batch. @param id wire string @returns wire string */
export function batchSuffix(id: string, count: number): string {
  const text = encodeJson(Buffer.from(id, "latin1").toString("utf8"), false);
  return `,"batch":${Buffer.from(text, "utf8").toString("latin1")},"count":${count}}`;
}
