/**
 * What a peer can do wrong, with the text it is told and the reason that monitoring shows. Texts and reasons are the
 * reference server's, since clients and dashboards compare them.
 */

export type CloseReason =
  | "Client Closed"
  | "Authentication Timeout"
  | "Authentication Failure"
  | "TLS Handshake Failure"
  | "Slow Consumer (Pending Bytes)"
  | "Slow Consumer (Write Deadline)"
  | "Write Error"
  | "Read Error"
  | "Parse Error"
  | "Stale Connection"
  | "Protocol Violation"
  | "Bad Client Protocol Version"
  | "Maximum Connections Exceeded"
  | "Maximum Account Connections Exceeded"
  | "Maximum Message Payload Exceeded"
  | "Maximum Control Line Exceeded"
  | "Maximum Subscriptions Exceeded"
  | "Server Shutdown"
  | "Authentication Expired"
  | "Missing Account"
  | "Credentials Revoked"
  | "Message Header Violation"
  | "No Responders Requires Headers"
  | "Kicked"
  | "Incorrect Port"
  | "Wrong Gateway"
  | "Duplicate Remote LeafNode Connection"
  | "Minimum Version Required"
  | "Cluster Names Identical";

/** The peer's fault, and fatal: it gets `-ERR '<text>'` (unless `text` is null) and is closed for `reason`. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** Null: the reference server closes without a word. */
  readonly text: string | null;
  readonly reason: CloseReason;

  constructor(text: string | null, reason: CloseReason, detail = "") {
    super(detail === "" ? (text ?? reason) : `${text ?? reason}: ${detail}`);
    this.text = text;
    this.reason = reason;
  }
}

/** The payload that was refused is still on its way. */
export function isMidPayload({ reason }: ProtocolError): boolean {
  return reason === "Maximum Message Payload Exceeded";
}

export const unknownOperation = (detail: string): ProtocolError =>
  new ProtocolError("Unknown Protocol Operation", "Protocol Violation", detail);
/** Wrong number of arguments, a bad size, bad CONNECT JSON. */
export const malformed = (detail: string): ProtocolError =>
  new ProtocolError(null, "Protocol Violation", detail);
export const controlLineTooLong = (): ProtocolError =>
  new ProtocolError("maximum control line exceeded", "Maximum Control Line Exceeded");
export const payloadTooLarge = (bytes: number, bytesMax: number): ProtocolError =>
  new ProtocolError(
    "Maximum Payload Violation",
    "Maximum Message Payload Exceeded",
    `${bytes} > ${bytesMax} bytes`,
  );
/** @param detail for the log: who tried, and which rule refused */
export const authorizationViolation = (detail = ""): ProtocolError =>
  new ProtocolError("Authorization Violation", "Authentication Failure", detail);
export const authenticationTimeout = (): ProtocolError =>
  new ProtocolError("Authentication Timeout", "Authentication Timeout");
export const staleConnection = (): ProtocolError => new ProtocolError("Stale Connection", "Stale Connection");
export const connectionsExceeded = (): ProtocolError =>
  new ProtocolError("maximum connections exceeded", "Maximum Connections Exceeded");
export const accountConnectionsExceeded = (detail = ""): ProtocolError =>
  new ProtocolError(
    "maximum account active connections exceeded",
    "Maximum Account Connections Exceeded",
    detail,
  );
export const invalidClientProtocol = (): ProtocolError =>
  new ProtocolError("invalid client protocol", "Bad Client Protocol Version");
export const noRespondersRequiresHeaders = (): ProtocolError =>
  new ProtocolError("no responders requires headers support", "No Responders Requires Headers");

/** Errors that leave the connection open: the text between the quotes of `-ERR '…'`. */
export const recoverable = {
  invalidSubject: "Invalid Subject",
  invalidPublishSubject: "Invalid Publish Subject",
  subscriptionsExceeded: "maximum subscriptions exceeded",
  publishDenied: (subject: string) => `Permissions Violation for Publish to ${quote(subject)}`,
  replyDenied: (reply: string) => `Permissions Violation for Publish with Reply of ${quote(reply)}`,
  subscribeDenied: (subject: string, queue: string | null) =>
    queue === null
      ? `Permissions Violation for Subscription to ${quote(subject)}`
      : `Permissions Violation for Subscription to ${quote(subject)} using queue ${quote(queue)}`,
  tooManyTokens: (subject: string) =>
    `Permissions Violation for Subscription to ${quote(subject)}, too many tokens`,
} as const;

/**
 * A wire string in Go's `%q` form: quoted, with `"`, `\` and what cannot be printed escaped. Characters that are
 * printed stay as they are; bytes that are no UTF-8 are escaped one by one.
 */
export function quote(wire: string): string {
  let quoted = "";
  for (const [piece] of wire.matchAll(characters)) {
    const text = piece.length === 1 ? piece : Buffer.from(piece, "latin1").toString("utf8");
    if (piece.length === 1 && piece >= "\x80") quoted += hexEscape(piece);
    else if (text === '"' || text === "\\") quoted += `\\${text}`;
    else quoted += printable.test(text) ? piece : escape(text);
  }
  return `"${quoted}"`;
}

/** UTF-8 as bytes, in its shortest form and without surrogates; or else a single byte. */
const characters =
  // biome-ignore format: one line for each length
  /[\xc2-\xdf][\x80-\xbf]|(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]{2}|[^]/g;

/** What Go's `unicode.IsPrint` is true of: letters, marks, numbers, punctuation, symbols, and the plain blank. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const namedEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

function escape(char: string): string {
  const code = char.codePointAt(0) as number;
  if (code < 0x80) return namedEscapes[char] ?? hexEscape(char);
  const hex = code.toString(16);
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

function hexEscape(byte: string): string {
  return `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
