/** LMSG and HMSG lines in any form that the protocol allows. Off the hot path: it makes strings. */
import { malformed } from "../protocol/errors.ts";

export interface MessageLine {
  /** `[reply ]<sizes>\r\n`: what stands in front of the body in canonical form. */
  readonly head: string;
  readonly replyBytes: number;
  /** 0 for a message without headers. */
  readonly headerBytes: number;
  /** Headers and payload. */
  readonly size: number;
  readonly queues: readonly string[];
}

/**
 * | form                                  |                     |
 * |---------------------------------------|---------------------|
 * | `subject [reply] <sizes>`             | nobody is chosen    |
 * | `subject + reply queue… <sizes>`      | these groups        |
 * | `subject \| queue… <sizes>`           | without a reply     |
 *
 * A lone `+` or `|` in the place of a reply is one.
 * @throws ProtocolError when it is none of these
 */
export function readMessageLine(args: readonly string[], hasHeaders: boolean): MessageLine {
  const name = hasHeaders ? "HMSG" : "LMSG";
  const sizesAt = args.length - (hasHeaders ? 2 : 1);
  if (sizesAt < 1) throw malformed(`${name} with ${args.length} arguments`);
  const size = sizeOf(name, args.at(-1) as string);
  const headerBytes = hasHeaders ? sizeOf(name, args[sizesAt] as string) : 0;
  if (headerBytes > size) throw malformed(`HMSG with ${headerBytes} header bytes in ${size}`);
  const { reply, queues } = receiversOf(name, args.slice(1, sizesAt));
  const sizes = headerBytes > 0 ? `${headerBytes} ${size}\r\n` : `${size}\r\n`;
  return {
    head: reply === "" ? sizes : `${reply} ${sizes}`,
    replyBytes: reply.length,
    headerBytes,
    size,
    queues,
  };
}

function receiversOf(
  name: string,
  args: readonly string[],
): { readonly reply: string; readonly queues: readonly string[] } {
  const [first = "", second = "", ...rest] = args;
  if (args.length <= 1) return { reply: first, queues: [] };
  if (first === "|") return { reply: "", queues: [second, ...rest] };
  if (first === "+" && rest.length > 0) return { reply: second, queues: rest };
  throw malformed(`${name} with ${args.length} words between its subject and its size`);
}

function sizeOf(name: string, arg: string): number {
  if (!/^\d{1,9}$/.test(arg)) throw malformed(`${name} with bad size ${JSON.stringify(arg.slice(0, 32))}`);
  return Number(arg);
}
