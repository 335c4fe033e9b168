/**
 * The end of a link that dials: hears INFO within a bounded time, goes over to TLS where that is asked for, says
 * CONNECT, and tells its interest once the hub has let it in.
 */
import type { Account } from "../broker/account.ts";
import type { Deadline } from "../base/clock.ts";
import type { LeafRemoteOptions, LeafUrl } from "../config/leafnode-options.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { textFromWire } from "../subjects/subject.ts";
import type { Dialed } from "../transport/tcp/dialer.ts";
import { proofOf } from "./credentials.ts";
import {
  checkClusterName,
  endsLink,
  loopFound,
  noFirstInfo,
  reconnectDelayMs,
  staleHandshake,
  violationDelayMs,
  wrongPort,
} from "./errors.ts";
import { filterForDialed } from "./filter-rules.ts";
import { decodeInfo, encodeConnect, type ReceivedInfo } from "./info.ts";
import type { LeafLink, LinkHandshake } from "./link.ts";
import type { RegisteredLink } from "./registry.ts";

/** The remote that a link is made for. */
export interface DialingRemote {
  readonly options: LeafRemoteOptions;
  readonly url: LeafUrl;
  readonly account: Account;
  /** The hub has let the link in. */
  onLinked(link: LeafLink): void;
  /** Other URLs of the hub. */
  onUrls(urls: readonly string[]): void;
  /**
   * The link is gone.
   * @param cause what is known beyond the reason; empty when nothing is
   * @param delayMs before the next attempt; null: as ever
   */
  onClosed(reason: string, cause: string, delayMs: number | null): void;
}

const answerMsMin = 2_000;

export class DialingHandshake implements LinkHandshake {
  readonly #link: LeafLink;
  readonly #dialingRemote: DialingRemote;
  readonly #dialed: Dialed;
  #deadline: Deadline | null = null;
  #info: ReceivedInfo | null = null;
  #isLinked = false;
  #cause = "";
  #delayMs: number | null = null;

  constructor(link: LeafLink, dialingRemote: DialingRemote, dialed: Dialed) {
    this.#link = link;
    this.#dialingRemote = dialingRemote;
    this.#dialed = dialed;
    link.parser.expect("info");
  }

  onGreet(): void {}

  onReady(): void {
    this.#within(this.#dialingRemote.options.firstInfoTimeoutMs, noFirstInfo);
  }

  onInfo(json: Buffer): void {
    const info = decodeInfo(json);
    checkClusterName(info.cluster);
    if (this.#info === null) return this.#onFirstInfo(info);
    if (info.leafNodeUrls !== null) this.#dialingRemote.onUrls(info.leafNodeUrls);
    if (info.connectInfo && !this.#isLinked) return this.#join(info);
    if (this.#isLinked && info.permissions !== null) this.#link.restrict(this.#filter(info));
  }

  /** Only clients and leaf nodes say CONNECT, and they dial. */
  onConnect(): void {
    throw wrongPort();
  }

  /** The hub asks; this end has nobody to ask. */
  async reauthenticate(): Promise<void> {}

  onError(text: string): void {
    this.#blame(text);
    if (!endsLink(text) || this.#link.account === null) return;
    this.#link.close("Protocol Violation");
  }

  onFailure(error: ProtocolError): void {
    this.#blame(error.message);
    if (error.message.startsWith("Permissions Violation")) this.#delayMs = violationDelayMs;
  }

  onClose(reason: string): void {
    this.#deadline?.cancel();
    this.#dialingRemote.onClosed(reason, this.#cause, this.#delayMs);
  }

  #onFirstInfo(info: ReceivedInfo): void {
    const { options, url } = this.#dialingRemote;
    if (info.clientId === 0 || (info.leafNodeUrls === null && !info.infoOnConnect)) throw wrongPort();
    this.#info = info;
    const isWebSocket = url.scheme === "ws" || url.scheme === "wss";
    const isEncrypted = this.#link.connection.tls !== null;
    const wantsTls = info.tlsRequired || options.tls !== null || url.scheme === "tls";
    if (isWebSocket || isEncrypted) return this.#connect(info);
    // What the handshake takes has a limit of its own.
    this.#deadline?.cancel();
    if (!wantsTls) {
      this.#dialed.goOn();
      return this.#connect(info);
    }
    this.#dialed.secure((failure) => {
      if (failure !== null) this.#cause = `TLS handshake: ${failure}`;
      else this.#link.attempt(() => this.#connect(info));
    });
  }

  #connect(info: ReceivedInfo): void {
    const { context } = this.#link;
    const { options, url, account } = this.#dialingRemote;
    let proof: object;
    try {
      proof = proofOf(options, url, info.nonce);
    } catch (error) {
      // The owner's mistake, and nothing that the hub should hear of.
      throw new ProtocolError(null, "Authentication Failure", (error as Error).message);
    }
    const { settings } = context;
    this.#link.say(
      encodeConnect({
        version: context.natsVersion,
        ...proof,
        server_id: context.serverId,
        domain: settings.domain ?? "",
        name: context.serverName,
        is_hub: options.isHub,
        cluster: context.clusterName,
        headers: settings.headers && info.headers,
        jetstream: settings.hasJetStream,
        deny_pub: options.denyImports.map(textFromWire),
        isolate: options.requestsIsolation,
        compress_mode: "off",
        remote_account: account.name,
        protocol: 1,
      }),
    );
    // A hub that may be long about its first INFO may be as long about the second.
    this.#within(Math.max(answerMsMin, options.firstInfoTimeoutMs), staleHandshake);
    if (info.infoOnConnect) return;
    this.#join(info);
  }

  #join(info: ReceivedInfo): void {
    const { options, account } = this.#dialingRemote;
    const first = this.#info as ReceivedInfo;
    const link = this.#link;
    const { settings, registry } = link.context;
    this.#deadline?.cancel();
    const isHubOfSameCluster = (other: RegisteredLink): boolean =>
      first.cluster !== "" && !other.isSpoke && other.facts.cluster === first.cluster;
    if ([...registry.of(account).links].some(isHubOfSameCluster)) throw loopFound(account.name);
    this.#isLinked = true;
    link.facts = {
      name: first.serverName || first.serverId,
      version: first.version,
      cluster: first.cluster,
      domain: first.domain,
      account: info.remoteAccount,
      headers: settings.headers && first.headers,
      isSpoke: !options.isHub,
      isIsolated: settings.isolatesInterest || options.isolatesInterest,
    };
    link.join(account, link.facts, this.#filter(info));
    this.#dialingRemote.onLinked(link);
    link.context.onJoined(link);
    if (first.leafNodeUrls !== null) this.#dialingRemote.onUrls(first.leafNodeUrls);
  }

  #filter(info: ReceivedInfo): ReturnType<typeof filterForDialed> {
    const { options, account } = this.#dialingRemote;
    return filterForDialed(this.#link, account.name, info.permissions, options, this.#info?.domain ?? "");
  }

  #blame(text: string): void {
    this.#cause = text.replace(/^'(.*)'$/, "$1");
    this.#delayMs = reconnectDelayMs(text) ?? this.#delayMs;
  }

  #within(waitMs: number, late: () => ProtocolError): void {
    this.#deadline?.cancel();
    this.#deadline = this.#link.context.broker.clock.after(waitMs, () => this.#link.fail(late()));
  }
}
