/**
 * `Nats-Request-Info` of requests that come over a link: a leaf speaks for the account that it is bound to and for no
 * other, so the account in it is that one. Source: nats-server `bindLeafClientInfoHeader`.
 */
import { LF } from "../base/bytes.ts";
import { composeMessage, type Message } from "../protocol/message.ts";
import { setHeader } from "../protocol/headers.ts";
import { textFromWire, wireFromText } from "../subjects/subject.ts";

const header = "Nats-Request-Info";
const lowerCase = Buffer.from(`${header.toLowerCase()}:`, "latin1");
/** Source: nats-server `ClientInfo`. Others are left out, or a reader that ignores case might take `ACC` for `acc`. */
const knownFields = [
  // biome-ignore format: in nats-server's order
  "start",
  "host",
  "id",
  "acc",
  "svc",
  "user",
  "name",
  "lang",
  "ver",
  "rtt",
  "server",
  "cluster",
  "alts",
  "stop",
  "jwt",
  "issuer_key",
  "name_tag",
  "tags",
  "kind",
  "client_type",
  "client_id",
  "nonce",
  "reply",
];

/**
 * Rewrites the header in `message`, however its name is written and however often it stands there; what cannot be read
 * goes. Without it, which costs a look at each header line, the message stays as it is.
 *
 * @param account its name, as text
 */
export function bindRequestInfo(message: Message, account: string): void {
  const { bytes, bodyStart, headerBytes, bodyEnd } = message;
  const block = bytes.subarray(bodyStart, bodyStart + headerBytes);
  let line = lineOfInfo(block, 0);
  if (line === null) return;
  const said = block.latin1Slice(line.start + lowerCase.length, line.end);
  const kept: Buffer[] = [];
  let keptTo = 0;
  for (; line !== null; line = lineOfInfo(block, line.end)) {
    kept.push(block.subarray(keptTo, line.start));
    keptTo = line.end;
  }
  const rest = Buffer.concat([...kept, block.subarray(keptTo)]);
  const info = boundTo(account, said);
  const headers = info === null ? rest : setHeader(rest, header, info);
  composeMessage(
    message,
    message.subject,
    message.reply,
    headers,
    bytes.subarray(bodyStart + headerBytes, bodyEnd),
  );
}

/** The next line of that name at `from` or after, with its end; lines may also end in LF alone, as some clients read them. */
function lineOfInfo(block: Buffer, from: number): { readonly start: number; readonly end: number } | null {
  for (let feed = block.indexOf(LF, Math.max(from - 1, 0)); feed >= 0; feed = block.indexOf(LF, feed + 1)) {
    if (!isInfoAt(block, feed + 1)) continue;
    const end = block.indexOf(LF, feed + 1);
    return { start: feed + 1, end: end < 0 ? block.length : end + 1 };
  }
  return null;
}

function isInfoAt(block: Buffer, start: number): boolean {
  if (start + lowerCase.length > block.length) return false;
  for (let at = 0; at < lowerCase.length; at++) {
    const byte = block[start + at] as number;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== lowerCase[at]) return false;
  }
  return true;
}

/** Null for what is no JSON object. */
function boundTo(account: string, said: string): string | null {
  let info: unknown;
  try {
    info = JSON.parse(textFromWire(said));
  } catch {
    return null;
  }
  if (typeof info !== "object" || info === null || Array.isArray(info)) return null;
  const fields = new Map(Object.entries(info)).set("acc", account);
  const known = knownFields.flatMap((name) => (fields.has(name) ? [[name, fields.get(name)]] : []));
  return wireFromText(JSON.stringify(Object.fromEntries(known)));
}
