/** Whose permissions are in the way: of publishing the message, and of subscribing to it at all. */
import { Permissions } from "../../auth/permissions.ts";
import { publishRule, subscribeRule } from "../../broker/refusal-rules.ts";
import type { Session, SessionPermissions } from "../../broker/session.ts";
import type { Options, PermissionsOptions } from "../../config/options.ts";
import { isReservedSubject } from "../../subjects/reserved.ts";
import {
  countText,
  isAskedAbout,
  listFindings,
  sessionText,
  type ExplainQuestion,
  type Finding,
  type Verdict,
} from "./explained-route.ts";

/** A set of permissions and the connections that have it. */
interface Holder {
  readonly user: string | null;
  readonly permissions: SessionPermissions;
  /** Empty for a user that is asked about and not connected. */
  readonly sessions: Session[];
}

export function explainPermissions(question: ExplainQuestion): Finding[] {
  const holders = connectedHolders(question);
  const absent = absentUser(question);
  if (absent.holder !== null) holders.push(absent.holder);
  return [
    ...reservedFinding(question),
    ...publishFindings(question, holders),
    ...subscribeFindings(question, holders),
    ...absent.findings,
  ];
}

/** One for each user, as far as its connections share their permissions. */
function connectedHolders(question: ExplainQuestion): Holder[] {
  const holders = new Map<SessionPermissions, Map<string | null, Holder>>();
  for (const session of question.broker.sessions.values()) {
    const { permissions, authorizedUser: user } = session;
    if (session.account !== question.account || permissions === null) continue;
    if (!isAskedAbout(question, session)) continue;
    let byUser = holders.get(permissions);
    if (byUser === undefined) holders.set(permissions, (byUser = new Map()));
    const holder = byUser.get(user);
    if (holder === undefined) byUser.set(user, { user, permissions, sessions: [session] });
    else holder.sessions.push(session);
  }
  return [...holders.values()].flatMap((byUser) => [...byUser.values()]);
}

/** The user asked about when it has no connection: what the configuration says of it. */
function absentUser(question: ExplainQuestion): { holder: Holder | null; findings: Finding[] } {
  const { user, account, broker, options } = question;
  if (user === null) return { holder: null, findings: [] };
  for (const session of broker.sessions.values())
    if (session.account === account && session.authorizedUser === user) return { holder: null, findings: [] };
  const permissions = configuredPermissions(options, user, account.name);
  const known = permissions !== undefined;
  const text = known
    ? `user ${user} has no connection in account ${account.name} now`
    : `nobody called ${user} is connected in account ${account.name}, and no such user is configured there`;
  return {
    holder:
      known && permissions !== null
        ? { user, permissions: new Permissions(permissions), sessions: [] }
        : null,
    findings: [{ verdict: "note", text, count: 1, facts: { kind: "absent_user", user, configured: known } }],
  };
}

/** Undefined for an unknown user, null for one that may do everything. */
function configuredPermissions(
  { authorization }: Options,
  name: string,
  account: string,
): PermissionsOptions | null | undefined {
  const user = authorization.users?.find((known) => known.user === name && known.account === account);
  const nkey = authorization.nkeys?.find((known) => known.nkey === name && known.account === account);
  return user === undefined ? nkey?.permissions : user.permissions;
}

function reservedFinding({ subject }: ExplainQuestion): Finding[] {
  if (!isReservedSubject(subject)) return [];
  const prefix = subject.slice(0, subject.indexOf(".") + 1);
  return [
    {
      verdict: "cannot_publish",
      text: `no client may publish below ${JSON.stringify(prefix)}, which is the server's own`,
      count: 1,
      facts: { kind: "reserved", prefix },
    },
  ];
}

function publishFindings(question: ExplainQuestion, holders: readonly Holder[]): Finding[] {
  const { subject } = question;
  return listFindings(
    question,
    holders.filter(({ permissions }) => !permissions.canPublish(subject)),
    ({ user, permissions, sessions }) => {
      const why = publishRule(permissions, subject);
      return refusalFinding("cannot_publish", "may not publish it", why, user, sessions, question.listMax);
    },
    (count) => restFinding("cannot_publish", count),
  );
}

/** Those that are subscribed to it are none of these, whatever their permissions have become. */
function subscribeFindings(question: ExplainQuestion, holders: readonly Holder[]): Finding[] {
  const { subject, account, sessions } = question;
  const subscribed = new Set(account.matches(subject).map(({ subscriber }) => sessions.get(subscriber)));
  const refused = holders.flatMap((holder) => {
    if (holder.permissions.canSubscribe(subject, null)) return [];
    const without = holder.sessions.filter((session) => !subscribed.has(session));
    return without.length === 0 && holder.sessions.length > 0 ? [] : [{ ...holder, sessions: without }];
  });
  return listFindings(
    question,
    refused,
    (holder) => {
      const why = subscribeRule(holder.permissions, subject, null);
      const { user, sessions: refusedSessions } = holder;
      return refusalFinding(
        "cannot_subscribe",
        "may not subscribe to it",
        why,
        user,
        refusedSessions,
        question.listMax,
      );
    },
    (count) => restFinding("cannot_subscribe", count),
  );
}

function refusalFinding(
  verdict: Verdict,
  what: string,
  why: string,
  user: string | null,
  sessions: readonly Session[],
  listMax: number,
): Finding {
  const ids = sessions.slice(0, listMax).map(({ id }) => id);
  const only = sessions.length === 1 ? sessions[0] : undefined;
  const more = sessions.length > ids.length ? " and more" : "";
  const who =
    only === undefined
      ? `${user === null ? "whoever has no user name" : `user ${user}`}${ids.length === 0 ? "" : ` (cid ${ids.join(", ")}${more})`}`
      : sessionText(only);
  return {
    verdict,
    text: `${who} ${what}: ${why}`,
    count: Math.max(1, sessions.length),
    facts: { kind: "permissions", ...(user !== null && { user }), cids: ids, reason: why },
  };
}

function restFinding(verdict: Verdict, count: number): Finding {
  return { verdict, text: `${countText(count, "more user")}`, count, facts: { kind: "rest" } };
}
