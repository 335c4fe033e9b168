/** What the broker says to a client, as bytes or wire strings. */
import {
  copyBytes,
  wordsOf,
  wordsSlackBytes,
  writeWords,
  type ViewedBytes,
  type Words,
} from "../base/bytes.ts";

export const okLine = "+OK\r\n";
export const pingLine = "PING\r\n";
export const pongLine = "PONG\r\n";

export function errorLine(text: string): string {
  return `-ERR '${text}'\r\n`;
}

/** `INFO <json> \r\n`; the blank before the line's end is the reference server's. */
export function infoLine(info: object): string {
  return `INFO ${Buffer.from(JSON.stringify(info), "utf8").toString("latin1")} \r\n`;
}

/** What begins each delivery to one subscription, made ready. */
export interface DeliveryPrefix {
  /** `MSG <subject> <sid> ` and the same with HMSG, for a literal subject; null for one with wildcards. */
  readonly literal: { readonly plain: Words; readonly headers: Words } | null;
  /** ` <sid> `, what stands between the message's own subject and the rest. */
  readonly infix: Words;
}

/** @param subject the literal that is subscribed to; null when it has wildcards */
export function deliveryPrefix(subject: string | null, sid: string): DeliveryPrefix {
  return {
    literal:
      subject === null
        ? null
        : { plain: wordsOf(`MSG ${subject} ${sid} `), headers: wordsOf(`HMSG ${subject} ${sid} `) },
    infix: wordsOf(` ${sid} `),
  };
}

/** Writes `MSG <subject> <sid> ` or `HMSG …` and returns the position after it. */
export function writePrefix(
  target: ViewedBytes,
  at: number,
  hasHeaders: boolean,
  subject: ViewedBytes,
  subjectStart: number,
  subjectEnd: number,
  infix: Words,
): number {
  const named = writeWords(target, at, hasHeaders ? headersMessage : plainMessage);
  return writeWords(target, copyBytes(subject, subjectStart, subjectEnd, target, named), infix);
}

const plainMessage = wordsOf("MSG ");
const headersMessage = wordsOf("HMSG ");

/** Room for what {@link writePrefix} writes besides the subject and the infix. */
export const prefixBytesMax = 5 + wordsSlackBytes;

/** The answer to a request that nobody takes: status 503 to the requester's own inbox. */
export function noRespondersMessage(reply: string, sid: string, subject: string): string {
  const headers = `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`;
  return `HMSG ${reply} ${sid} ${headers.length} ${headers.length}\r\n${headers}\r\n`;
}
