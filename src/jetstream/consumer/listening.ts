/** The subjects that a consumer is spoken to on. Without a consumer nobody listens there, so that clients hear of it. */
import { createHash } from "node:crypto";
import type { Subscription } from "../../broker/subscriber.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { Consumer } from "./consumer.ts";
import { refusePull } from "./pull/pull-delivery.ts";

/** Deliveries, stream sequence, consumer sequence, time, pending. The long form may have more. */
const ackTokens = 5;

export function listenFor(consumer: Consumer): Subscription[] {
  const { host, account, config, pull, push } = consumer;
  const stream = wireFromText(consumer.stream.name);
  const name = wireFromText(consumer.name);
  // With the domain and the account's hash before them: the form of newer servers.
  const long = `${host.domain === null ? "_" : wireFromText(host.domain)}.${accountHash(account.name)}`;
  const listening: Subscription[] = [];
  const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`;
  if (pull === null) listening.push(refusePull(consumer, next));
  else listening.push(host.service.listen(account, next, null, (message) => pull.receive(message)));
  if (config.ack_policy === "explicit" || config.ack_policy === "all")
    // What comes behind the consumer's name is not a part of the pattern, so that all its acks are routed alike.
    for (const [prefix, tokensMax] of [
      [`$JS.ACK.${stream}.${name}.`, ackTokens],
      [`$JS.ACK.${long}.${stream}.${name}.`, Infinity],
    ] as const)
      listening.push(
        host.service.listen(account, `${prefix}>`, null, (message) =>
          consumer.acks.receive(message, message.subjectStart + prefix.length, tokensMax),
        ),
      );
  if (push !== null && config.flow_control === true)
    for (const subject of [`$JS.FC.${stream}.${name}.*`, `$JS.FC.${long}.${stream}.${name}.*`])
      listening.push(host.service.listen(account, subject, null, (message) => push.onFlowControl(message)));
  if (config.metadata?.["frond.dead_letter"] !== undefined)
    listening.push(
      host.service.listen(account, `$FROND.DLQ.REDRIVE.${stream}.${name}`, null, (message) =>
        consumer.deadLetters?.receive(message),
      ),
    );
  return listening;
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Eight characters. Source: nats-server `getHash`. */
function accountHash(name: string): string {
  const hash = createHash("sha256").update(name).digest();
  return Array.from(hash.subarray(0, 8), (byte) => digits[byte % digits.length]).join("");
}
