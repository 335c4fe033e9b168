/** What a publisher is told: nats-server's JSON, byte for byte. */
import { viewBytes } from "../../../base/bytes.ts";
import { encodeJson } from "../../../base/json.ts";
import type { ApiError } from "../../api-error.ts";
import type { AckForm } from "../../commit-gated-replies.ts";
import type { StreamReplies } from "../../stream-replies.ts";
import type { CurrentConfig } from "../config/stream-config.ts";
import type { InboundMessage } from "../message/inbound-message.ts";

export class PubAcks {
  readonly #current: CurrentConfig;
  readonly #replies: StreamReplies;
  /** Begins with `{"stream":"S","domain":"D","seq":`. */
  readonly #form: AckForm;

  constructor(current: CurrentConfig, replies: StreamReplies, domain: string | null) {
    this.#current = current;
    this.#replies = replies;
    const domainPart = domain === null ? "" : `"domain":${encodeJson(domain, false)},`;
    const text = `{"stream":${encodeJson(current.config.name, false)},${domainPart}"seq":`;
    this.#form = { account: replies.account, waits: replies.waits, prefix: viewBytes(Buffer.from(text)) };
  }

  /** @param suffix what follows the sequence, up to and with the closing brace; wire string */
  acknowledge(inbound: InboundMessage, seq: number, suffix: string): void {
    if (inbound.replyEnd === inbound.replyStart || this.#current.config.no_ack === true) return;
    this.#replies.acknowledge(this.#form, inbound, seq, suffix);
  }

  refuse(inbound: InboundMessage, refusal: ApiError): void {
    this.say(inbound, encodeJson({ error: refusal.json, stream: this.#current.config.name, seq: 0 }, false));
  }

  /** @param text "" for an empty answer */
  say(inbound: InboundMessage, text: string): void {
    if (inbound.hasReply && this.#current.config.no_ack !== true) this.sayTo(inbound.replySubject, text);
  }

  /** @param reply wire string; "" for nobody */
  sayTo(reply: string, text: string): void {
    // What refuses a message may rest on one that is not on disk yet.
    if (reply !== "") this.#replies.publish(reply, Buffer.from(text));
  }

  acknowledgeTo(reply: string, seq: number, suffix: string): void {
    this.sayTo(reply, `${this.#form.prefix.bytes.toString("utf8")}${seq}${suffix}`);
  }
}

/** Behind the sequence in the ack of a batch. @param id wire string @returns wire string */
export function batchSuffix(id: string, count: number): string {
  const text = encodeJson(Buffer.from(id, "latin1").toString("utf8"), false);
  return `,"batch":${Buffer.from(text, "utf8").toString("latin1")},"count":${count}}`;
}
