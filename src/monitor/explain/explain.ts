/**
 * `/explainz?subject=…[&account=…][&user=…][&limit=…]`: where a message published now would go, and where not and
 * why. An endpoint of Frond's own; nats-server has none like it.
 */
import type { Account } from "../../broker/account.ts";
import type { MappingDescription } from "../../subjects/mapping.ts";
import { hasWildcard, isValidSubject, textFromWire, wireFromText } from "../../subjects/subject.ts";
import { knownAccount } from "../accountz.ts";
import type { Answer, EndpointQuestion } from "../endpoint.ts";
import { explainOtherAccounts } from "./explain-accounts.ts";
import { explainDeparted } from "./explain-departed.ts";
import { explainNearMisses } from "./explain-near-misses.ts";
import { explainPermissions } from "./explain-permissions.ts";
import { explainSubscriptions } from "./explain-subscriptions.ts";
import {
  verdicts,
  type Explainer,
  type ExplainQuestion,
  type ExplainedReceiver,
  type Verdict,
} from "./explained-route.ts";
import type { MonitorContext } from "../readings.ts";
import { BadRequest, integerOption } from "../query.ts";
import { sessionsBySubscriber } from "../sessions.ts";
import { timestampText } from "../time-format.ts";

/** What is answered, as JSON. */
export interface Explanation {
  readonly server_id: string;
  readonly now: string;
  readonly subject: string;
  readonly user?: string;
  /** The one asked for, or all that have a connection or a subscription. */
  readonly accounts: readonly AccountExplanation[];
  /** Accounts that would have been too many to show. */
  readonly accounts_omitted?: number;
}

export interface AccountExplanation {
  readonly account: string;
  readonly connections: number;
  readonly subscriptions: number;
  /** Absent when no mapping covers the subject. */
  readonly mapping?: {
    readonly source: string;
    /** A destination without a subject is drawn anew for each message. */
    readonly destinations: readonly {
      readonly destination: string;
      readonly subject?: string;
      readonly percent: number;
    }[];
    readonly dropped_percent: number;
  };
  /** Where messages go; more than one place when a mapping has several destinations. */
  readonly routes: readonly RouteExplanation[];
}

export interface RouteExplanation {
  readonly subject: string;
  readonly percent: number;
  /** How many deliveries one message makes; 0 means that a requester is told so with status 503. */
  readonly deliveries: number;
  /** By verdict, in the order of `verdicts`. */
  readonly findings: readonly ExplainedReceiverJson[];
}

/** Further fields depend on `kind`, which says what of. */
export interface ExplainedReceiverJson extends Readonly<Record<string, unknown>> {
  readonly verdict: Verdict;
  readonly text: string;
  readonly count: number;
}

export const defaultExplainers: readonly Explainer[] = [
  explainSubscriptions,
  explainDeparted,
  explainNearMisses,
  explainPermissions,
  explainOtherAccounts,
];

const listMaxDefault = 50;
const listMaxMost = 1_000;
const accountsMax = 100;

export function explainz({ context, query, explainers }: EndpointQuestion): Answer {
  const subject = subjectOption(query);
  const user = query.get("user") ?? "";
  const wanted = query.get("account") ?? query.get("acc") ?? "";
  const limit = Number(integerOption(query, "limit"));
  const accounts = wanted === "" ? accountsInUse(context, user) : [knownAccount(context, wanted)];
  const { broker } = context;
  const nowMs = broker.clock.wallMs();
  const question = {
    broker,
    options: context.options(),
    stalls: context.stalls?.() ?? [],
    user: user === "" ? null : user,
    sessions: sessionsBySubscriber(broker),
    nowMs,
    listMax: limit > 0 ? Math.min(limit, listMaxMost) : listMaxDefault,
  };
  const shown = accounts.slice(0, accountsMax);
  const value: Explanation = {
    server_id: context.info().server_id,
    now: timestampText(nowMs),
    subject: textFromWire(subject),
    ...(user !== "" && { user }),
    accounts: shown.map((account) => explainAccount(explainers, { ...question, account, subject })),
    ...(accounts.length > shown.length && { accounts_omitted: accounts.length - shown.length }),
  };
  return { value };
}

function explainAccount(explainers: readonly Explainer[], question: ExplainQuestion): AccountExplanation {
  const { account, subject } = question;
  const mapping = account.mappings?.describe(subject) ?? null;
  const routes =
    mapping === null
      ? [explainRoute(explainers, question, 100)]
      : mapping.destinations.flatMap(({ subject: mapped, percent }) =>
          mapped === null ? [] : [explainRoute(explainers, { ...question, subject: mapped }, percent)],
        );
  return {
    account: account.name,
    connections: account.connectionCount,
    subscriptions: account.interest.size,
    ...(mapping !== null && { mapping: mappingShown(mapping) }),
    routes,
  };
}

function explainRoute(
  explainers: readonly Explainer[],
  question: ExplainQuestion,
  percent: number,
): RouteExplanation {
  const explanations = explainers.flatMap((explain) => explain(question));
  let deliveries = 0;
  for (const { verdict, count } of explanations) if (verdict === "receives") deliveries += count;
  if (deliveries === 0) explanations.push(explainedNobody);
  const ordered = verdicts.flatMap((verdict) =>
    explanations.filter((explained) => explained.verdict === verdict),
  );
  return {
    subject: textFromWire(question.subject),
    percent,
    deliveries,
    findings: ordered.map(({ verdict, text, count, facts }) => ({ verdict, text, count, ...facts })),
  };
}

const explainedNobody: ExplainedReceiver = {
  verdict: "note",
  text: "nobody receives it: a request is answered at once with 503 No Responders, if the client takes that",
  count: 1,
  facts: { kind: "no_receivers" },
};

function mappingShown({
  source,
  destinations,
  droppedPercent,
}: MappingDescription): NonNullable<AccountExplanation["mapping"]> {
  return {
    source: textFromWire(source),
    destinations: destinations.map(({ destination, subject, percent }) => ({
      destination: textFromWire(destination),
      ...(subject !== null && { subject: textFromWire(subject) }),
      percent,
    })),
    dropped_percent: droppedPercent,
  };
}

/** Those where something could come of it; all but the system's when there is nothing anywhere yet. */
function accountsInUse(context: MonitorContext, user: string): Account[] {
  const { broker } = context;
  const options = context.options();
  const all = [...broker.accounts.values()];
  if (user !== "") {
    const names = new Set<string>();
    for (const known of options.authorization.users ?? []) if (known.user === user) names.add(known.account);
    for (const known of options.authorization.nkeys ?? []) if (known.nkey === user) names.add(known.account);
    for (const session of broker.sessions.values())
      if (session.authorizedUser === user && session.account !== null) names.add(session.account.name);
    if (names.size > 0) return all.filter(({ name }) => names.has(name));
  }
  const used = all.filter(({ connectionCount, interest }) => connectionCount > 0 || interest.size > 0);
  return used.length > 0 ? used : all.filter(({ name }) => name !== options.systemAccount);
}

/** @throws BadRequest */
function subjectOption(query: URLSearchParams): string {
  const text = query.get("subject") ?? "";
  if (text === "") throw new BadRequest("say which subject: /explainz?subject=orders.new");
  const subject = wireFromText(text);
  if (!isValidSubject(subject) || text.includes("\0"))
    throw new BadRequest(
      `${JSON.stringify(text)} is not a subject: tokens between dots must not be empty, and hold no white space`,
    );
  if (hasWildcard(subject)) {
    const literal = subject
      .split(".")
      .map((token) => (token === "*" || token === ">" ? "x" : token))
      .join(".");
    throw new BadRequest(
      `${JSON.stringify(text)} has a wildcard, but a message is published on one subject: ask for one, such as ${JSON.stringify(textFromWire(literal))}`,
    );
  }
  return subject;
}
