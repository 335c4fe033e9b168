/**
 * Subjects that have an effect in the broker itself: requests to JetStream, acks, flow control, replies that only servers
 * give. Who may publish there is for permissions to say, and only about the one who publishes. So nothing that the broker
 * publishes because a user has asked for it (an answer, a republished message, a delivery) may go to such a subject, nor may
 * `allow_responses` stand in for the permission. Everything that publishes on behalf of a user asks here.
 *
 * Source: nats-server 2.15.3 `isReservedReply`, `isReservedDestination`, `jsRequestHandler`; `$SYS.` and `$FROND.` are
 * added to what it reserves. Subjects are wire strings.
 */
import { DOLLAR, UNDERSCORE } from "../base/bytes.ts";

const serviceReplies = "_R_.";
const gatewayReplies = "_GR_.";
const olderGatewayReplies = "$GR.";
const raftSubjects = "$NRG.";
const jetStream = "$JS.";
const flowControl = "$JS.FC.";
const system = "$SYS.";
/** Where the system's own requests are answered; `$SYS._INBOX_.` in older servers. */
const systemInboxes = "$SYS._INBOX";
const extensions = "$FROND.";
const loopDetection = "$LDS.";
/** Behind `$JS.`. */
const jetStreamSpaces: ReadonlySet<string> = new Set(["API", "ACK", "FC", "SNAPSHOT", "EVENT"]);
/** Tokens before the subject that a gateway has wrapped: the prefix, a cluster and a server; in older ones no server. */
const gatewayTokens = 3;
const olderGatewayTokens = 2;

/**
 * Subjects that only the broker itself publishes on, whatever the permissions. Source: nats-server
 * `processInboundClientMsg`.
 * @param isSystem whether the publisher is in the system account
 */
export function isReservedSubject(subject: string, isSystem = false): boolean {
  return isGatewayReply(subject) || (!isSystem && subject.startsWith(raftSubjects));
}

/** Replies that a client may not ask for: they would let it pass for the broker, or issue a request in another's name. */
export function isReservedReply(subject: string): boolean {
  return subject.startsWith(serviceReplies) || isGatewayReply(subject) || isUnanswerable(subject);
}

/** Replies that the broker's own services give no answer to, however they have come: the answer would be a request. */
export function isUnanswerable(subject: string): boolean {
  const reply = unwrapped(subject);
  return isLonger(reply, jetStream) || isLonger(reply, extensions) || isSystemRequest(reply);
}

/** What nothing is published to on behalf of a user. */
export function isReservedDestination(subject: string): boolean {
  const first = subject.charCodeAt(0);
  if (first !== DOLLAR && first !== UNDERSCORE) return false;
  return (
    subject.startsWith(serviceReplies) ||
    subject.startsWith(system) ||
    subject.startsWith(extensions) ||
    subject.startsWith(loopDetection) ||
    isReservedSubject(subject) ||
    isJetStreamSubject(subject)
  );
}

/** Requests to the broker, also in another JetStream domain. Having been asked is no permission to publish here. */
export function isRequestSubject(subject: string): boolean {
  if (subject.charCodeAt(0) !== DOLLAR) return false;
  return isApiSubject(subject) || subject.startsWith(extensions) || isSystemRequest(subject);
}

/** What a mirror or a source answers on the deliver subject of its consumer, and nothing else. */
export function isFlowControlReply(subject: string): boolean {
  return isLonger(subject, flowControl);
}

/** Whether {@link isReservedSubject} has to be asked, by the first bytes: not for acks, inboxes and most of the others. */
export function mayBeReservedSubject(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start];
  if (first !== DOLLAR && first !== UNDERSCORE) return false;
  const second = bytes[start + 1];
  return second === letterG || second === letterN;
}

/** Whether {@link isReservedReply} and {@link isUnanswerable} have to be asked, by the first bytes: not for an inbox. */
export function mayBeReservedReply(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start];
  return first === DOLLAR || (first === UNDERSCORE && bytes[start + 1] !== letterI);
}

const letterG = 0x47;
const letterI = 0x49;
const letterN = 0x4e;

/** A request to JetStream, also in another domain. */
function isApiSubject(subject: string): boolean {
  const [first, second, third] = subject.split(".", 3);
  return first === "$JS" && (second === "API" || third === "API");
}

function isJetStreamSubject(subject: string): boolean {
  if (!subject.startsWith(jetStream)) return false;
  return jetStreamSpaces.has(subject.split(".", 2)[1] as string) || isApiSubject(subject);
}

function isGatewayReply(subject: string): boolean {
  return isLonger(subject, gatewayReplies) || isLonger(subject, olderGatewayReplies);
}

function isSystemRequest(subject: string): boolean {
  return isLonger(subject, system) && !subject.startsWith(systemInboxes);
}

/** The subject that a gateway's reply stands for. */
function unwrapped(subject: string): string {
  if (!isGatewayReply(subject)) return subject;
  const tokens = subject.startsWith(gatewayReplies) ? gatewayTokens : olderGatewayTokens;
  return subject.split(".").slice(tokens).join(".");
}

function isLonger(subject: string, prefix: string): boolean {
  return subject.length > prefix.length && subject.startsWith(prefix);
}
