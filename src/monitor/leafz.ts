/**
 * `/leafz`: the links there are. Where this broker dials hubs, `remotes` is added, which nats-server does not have: for
 * each hub whether there is a link, and if not, why, and when it is tried again. `awaited_answers` of a link is ours too:
 * how many mirrors and sources at the other end wait for an answer.
 */
import type { ForwardedStatus } from "../leaf/forward/forwarded-stream.ts";
import { awaitedAnswers } from "../leaf/awaited-answers.ts";
import { LeafLink } from "../leaf/link.ts";
import type { RemoteStatus } from "../leaf/remote.ts";
import { textFromWire } from "../subjects/subject.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { booleanOption } from "./query.ts";
import { roundTripText, timestampText } from "./time-format.ts";

export function leafz({ context, query }: EndpointQuestion): Answer {
  const { broker } = context;
  const withSubscriptions = booleanOption(query, "subs");
  const account = query.get("acc") ?? "";
  const links = [...broker.sessions.values()].filter(
    (session): session is LeafLink =>
      session instanceof LeafLink &&
      session.account !== null &&
      (account === "" || session.account.name === account),
  );
  const remotes = (context.leafRemotes?.() ?? []).filter(
    (remote) => account === "" || remote.account === account,
  );
  return {
    value: {
      server_id: context.info().server_id,
      now: timestampText(broker.clock.wallMs()),
      leafnodes: links.length,
      leafs: links.map((link) => linkFields(link, withSubscriptions)),
      ...(remotes.length > 0 && { remotes: remotes.map(remoteFields) }),
    },
  };
}

function linkFields(link: LeafLink, withSubscriptions: boolean): object {
  const { facts } = link;
  const awaited = awaitedAnswers(link);
  return {
    id: link.id,
    name: facts.name,
    is_spoke: facts.isSpoke,
    ...(facts.isIsolated && { is_isolated: true }),
    account: link.account?.name ?? "",
    ip: link.address,
    port: link.port,
    rtt: roundTripText(link.rttMs),
    in_msgs: link.inMessages,
    out_msgs: link.outMessages,
    in_bytes: link.inBytes,
    out_bytes: link.outBytes,
    subscriptions: link.subscriptionCount,
    ...(withSubscriptions &&
      link.subscriptionCount > 0 && {
        subscriptions_list: Array.from(link.subscriptions(), ({ subject }) => textFromWire(subject)),
      }),
    compression: "off",
    ...(link.isWebSocket && { websocket: true }),
    ...(awaited > 0 && { awaited_answers: awaited }),
  };
}

function remoteFields(remote: RemoteStatus): object {
  const { account, url, link, downReason, nextAttemptMs, forwarded } = remote;
  const isLinked = link !== null && link.account !== null;
  return {
    account,
    url,
    connected: isLinked,
    ...(isLinked && { id: link.id }),
    ...(!isLinked && downReason !== "" && { reason: downReason }),
    ...(nextAttemptMs !== null && { next_attempt: timestampText(nextAttemptMs) }),
    ...(forwarded.length > 0 && { forward: forwarded.map(forwardedFields) }),
  };
}

function forwardedFields({ direction, stream, as, lag, problem, checkedMs }: ForwardedStatus): object {
  return {
    stream,
    direction,
    ...(as !== stream && { as }),
    ...(lag !== null && { lag }),
    ...(problem !== "" && { problem }),
    ...(checkedMs !== null && { checked: timestampText(checkedMs) }),
  };
}
