/**
 * The header by which a sourced message tells where it comes from:
 * `Nats-Stream-Source: <stream>[:<hash>] <origin seq> <filters> <destinations> <origin subject>[ <identity>]`.
 * All are wire strings.
 */
import { headerValue } from "../../protocol/headers.ts";

export const sourceHeaderName = "Nats-Stream-Source";

export interface SourceOrigin {
  /** Of the stream that it was then; "" when that is not known. */
  readonly identity: string;
  /** As of `sourceIndex`; null in headers of old, which name the stream alone. */
  readonly index: string | null;
  readonly stream: string;
  readonly seq: number;
}

/** What comes before and after the sequence is always the same for a source. */
export class SourceHeader {
  readonly #before: string;
  readonly #after: string;

  /** @param index of {@link sourceIndex}, as a wire string */
  constructor(index: string) {
    const [stream = "", filters = "", destinations = ""] = index.split(" ");
    this.#before = `${sourceHeaderName}: ${stream} `;
    this.#after = ` ${filters} ${destinations} `;
  }

  line(seq: number, subject: string, identity: string): string {
    const last = identity === "" ? "" : ` ${identity}`;
    return `${this.#before}${seq}${this.#after}${subject}${last}\r\n`;
  }
}

/** Where a stored message came from; null when it was published here. */
export function readSourceHeader(block: Uint8Array): SourceOrigin | null {
  const value = headerValue(block, sourceHeaderName);
  return value === null ? null : parseSourceHeader(value);
}

export function parseSourceHeader(value: string): SourceOrigin | null {
  if (value.startsWith("$JS.ACK.")) {
    const tokens = value.split(".");
    if (tokens.length !== 9 && tokens.length < 11) return null;
    const at = tokens.length === 9 ? 2 : 4;
    return originOf(null, tokens[at] as string, tokens[at + 3] as string);
  }
  const [stream = "", seq = "", filters, destinations, , identity = ""] = value.split(" ");
  if (filters === undefined) return originOf(null, stream, seq);
  if (destinations === undefined) return null;
  return originOf(`${stream} ${filters} ${destinations}`, stream, seq, identity);
}

function originOf(index: string | null, stream: string, seqText: string, identity = ""): SourceOrigin | null {
  if (!/^\d+$/.test(seqText)) return null;
  return { index, stream, seq: Number(seqText), identity };
}

/** Lines that were meant for the origin: what was expected of it, batches, and where it had the message from itself. */
const foreignLines = /^Nats-(?:Expected-|Batch-)/;

/** @returns null when there is nothing to take out */
export function withoutForeignHeaders(block: Buffer, alsoSource: boolean): Buffer | null {
  const mayHave =
    block.includes("\r\nNats-Expected-", 0, "latin1") ||
    block.includes("\r\nNats-Batch-", 0, "latin1") ||
    (alsoSource && block.includes(`\r\n${sourceHeaderName}:`, 0, "latin1"));
  if (!mayHave) return null;
  const lines = block.latin1Slice(0, block.length).split("\r\n");
  const kept = lines.filter(
    (line) => !foreignLines.test(line) && !(alsoSource && line.startsWith(`${sourceHeaderName}:`)),
  );
  return Buffer.from(kept.join("\r\n"), "latin1");
}
