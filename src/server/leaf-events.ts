/**
 * Links that come and go, told in the system account: `$SYS.ACCOUNT.<account>.CONNECT` and `….DISCONNECT`.
 * Source: nats-server `ConnectEventMsg`, `DisconnectEventMsg`, in their order of fields.
 */
import { encodeJson } from "../base/json.ts";
import { formatMs } from "../base/timestamp.ts";
import type { Account } from "../broker/account.ts";
import type { Broker } from "../broker/broker.ts";
import type { Publisher } from "../broker/publisher.ts";
import type { ClosedSession, SessionFacts } from "../broker/session.ts";
import type { Options } from "../config/options.ts";
import { wireFromText } from "../subjects/subject.ts";
import type { FlushPass } from "../transport/flush-pass.ts";
import type { ServerIdentity } from "./server-info.ts";
import { natsVersion } from "../base/version.ts";

interface LeafEventParts {
  readonly broker: Broker;
  readonly pass: FlushPass;
  readonly publisher: Publisher;
  readonly identity: ServerIdentity;
  readonly options: () => Options;
  readonly nuid: () => string;
}

const typePrefix = "io.nats.server.advisory.v1.client_";
/** Bits of nats-server's `ServerCapability`: streams, and their snapshots in binary. */
const streamFlags = 3;

export class LeafEvents {
  readonly #parts: LeafEventParts;
  #lastSeq = 0;

  constructor(parts: LeafEventParts) {
    this.#parts = parts;
    parts.broker.observe({ onClose: (closed) => this.#onClose(closed) });
  }

  onJoined(link: SessionFacts): void {
    if (link.account !== null) this.#publish(link.account, "CONNECT", { client: clientFields(link, null) });
  }

  #onClose({ session, account, reason, stopMs }: ClosedSession): void {
    if (session.kind !== "Leafnode" || account === null) return;
    this.#publish(account, "DISCONNECT", {
      client: clientFields(session, stopMs),
      sent: { msgs: session.inMessages, bytes: session.inBytes },
      received: { msgs: session.outMessages, bytes: session.outBytes },
      reason,
    });
  }

  /** Soon, since whoever calls may be in the middle of a delivery. */
  #publish(account: Account, what: "CONNECT" | "DISCONNECT", event: object): void {
    const { broker, pass, publisher, options, nuid } = this.#parts;
    pass.defer("announce", () => {
      const { systemAccount } = options();
      const system = systemAccount === null ? undefined : broker.accounts.get(systemAccount);
      if (system === undefined) return;
      const body = {
        type: `${typePrefix}${what.toLowerCase()}`,
        id: nuid(),
        timestamp: formatMs(broker.clock.wallMs()),
        server: this.#server(),
        ...event,
      };
      const subject = wireFromText(`$SYS.ACCOUNT.${account.name}.${what}`);
      publisher.publish(system, subject, "", null, Buffer.from(encodeJson(body, false), "utf8"));
    });
  }

  #server(): object {
    const { broker, identity, options } = this.#parts;
    const { host, serverTags, jetstream } = options();
    return {
      name: identity.name,
      host,
      id: identity.id,
      ...(jetstream !== null && jetstream.domain !== null && { domain: jetstream.domain }),
      ver: natsVersion,
      ...(serverTags.length > 0 && { tags: serverTags }),
      jetstream: jetstream !== null,
      flags: jetstream === null ? 0 : streamFlags,
      seq: ++this.#lastSeq,
      time: formatMs(broker.clock.wallMs()),
    };
  }
}

/** @param stopMs null while it is there */
function clientFields(link: SessionFacts, stopMs: number | null): object {
  const { startMs, address, id, account, authorizedUser, name, version, rttMs, kind } = link;
  return {
    start: formatMs(startMs),
    host: address,
    id,
    acc: account?.name ?? "",
    ...(authorizedUser !== null && authorizedUser !== "" && { user: authorizedUser }),
    ...(name !== "" && { name }),
    ...(version !== "" && { ver: version }),
    ...(stopMs !== null && rttMs !== null && { rtt: Math.round(rttMs * 1e6) }),
    ...(stopMs !== null && { stop: formatMs(stopMs) }),
    kind,
  };
}
