/** Which rule of somebody's permissions refuses a subject, in words: for the log and for explain. Subjects are wire strings. */
import { isCoveredBy, textFromWire } from "../subjects/subject.ts";
import type { SessionFacts, SessionPermissions } from "./session.ts";

const patternsShownMax = 5;

/** `user "ann", account "A"` */
export function whoText({
  authorizedUser,
  account,
}: Pick<SessionFacts, "authorizedUser" | "account">): string {
  const user = authorizedUser === null ? "no user" : `user ${JSON.stringify(authorizedUser)}`;
  return account === null ? user : `${user}, account ${JSON.stringify(account.name)}`;
}

/** Why `subject` may not be published to; "" when it may. */
export function publishRule(permissions: SessionPermissions | null, subject: string): string {
  if (permissions === null || permissions.canPublish(subject)) return "";
  const { allow, deny } = permissions.options.publish;
  const denied = deny?.find((pattern) => isCoveredBy(subject, pattern));
  const answers = permissions.responses === null ? "" : "; it may answer requests that it has received";
  if (denied !== undefined) return `denied by ${quoted(denied)}${answers}`;
  if (allow === null || allow.length === 0) return `nothing is allowed${answers}`;
  return `allowed is only ${patternList(allow)}${answers}`;
}

/** Why `subject` may not be subscribed to; "" when it may. */
export function subscribeRule(
  permissions: SessionPermissions | null,
  subject: string,
  queue: string | null,
): string {
  if (permissions === null || permissions.canSubscribe(subject, queue)) return "";
  const deny = permissions.denyInTheWay(subject, queue);
  if (deny !== null) return `denied by ${quoted(deny)}`;
  const allow = permissions.options.subscribe.allow ?? [];
  const queues = allow
    .filter((pattern) => pattern.queue !== null && isCoveredBy(subject, pattern.subject))
    .map((pattern) => pattern.queue as string);
  if (queues.length > 0) return `allowed is only queue group ${patternList(queues)}`;
  if (allow.length === 0) return "nothing is allowed";
  return `allowed is only ${patternList(allow.map((pattern) => pattern.subject))}`;
}

function patternList(patterns: readonly string[]): string {
  const shown = patterns.slice(0, patternsShownMax).map(quoted).join(", ");
  const more = patterns.length - patternsShownMax;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function quoted(wire: string): string {
  return JSON.stringify(textFromWire(wire));
}
