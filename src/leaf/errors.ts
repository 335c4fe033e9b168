/** What can go wrong between the ends of a link, with nats-server's texts, since the other end looks for words in them. */
import { whoText } from "../broker/refusal-rules.ts";
import type { SessionFacts } from "../broker/session.ts";
import { ProtocolError, quote } from "../protocol/errors.ts";
import { wireFromText } from "../subjects/subject.ts";

/** How long a leaf waits after these before it dials again; see {@link reconnectDelayMs}. */
const longDelayMs = 30_000;
const versionDelayMs = 5_000;

const sameCluster = "remote leafnode has same cluster name";
const loopDetected = "Loop detected";
/** What nats-server calls the absence of a cluster in its accounting. */
const reservedClusterName = "_";
const minVersionRejected = "connection rejected since minimum version required is";

export const wrongPort = (): ProtocolError =>
  new ProtocolError(null, "Incorrect Port", "attempted to connect to wrong port");
export const clientOnLeafPort = (): ProtocolError =>
  new ProtocolError("attempted to connect to leaf node port", "Incorrect Port");
export const gatewayOnLeafPort = (name: string): ProtocolError =>
  new ProtocolError(
    `Rejecting connection from gateway ${quote(wireFromText(name))} on the leafnode port`,
    "Wrong Gateway",
  );
export const sameClusterName = (): ProtocolError => new ProtocolError(sameCluster, "Cluster Names Identical");
export const replacedByNewer = (): ProtocolError =>
  new ProtocolError("Duplicate Remote LeafNode Connection", "Duplicate Remote LeafNode Connection");
export const versionTooOld = (least: string): ProtocolError =>
  new ProtocolError(`${minVersionRejected} "${least}"`, "Minimum Version Required");
export const loopFound = (account: string): ProtocolError =>
  new ProtocolError(
    `${loopDetected} for leafnode account=${quote(wireFromText(account))}. Delaying attempt to reconnect for 30s`,
    "Protocol Violation",
  );
export const publishRefused = (subject: string, link: SessionFacts, rule: string): ProtocolError =>
  refused(`Permissions Violation for Publish to ${quote(subject)}`, link, rule);
export const subscribeRefused = (subject: string, link: SessionFacts, rule: string): ProtocolError =>
  refused(`Permissions Violation for Subscription to ${quote(subject)}`, link, rule);
export const staleHandshake = (): ProtocolError =>
  new ProtocolError("Stale Leaf Node Connection - Closing", "Stale Connection");
export const noFirstInfo = (): ProtocolError =>
  new ProtocolError(null, "Stale Connection", "no INFO came in time");
export const notALeafPeer = (name: string): ProtocolError =>
  new ProtocolError("Authorization Violation", "Protocol Violation", `${name} before the link was made`);

/** @param rule "" where the user's permissions allow it: then it is something that no link carries */
function refused(text: string, link: SessionFacts, rule: string): ProtocolError {
  const detail = `${whoText(link)}, ${rule === "" ? "links do not carry it" : rule}`;
  return new ProtocolError(text, "Protocol Violation", detail);
}

/** @throws ProtocolError for a name that no cluster can have */
export function checkClusterName(name: string): void {
  if (name.includes(" ")) throw new ProtocolError("cluster name cannot contain spaces", "Protocol Violation");
  if (name === reservedClusterName) throw new ProtocolError("cluster name is reserved", "Protocol Violation");
}

/** How long the one who dials waits because of an `-ERR`, or of an error that it found itself; null: as ever. */
export function reconnectDelayMs(text: string): number | null {
  if (text.includes(sameCluster) || text.includes(loopDetected)) return longDelayMs;
  return text.includes(minVersionRejected) ? versionDelayMs : null;
}

/** A hub that dials and finds that its leaf does what it may not. */
export const violationDelayMs = longDelayMs;

/** An `-ERR` after which this end closes too; the others say why the other end does. */
export function endsLink(text: string): boolean {
  return text.includes(loopDetected);
}
