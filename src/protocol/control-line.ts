/** Arguments of a control line, in any form that the protocol allows. Off the hot path: it makes strings. */
import { SPACE } from "../base/bytes.ts";
import { malformed } from "./errors.ts";

/** The blank-separated arguments in `bytes[start, end)`, as wire strings. Runs of blanks and tabs count as one. */
export function splitArguments(bytes: Buffer, start: number, end: number): string[] {
  const args: string[] = [];
  let tokenStart = -1;
  for (let at = start; at < end; at++) {
    const blank = isBlank(bytes[at] as number);
    if (!blank && tokenStart < 0) tokenStart = at;
    if (blank && tokenStart >= 0) {
      args.push(bytes.latin1Slice(tokenStart, at));
      tokenStart = -1;
    }
  }
  if (tokenStart >= 0) args.push(bytes.latin1Slice(tokenStart, end));
  return args;
}

export interface CanonicalLine {
  readonly text: string;
  readonly subjectBytes: number;
  /** 0 without a reply subject. */
  readonly replyBytes: number;
  /** -1 for a PUB. */
  readonly headerBytes: number;
  /** Headers and payload. */
  readonly size: number;
}

/**
 * The arguments of a PUB or HPUB as a canonical line, with CRLF. An HPUB whose header block is empty becomes a PUB,
 * which is how receivers see it.
 * @throws ProtocolError when their number or a size is wrong
 */
export function canonicalPublish(args: readonly string[], hasHeaders: boolean): CanonicalLine {
  const name = hasHeaders ? "HPUB" : "PUB";
  const sizesExpected = hasHeaders ? 2 : 1;
  const replies = args.length - 1 - sizesExpected;
  if (replies !== 0 && replies !== 1) throw malformed(`${name} with ${args.length} arguments`);
  const [subject = "", ...rest] = args;
  const reply = replies === 1 ? (rest.shift() as string) : "";
  const sizes = rest.map((arg) => sizeOf(name, arg));
  const size = sizes.at(-1) as number;
  const headerBytes = hasHeaders ? (sizes[0] as number) : -1;
  if (headerBytes > size) throw malformed(`HPUB with ${headerBytes} header bytes in ${size}`);
  const start = headerBytes > 0 ? `HPUB ${subject}` : `PUB ${subject}`;
  const end = headerBytes > 0 ? `${headerBytes} ${size}\r\n` : `${size}\r\n`;
  return {
    text: reply === "" ? `${start} ${end}` : `${start} ${reply} ${end}`,
    subjectBytes: subject.length,
    replyBytes: reply.length,
    headerBytes: headerBytes > 0 ? headerBytes : -1,
    size,
  };
}

function sizeOf(name: string, arg: string): number {
  if (!/^\d{1,9}$/.test(arg)) throw malformed(`${name} with bad size ${JSON.stringify(arg.slice(0, 32))}`);
  return Number(arg);
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === 0x09 || byte === 0x0d || byte === 0x0a;
}
