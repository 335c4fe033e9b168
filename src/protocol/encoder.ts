/** What the broker says to a client, as bytes or wire strings. */
import { SPACE, copyBytes } from "../base/bytes.ts";

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

/**
 * `HMSG <subject> <sid> ` for a subscription to one literal subject, made once. From its second byte on it is the
 * start of a MSG line.
 */
export function literalPrefix(subject: string, sid: string): Buffer {
  return Buffer.from(`HMSG ${subject} ${sid} `, "latin1");
}

/** ` <sid> `, what stands between the subject and the rest for a subscription with wildcards. */
export function wildcardInfix(sid: string): Buffer {
  return Buffer.from(` ${sid} `, "latin1");
}

/** Writes `MSG <subject>` or `HMSG <subject>` and then `infix`; returns the position after it. */
export function writePrefix(
  target: Buffer,
  position: number,
  hasHeaders: boolean,
  subjectBytes: Buffer,
  subjectStart: number,
  subjectEnd: number,
  infix: Buffer,
): number {
  let at = position;
  if (hasHeaders) target[at++] = 0x48;
  target[at++] = 0x4d;
  target[at++] = 0x53;
  target[at++] = 0x47;
  target[at++] = SPACE;
  at = copyBytes(subjectBytes, subjectStart, subjectEnd, target, at);
  return copyBytes(infix, 0, infix.length, target, at);
}

/** The longest of the fixed parts that {@link writePrefix} writes. */
export const prefixBytesMax = 5;

/** The answer to a request that nobody takes: status 503 to the requester's own inbox. */
export function noRespondersMessage(reply: string, sid: string, subject: string): string {
  const headers = `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`;
  return `HMSG ${reply} ${sid} ${headers.length} ${headers.length}\r\n${headers}\r\n`;
}
