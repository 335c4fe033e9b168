/** Whose permissions are in the way: of publishing the message, and of subscribing to it at all. */
import { Permissions } from "../../auth/permissions.ts";
import { publishRule, subscribeRule } from "../../broker/refusal-rules.ts";
import type { Session, SessionPermissions } from "../../broker/session.ts";
import type { Options, PermissionsOptions } from "../../config/options.ts";
import { isReservedSubject } from "../../subjects/reserved.ts";
import {
  countText,
  isAskedAbout,
  listExplanations,
  sessionText,
  type ExplainQuestion,
  type ExplainedReceiver,
  type Verdict,
} from "./explained-route.ts";

/** A set of permissions and the connections that have it. */
interface Holder {
  readonly user: string | null;
  readonly permissions: SessionPermissions;
  /** Empty for a user that is asked about and not connected. */
  readonly sessions: Session[];
}

export function explainPermissions(question: ExplainQuestion): ExplainedReceiver[] {
  const holders = connectedHolders(question);
  const absent = absentUser(question);
  if (absent.holder !== null) holders.push(absent.holder);
  return [
    ...explainedReserved(question),
    ...explainPublish(question, holders),
    ...explainSubscribe(question, holders),
    ...absent.explanations,
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
function absentUser(question: ExplainQuestion): { holder: Holder | null; explanations: ExplainedReceiver[] } {
  const { user, account, broker, options } = question;
  if (user === null) return { holder: null, explanations: [] };
  for (const session of broker.sessions.values())
    if (session.account === account && session.authorizedUser === user)
      return { holder: null, explanations: [] };
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
    explanations: [
      { verdict: "note", text, count: 1, facts: { kind: "absent_user", user, configured: known } },
    ],
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

const refusals = {
  cannot_publish: "may not publish it",
  cannot_subscribe: "may not subscribe to it",
} as const;

function explainedReserved({ subject }: ExplainQuestion): ExplainedReceiver[] {
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

function explainPublish(question: ExplainQuestion, holders: readonly Holder[]): ExplainedReceiver[] {
  const { subject } = question;
  return listExplanations(
    question,
    holders.filter(({ permissions }) => !permissions.canPublish(subject)),
    (holder) =>
      explainedRefusal(question, "cannot_publish", holder, publishRule(holder.permissions, subject)),
    (count) => explainedRest("cannot_publish", count),
  );
}

/** Those that are subscribed to it are none of these, whatever their permissions have become. */
function explainSubscribe(question: ExplainQuestion, holders: readonly Holder[]): ExplainedReceiver[] {
  const { subject, account, sessions } = question;
  const subscribed = new Set(account.matches(subject).map(({ subscriber }) => sessions.get(subscriber)));
  const refused = holders.flatMap((holder) => {
    if (holder.permissions.canSubscribe(subject, null)) return [];
    const without = holder.sessions.filter((session) => !subscribed.has(session));
    return without.length === 0 && holder.sessions.length > 0 ? [] : [{ ...holder, sessions: without }];
  });
  return listExplanations(
    question,
    refused,
    (holder) =>
      explainedRefusal(
        question,
        "cannot_subscribe",
        holder,
        subscribeRule(holder.permissions, subject, null),
      ),
    (count) => explainedRest("cannot_subscribe", count),
  );
}

function explainedRefusal(
  { listMax }: ExplainQuestion,
  verdict: keyof typeof refusals,
  { user, sessions }: Holder,
  why: string,
): ExplainedReceiver {
  const ids = sessions.slice(0, listMax).map(({ id }) => id);
  const only = sessions.length === 1 ? sessions[0] : undefined;
  const more = sessions.length > ids.length ? " and more" : "";
  const who =
    only === undefined
      ? `${user === null ? "whoever has no user name" : `user ${user}`}${ids.length === 0 ? "" : ` (cid ${ids.join(", ")}${more})`}`
      : sessionText(only);
  return {
    verdict,
    text: `${who} ${refusals[verdict]}: ${why}`,
    count: Math.max(1, sessions.length),
    facts: { kind: "permissions", ...(user !== null && { user }), cids: ids, reason: why },
  };
}

function explainedRest(verdict: Verdict, count: number): ExplainedReceiver {
  return { verdict, text: `${countText(count, "more user")}`, count, facts: { kind: "rest" } };
}
