/**
 * The end of a link that was dialled: greets with INFO, hears CONNECT within a bounded time, finds out which account
 * the leaf is bound to, answers with a second INFO, and tells its interest.
 */
import { isDeepStrictEqual } from "node:util";
import { clientCertificateFromDer } from "../auth/certificate.ts";
import { attemptText } from "../auth/attempt.ts";
import { areGiven, maySurvive } from "../auth/identity.ts";
import type { Authenticator, AuthRequest, AuthResult, Identity } from "../auth/identity.ts";
import { filterForAccepted } from "./filter-rules.ts";
import type { Deadline } from "../base/clock.ts";
import {
  accountConnectionsExceeded,
  authenticationTimeout,
  authorizationViolation,
  type ProtocolError,
} from "../protocol/errors.ts";
import {
  clientOnLeafPort,
  checkClusterName,
  gatewayOnLeafPort,
  notALeafPeer,
  replacedByNewer,
  sameClusterName,
  versionTooOld,
} from "./errors.ts";
import {
  decodeConnect,
  decodeInfo,
  encodePermissions,
  type LeafServerInfo,
  type ReceivedConnect,
} from "./info.ts";
import type { LeafLink, LinkHandshake } from "./link.ts";
import type { RegisteredLink } from "./registry.ts";

/** What links that come in by one listener share. A reload makes others. */
export interface AcceptingSettings {
  readonly authenticator: Authenticator;
  /** Null: any. */
  readonly minVersion: string | null;
  readonly authTimeoutMs: number;
  readonly info: LeafServerInfo;
  /** A fresh nonce for INFO. */
  readonly nonce: () => string;
}

export class AcceptingHandshake implements LinkHandshake {
  readonly #link: LeafLink;
  /** Those of now; a reload replaces them. */
  readonly #settings: () => AcceptingSettings;
  readonly #nonce: string;
  /** Of a link that is open. */
  #leaf: { readonly connect: ReceivedConnect; readonly identity: Identity } | null = null;
  #deadline: Deadline | null = null;
  /** Who was refused, and why, for the log. */
  #refusal = "";
  #state: "expecting" | "checking" | "open" | "closed" = "expecting";

  constructor(link: LeafLink, settings: () => AcceptingSettings) {
    this.#link = link;
    this.#settings = settings;
    this.#nonce = settings().nonce();
    link.parser.expect("connect");
  }

  onGreet(): void {
    this.#link.sayInfo({ ...this.#info(), nonce: this.#nonce });
  }

  onReady(): void {
    const { clock } = this.#link.context.broker;
    this.#deadline = clock.after(this.#settings().authTimeoutMs, () => {
      if (this.#state === "expecting" || this.#state === "checking") this.#link.fail(authenticationTimeout());
    });
  }

  /** A leaf that is linked may tell what has changed; nothing of that matters here, but it must be in order. */
  onInfo(json: Buffer): void {
    if (this.#state !== "open") throw notALeafPeer("INFO");
    checkClusterName(decodeInfo(json).cluster);
  }

  onConnect(json: Buffer): void {
    if (this.#state !== "expecting") return;
    const connect = decodeConnect(json);
    const { clusterName } = this.#link.context;
    if (connect.language !== "") throw clientOnLeafPort();
    checkClusterName(connect.cluster);
    if (connect.gateway !== "") throw gatewayOnLeafPort(connect.gateway);
    this.#decide(connect, this.#authenticate(connect), clusterName);
  }

  /**
   * Asks again who the leaf is, with what it has said. One that is not who it was is refused; one whose permissions are
   * others is told so by a link that it makes anew.
   */
  async reauthenticate(): Promise<void> {
    const { authenticator } = this.#settings();
    const link = this.#link;
    if (this.#leaf === null) return;
    const { connect, identity: before } = this.#leaf;
    const identity = await this.#authenticate(connect);
    // Another reload, which asks for itself, may have come between.
    if (this.#state !== "open" || this.#settings().authenticator !== authenticator) return;
    const hasProven = areGiven(connect.credentials) || (link.tls?.peerCertificate ?? null) !== null;
    const account = link.context.broker.accounts.get(before.account);
    if (!maySurvive(before, identity, hasProven) || account !== link.account)
      return link.attempt(() => {
        throw authorizationViolation();
      });
    if (isDeepStrictEqual(identity.permissions?.options, before.permissions?.options)) return;
    link.context.log.info(`${link.label} - Leafnode connection is made anew: its permissions have changed`);
    link.close("Client Closed");
  }

  onError(): void {}

  onFailure(_error: ProtocolError): void {}

  onClose(): void {
    this.#state = "closed";
    this.#deadline?.cancel();
  }

  #info(): LeafServerInfo & Record<string, unknown> {
    const { id, connection } = this.#link;
    const { address, port } = connection.peer;
    const shown = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
    return { ...this.#settings().info, client_id: id, client_ip: address, ip: shown };
  }

  #authenticate({ credentials }: ReceivedConnect): AuthResult {
    const { connection, isWebSocket } = this.#link;
    const der = connection.tls?.peerCertificate ?? null;
    const request: AuthRequest = {
      credentials,
      connectionType: isWebSocket ? "LEAFNODE_WS" : "LEAFNODE",
      nonce: this.#nonce,
      certificate: der === null ? null : clientCertificateFromDer(der),
      isWanted: () => !connection.closed,
      onRefused: (rule) => (this.#refusal = `${attemptText(request)}: ${rule}`),
    };
    return this.#settings().authenticator.authenticate(request);
  }

  #decide(connect: ReceivedConnect, result: AuthResult, clusterName: string): void {
    if (!(result instanceof Promise)) return this.#welcome(connect, result, clusterName);
    const link = this.#link;
    this.#state = "checking";
    link.parser.pause();
    link.connection.pauseReading();
    const { authenticator } = this.#settings();
    const decided = result.then((identity) => {
      if (this.#state !== "checking") return;
      link.attempt(() => {
        // After a reload nobody comes in by what held before.
        if (this.#settings().authenticator !== authenticator)
          return this.#decide(connect, this.#authenticate(connect), clusterName);
        this.#welcome(connect, identity, clusterName);
        link.connection.resumeReading();
        link.parser.resume();
      });
    });
    decided.catch((error: unknown) => link.context.broker.clock.onFault(error));
  }

  /** The reference server asks who it is first, and then what else is in its way. */
  #welcome(connect: ReceivedConnect, identity: Identity | null, clusterName: string): void {
    const link = this.#link;
    const { broker, systemAccount, settings, registry, log } = link.context;
    const account = identity === null ? undefined : broker.accounts.get(identity.account);
    if (identity === null || account === undefined) throw authorizationViolation(this.#refusal);
    if (clusterName !== "" && connect.cluster === clusterName) throw sameClusterName();
    const answer = {
      ...this.#info(),
      ...encodePermissions(identity.permissions?.options ?? null),
      remote_account: account.name,
      ...(account.name === systemAccount && { acc_is_sys: true }),
      connect_info: true,
    };
    const { minVersion } = this.#settings();
    if (minVersion !== null && !isAtLeast(connect.version, minVersion)) {
      link.sayInfo(answer);
      throw versionTooOld(minVersion);
    }
    const { maxConnections } = account.limits;
    if (maxConnections >= 0 && account.connectionCount >= maxConnections)
      throw accountConnectionsExceeded(`account ${JSON.stringify(account.name)} allows ${maxConnections}`);
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#state = "open";
    this.#leaf = { connect, identity };
    link.permissions = identity.permissions;
    link.authorizedUser = identity.user ?? (connect.credentials.user || null);
    link.sayInfo(answer);
    for (const other of [...registry.of(account).links]) {
      if (!isReplacedBy(other, connect)) continue;
      log.warn(`${link.label} - Replacing connection from same server: ${connect.name}`);
      other.fail(replacedByNewer());
    }
    const facts = {
      name: connect.name || connect.serverId,
      version: connect.version,
      cluster: connect.cluster,
      domain: connect.domain,
      account: connect.remoteAccount,
      headers: connect.headers && settings.headers,
      isSpoke: connect.isHub,
      isIsolated: settings.isolatesInterest || connect.isolate,
    };
    link.join(account, facts, filterForAccepted(link, account.name, identity.permissions, connect));
    link.context.onJoined(link);
    log.info(
      `${link.label} - Leafnode connection accepted from ${facts.name || "an unnamed server"} for account ${account.name}`,
    );
  }
}

/** A link that has been made anew from the same place, before this end noticed that the old one is gone. */
function isReplacedBy(other: RegisteredLink, { name, cluster, remoteAccount }: ReceivedConnect): boolean {
  const { facts } = other;
  return (
    !other.isDialed &&
    name !== "" &&
    remoteAccount !== "" &&
    facts.name === name &&
    facts.cluster === cluster &&
    facts.account === remoteAccount
  );
}

function isAtLeast(version: string, least: string): boolean {
  const parts = (text: string): number[] => (/^v?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
  const [has, needs] = [parts(version), parts(least)];
  for (let at = 0; at < 3; at++) {
    const difference = (has[at] ?? 0) - (needs[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
