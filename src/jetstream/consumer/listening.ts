/** The subjects that a consumer is spoken to on. Without a consumer nobody listens there, so that clients hear of it. */
import { createHash } from "node:crypto";
import type { Subscription } from "../../broker/subscriber.ts";
import type { Message } from "../../protocol/message.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { JetStreamAccount } from "../account.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import { statuses } from "./delivery/message-delivery.ts";

/** Deliveries, stream sequence, consumer sequence, time, pending. The long form may have more. */
const ackTokens = 5;

/** Called within a delivery. */
interface ConsumerHandlers {
  /** Null for push consumers, which tell whoever pulls from them. */
  readonly onPull: ((message: Message) => void) | null;
  /** @param start where the numbers begin in the subject @param tokensMax how many there may be */
  readonly onAck: (message: Message, start: number, tokensMax: number) => void;
  readonly onFlowControl: (message: Message) => void;
  readonly onRedrive: (message: Message) => void;
}

/** @param stream wire string @param name wire string */
export function listenFor(
  { host, account, replies }: JetStreamAccount,
  stream: string,
  name: string,
  config: ConsumerConfig,
  { onPull, onAck, onFlowControl, onRedrive }: ConsumerHandlers,
): Subscription[] {
  const listening: Subscription[] = [];
  const listen = (subject: string, handle: (message: Message) => void): void =>
    void listening.push(host.service.listen(account, subject, null, handle));
  const refusePull = (message: Message): void => {
    if (message.hasReply) replies.publishSoon(account, message.reply, Buffer.alloc(0), statuses.isPush);
  };
  // With the domain and the account's hash before them: the form of newer servers.
  const long = `${host.domain === null ? "_" : wireFromText(host.domain)}.${accountHash(account.name)}`;
  listen(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, onPull ?? refusePull);
  if (config.ack_policy === "explicit" || config.ack_policy === "all")
    // What comes behind the consumer's name is not a part of the pattern, so that all its acks are routed alike.
    for (const [prefix, tokensMax] of [
      [`$JS.ACK.${stream}.${name}.`, ackTokens],
      [`$JS.ACK.${long}.${stream}.${name}.`, Infinity],
    ] as const)
      listen(`${prefix}>`, (message) => onAck(message, message.subjectStart + prefix.length, tokensMax));
  if (onPull === null && config.flow_control === true)
    for (const subject of [`$JS.FC.${stream}.${name}.*`, `$JS.FC.${long}.${stream}.${name}.*`])
      listen(subject, onFlowControl);
  if (config.metadata?.["frond.dead_letter"] !== undefined)
    listen(`$FROND.DLQ.REDRIVE.${stream}.${name}`, onRedrive);
  return listening;
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Eight characters. Source: nats-server `getHash`. */
function accountHash(name: string): string {
  const hash = createHash("sha256").update(name).digest();
  return Array.from(hash.subarray(0, 8), (byte) => digits[byte % digits.length]).join("");
}
