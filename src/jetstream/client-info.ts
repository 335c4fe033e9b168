/** Who asked for something, as advisories tell it. Source: nats-server `ClientInfo`, in its order of fields. */
import { formatMs } from "../base/timestamp.ts";
import type { SessionFacts } from "../broker/session.ts";

/** @param session null for the broker itself */
export function clientInfo(session: SessionFacts | null, account: string, serverName: string): object {
  if (session === null) return { acc: account, server: serverName };
  const { address, id, authorizedUser, name, language, version, rttMs, kind, type } = session;
  return {
    start: formatMs(session.startMs),
    ...(address !== "" && { host: address }),
    id,
    acc: account,
    ...(authorizedUser !== null && authorizedUser !== "" && { user: authorizedUser }),
    ...(name !== "" && { name }),
    ...(language !== "" && { lang: language }),
    ...(version !== "" && { ver: version }),
    ...(rttMs !== null && { rtt: Math.round(rttMs * 1_000_000) }),
    server: serverName,
    kind,
    ...(type !== null && { client_type: type }),
  };
}
