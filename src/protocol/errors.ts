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
  | "Kicked";

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
export const authorizationViolation = (): ProtocolError =>
  new ProtocolError("Authorization Violation", "Authentication Failure");
export const authenticationTimeout = (): ProtocolError =>
  new ProtocolError("Authentication Timeout", "Authentication Timeout");
export const staleConnection = (): ProtocolError => new ProtocolError("Stale Connection", "Stale Connection");
export const connectionsExceeded = (): ProtocolError =>
  new ProtocolError("maximum connections exceeded", "Maximum Connections Exceeded");
export const accountConnectionsExceeded = (): ProtocolError =>
  new ProtocolError("maximum account active connections exceeded", "Maximum Account Connections Exceeded");
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

/** A wire string in Go's `%q` form: quoted, with `"`, `\` and what cannot be printed escaped. Valid UTF-8 stays as it is. */
export function quote(wire: string): string {
  let quoted = '"';
  const text = Buffer.from(wire, "latin1").toString("utf8");
  if (text.includes("\ufffd")) {
    for (const char of wire) quoted += char >= "\x7f" ? hexEscape(char) : escapeAscii(char);
    return `${quoted}"`;
  }
  for (const char of text) quoted += escapeAscii(char);
  // Back to one character a byte, as everything that is sent.
  return Buffer.from(`${quoted}"`, "utf8").toString("latin1");
}

const namedEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

function escapeAscii(char: string): string {
  return namedEscapes[char] ?? (char < " " || char === "\x7f" ? hexEscape(char) : char);
}

function hexEscape(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
