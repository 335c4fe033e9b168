/** Protocol traces, in the form that people and tools know from nats-server: `<<- [SUB foo 1]`, `->> [MSG foo 1 5]`. */
import type { Log } from "../base/log.ts";
import type { Message } from "../protocol/message.ts";
import type { Subscription } from "../broker/subscriber.ts";
import type { TraceSettings } from "./context.ts";

export class Trace {
  readonly #log: Log;
  readonly #label: () => string;
  readonly #settings: TraceSettings;

  constructor(log: Log, settings: TraceSettings, label: () => string) {
    this.#log = log;
    this.#settings = settings;
    this.#label = label;
  }

  /** An operation that came in. */
  line(text: string): void {
    this.#log.trace(`${this.#label()} - <<- ${text}`);
  }

  /** An operation that goes out. */
  sent(text: string): void {
    this.#log.trace(`${this.#label()} - ->> ${text}`);
  }

  /** CONNECT, without its secrets. */
  connect(json: Buffer): void {
    this.line(`[CONNECT ${json.toString("utf8").replace(secrets, '$1"[REDACTED]"')}]`);
  }

  published(message: Message): void {
    this.line(`[${message.headerBytes > 0 ? "HPUB" : "PUB"} ${message.subject} ${this.#sizes(message)}]`);
    const { bytes, bodyStart, bodyEnd, headerBytes } = message;
    const shown = this.#settings.headersOnly
      ? bytes.subarray(bodyStart, bodyStart + headerBytes)
      : bytes.subarray(bodyStart, bodyEnd);
    this.#log.trace(`${this.#label()} - <<- MSG_PAYLOAD: [${JSON.stringify(this.#cut(shown))}]`);
  }

  delivered(message: Message, subscription: Subscription): void {
    const name = message.headerBytes > 0 ? "HMSG" : "MSG";
    this.sent(`[${name} ${message.subject} ${subscription.sid} ${this.#sizes(message)}]`);
  }

  #sizes(message: Message): string {
    const reply = message.hasReply ? `${message.reply} ` : "";
    return message.headerBytes > 0
      ? `${reply}${message.headerBytes} ${message.bodyBytes}`
      : `${reply}${message.bodyBytes}`;
  }

  #cut(bytes: Buffer): string {
    const max = this.#settings.payloadBytesMax;
    if (max === 0 || bytes.length <= max) return bytes.toString("utf8");
    return `${bytes.subarray(0, max).toString("utf8")}...`;
  }
}

/** In any case, as they are read, and also where the text is broken off. */
const secrets = /("(?:pass\w*|auth_token\w*|sig|proxy_sig|nkey|jwt)"\s*:\s*)"(?:[^"\\]|\\.)*"?/gi;
