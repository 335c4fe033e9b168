/** The links of a server: those that it accepts and those that it makes, from its options and over its transports. */
import { randomBytes } from "node:crypto";
import { createAuthenticator } from "../auth/authenticator.ts";
import type { Authenticator } from "../auth/identity.ts";
import type { PasswordChecker } from "../auth/password.ts";
import type { Log } from "../base/log.ts";
import { Nuid } from "../base/nuid.ts";
import type { Account } from "../broker/account.ts";
import type { Broker } from "../broker/broker.ts";
import { Message } from "../protocol/message.ts";
import { Publisher } from "../broker/publisher.ts";
import { Service } from "../broker/service.ts";
import type { LeafListenerOptions, LeafRemoteOptions, LeafUrl } from "../config/leafnode-options.ts";
import type { Options } from "../config/options.ts";
import { AcceptingHandshake, type AcceptingSettings } from "../leaf/accepting.ts";
import { watchAwaitedAnswers } from "../leaf/awaited-answers.ts";
import type { LeafContext, LeafSettings } from "../leaf/context.ts";
import type { ApiConnection } from "../leaf/forward/stream-api.ts";
import type { LeafServerInfo } from "../leaf/info.ts";
import { LeafEvents } from "./leaf-events.ts";
import { LeafLink } from "../leaf/link.ts";
import { LinkRegistry } from "../leaf/registry.ts";
import { Remote, type RemoteStatus } from "../leaf/remote.ts";
import { reachableAt } from "./ports-file.ts";
import { serverInfo, type ServerIdentity } from "./server-info.ts";
import { textFromWire } from "../subjects/subject.ts";
import type { Connection, ConnectionContext } from "../transport/connection.ts";
import type { Dialed } from "../transport/tcp/dialer.ts";
import type { FlushPass } from "../transport/flush-pass.ts";
import type { ReadBuffer } from "../transport/read-buffer.ts";
import type { ListenAddress } from "../transport/tcp/tcp-listener.ts";
import { natsVersion, productVersion } from "../base/version.ts";

export interface LeafNodeParts {
  readonly broker: Broker;
  readonly pass: FlushPass;
  readonly log: Log;
  readonly identity: ServerIdentity;
  readonly buffers: ReadBuffer;
  readonly passwords: PasswordChecker;
  /** Those in force; a reload replaces them. */
  readonly options: () => Options;
  readonly connection: () => ConnectionContext;
  readonly address: () => ListenAddress | null;
  /** Streams behind a link can be asked for. @param api as in `external`, text */
  readonly onStreams: (account: string, api: string) => void;
}

const nonceBytes = 11;

export class LeafNodes {
  readonly #parts: LeafNodeParts;
  readonly #context: LeafContext;
  #settings: AcceptingSettings | null = null;
  #remotes: Remote[] = [];
  readonly #api: ApiConnection;
  readonly #events: LeafEvents;

  constructor(parts: LeafNodeParts) {
    this.#parts = parts;
    const { broker, pass, log, identity } = parts;
    const options = parts.options();
    this.#context = {
      broker,
      pass,
      log,
      serverId: identity.id,
      serverName: identity.name,
      clusterName: (options.leafnodes?.remotes.length ?? 0) > 0 ? (options.serverName ?? "") : "",
      systemAccount: options.systemAccount,
      natsVersion,
      registry: new LinkRegistry(),
      message: new Message(),
      settings: settingsOf(options),
      onStreams: (account, api) => pass.defer("decide", () => this.#onStreams(account, textFromWire(api))),
      onJoined: (link) => {
        this.#events.onJoined(link);
        watchAwaitedAnswers(link, broker, log);
      },
      random: Math.random,
    };
    const nuids = new Nuid();
    this.#api = {
      context: this.#context,
      publisher: new Publisher(broker.router),
      service: new Service(),
      nuid: () => nuids.next(),
    };
    const { options: current } = parts;
    this.#events = new LeafEvents({ broker, pass, identity, options: current, ...this.#api });
  }

  /**
   * Asked again once the listeners' ports are known, and for a reload.
   * @returns makes ready to accept by the options, which are in force by then
   */
  async prepare(options: Options): Promise<() => void> {
    const listener = options.leafnodes?.listener ?? null;
    const authenticator = listener === null ? null : await this.#newAuthenticator(options, listener);
    return () => {
      const { broker } = this.#parts;
      this.#context.settings = settingsOf(options);
      this.#context.registry.refresh((account) => broker.accounts.get(account.name) === account);
      if (listener === null || authenticator === null) return;
      this.#settings = {
        authenticator,
        minVersion: listener.minVersion,
        authTimeoutMs: listener.authTimeoutMs,
        info: this.#info(listener, authenticator),
        nonce: () => randomBytes(nonceBytes).toString("base64url"),
      };
    };
  }

  /**
   * Gives the links what a reload has changed.
   * @param accessChanged whether users, accounts or permissions may have: those that dialled must prove themselves again
   */
  async applyToLinks(accessChanged: boolean): Promise<void> {
    const { limits } = this.connectionContext(this.#parts.connection());
    const links = [...this.#context.registry.all()];
    for (const link of links) link.refresh(limits);
    if (accessChanged) await Promise.all(links.map(async (link) => link.reauthenticate()));
  }

  /** Ends all links, to be made anew: what may cross them is another. */
  renewLinks(): void {
    for (const link of [...this.#context.registry.all()]) link.close("Client Closed");
  }

  /** Begins to dial. */
  start(): void {
    const { leafnodes } = this.#parts.options();
    if (leafnodes === null) return;
    this.#remotes = leafnodes.remotes.map((remote) => this.#newRemote(remote));
    for (const remote of this.#remotes) remote.start();
  }

  /** Makes no more links; those there are stay. */
  stop(): void {
    for (const remote of this.#remotes) remote.stop(null);
  }

  accept(connection: Connection, isWebSocket: boolean): void {
    const settings = this.#settings;
    if (settings === null) return connection.destroy("Server Shutdown");
    const settingsNow = (): AcceptingSettings => this.#settings ?? settings;
    const link = new LeafLink(
      connection,
      this.#context,
      { isDialed: false, isWebSocket },
      (made) => new AcceptingHandshake(made, settingsNow),
    );
    connection.setLimits(this.connectionContext(this.#parts.connection()).limits);
    link.open();
  }

  /** The remotes, linked or not, in the order of the configuration. */
  remotes(): RemoteStatus[] {
    return this.#remotes.map(({ status }) => status);
  }

  /** Brings the remotes to what the options say now: those that are new are dialled, those that are gone cut off. */
  reloadRemotes(): void {
    const wanted = new Map(
      (this.#parts.options().leafnodes?.remotes ?? []).map((remote) => [JSON.stringify(remote), remote]),
    );
    const kept = this.#remotes.filter((remote) => wanted.has(JSON.stringify(remote.options)));
    for (const remote of this.#remotes) if (!kept.includes(remote)) remote.stop("Client Closed");
    for (const { options } of kept) wanted.delete(JSON.stringify(options));
    const added = [...wanted.values()].map((remote) => this.#newRemote(remote));
    this.#remotes = [...kept, ...added];
    for (const remote of added) remote.start();
  }

  #newRemote(remote: LeafRemoteOptions): Remote {
    const reconnectMs = (): number => this.#parts.options().leafnodes?.reconnectMs ?? 1_000;
    return new Remote(remote, this.#api, (...attempt) => this.#dial(...attempt), reconnectMs);
  }

  #onStreams(account: Account, api: string): void {
    for (const remote of this.#remotes) if (remote.options.account === account.name) remote.onStreams();
    this.#parts.onStreams(account.name, api);
  }

  #dial(
    remote: LeafRemoteOptions,
    url: LeafUrl,
    onConnection: (dialed: Dialed) => void,
    onFailure: (reason: string) => void,
  ): () => void {
    let giveUp: (() => void) | null = null;
    let isGivenUp = false;
    const dialling = this.#beginDial(remote, url, { onConnection, onFailure }, () => isGivenUp);
    dialling
      .then((stop) => {
        giveUp = stop;
        if (isGivenUp) stop();
      })
      .catch((error: unknown) => this.#parts.connection().onFault(error));
    return () => {
      isGivenUp = true;
      giveUp?.();
    };
  }

  async #beginDial(
    remote: LeafRemoteOptions,
    url: LeafUrl,
    handler: { onConnection: (dialed: Dialed) => void; onFailure: (reason: string) => void },
    isGivenUp: () => boolean,
  ): Promise<() => void> {
    const { options, buffers, connection, broker } = this.#parts;
    const { dialTcp, defaultClientTls } = await import("../transport/tcp/dialer.ts");
    if (isGivenUp()) return () => {};
    const { leafnodes, limits } = options();
    const { dialTimeoutMs = 1_000 } = leafnodes ?? {};
    const shared = {
      host: url.host,
      port: url.port,
      dialMsMax: remote.dialTimeoutMs ?? dialTimeoutMs,
      tls: remote.tls ?? defaultClientTls,
      serverName: serverNameFor(remote, url),
      clock: broker.clock,
      context: this.connectionContext(connection()),
    };
    if (url.scheme === "tcp" || url.scheme === "tls")
      return dialTcp(
        { ...shared, buffers, isHandshakeFirst: remote.tls?.isHandshakeFirst ?? false },
        handler,
      );
    const { dialWebSocket } = await import("../transport/websocket/websocket-dialer.ts");
    if (isGivenUp()) return () => {};
    return dialWebSocket(
      {
        ...shared,
        isSecure: url.scheme === "wss" || remote.tls !== null,
        path: url.path,
        upgradeMsMax: remote.firstInfoTimeoutMs,
        compression: remote.websocketCompression,
        masking: remote.websocketMasking,
        payloadBytesMax: limits.maxPayloadBytes,
      },
      handler,
    );
  }

  /** Links may have a write deadline of their own. */
  connectionContext(context: ConnectionContext): ConnectionContext {
    const { writeDeadlineMs = null } = this.#parts.options().leafnodes ?? {};
    if (writeDeadlineMs === null) return context;
    return { ...context, limits: { ...context.limits, writeDeadlineMs } };
  }

  /** Users of the block itself go before those of the server; without either, everybody is bound to one account. */
  async #newAuthenticator(options: Options, listener: LeafListenerOptions): Promise<Authenticator> {
    const { authorization, account } = listener;
    const general = { permissions: null, connectionTypes: [] };
    const authenticator =
      authorization === null
        ? createAuthenticator(options, "leafnode", this.#parts.passwords)
        : createAuthenticator(
            {
              authorization: {
                user: null,
                password: null,
                token: null,
                users: authorization.users.map((user) => ({ ...user, ...general })),
                nkeys:
                  authorization.nkeys.length === 0
                    ? null
                    : authorization.nkeys.map((nkey) => ({ ...nkey, ...general })),
              },
              noAuthUser: null,
              tls: null,
              websocket: null,
              leafnodes: options.leafnodes,
            },
            "leafnode",
            this.#parts.passwords,
          );
    await authenticator.prepare();
    if (authenticator.required) return authenticator;
    const identity = Object.freeze({ account, user: null, permissions: null });
    return {
      required: false,
      requiredInInfo: false,
      needsNonce: true,
      prepare: async () => {},
      authenticate: () => identity,
      anonymous: () => identity,
    };
  }

  #info(listener: LeafListenerOptions, { requiredInInfo }: Authenticator): LeafServerInfo {
    const { identity, options, address } = this.#parts;
    const bound = address() ?? { host: listener.host, port: listener.port };
    const shown = serverInfo(identity, options(), {
      address: bound,
      advertise: listener.advertise,
      tls: listener.tls,
      allowNonTls: false,
      isWebSocket: false,
      authRequired: requiredInInfo,
    });
    const { domain, hasJetStream } = this.#context.settings;
    return {
      server_id: shown.server_id,
      server_name: shown.server_name,
      version: natsVersion,
      proto: 1,
      go: shown.go,
      host: shown.host,
      port: shown.port,
      headers: shown.headers,
      auth_required: true,
      ...(shown.tls_required && { tls_required: true as const }),
      ...(shown.tls_verify && { tls_verify: true as const }),
      max_payload: shown.max_payload,
      ...(hasJetStream && { jetstream: true as const }),
      ...(domain !== null && { domain }),
      info_on_connect: true,
      leafnode_urls: listener.isAdvertised ? reachableAt({ host: shown.host, port: shown.port }) : [],
      frond: productVersion,
    };
  }
}

/** What the certificate must be for: the name that the remote is known by, also where it is dialled by an address. */
function serverNameFor({ urls }: LeafRemoteOptions, url: LeafUrl): string {
  const isName = ({ host }: LeafUrl): boolean => !/^[\d.]+$|:/.test(host);
  return isName(url) ? url.host : (urls.find(isName)?.host ?? url.host);
}

function settingsOf(options: Options): LeafSettings {
  const { limits, leafnodes, jetstream, websocket } = options;
  return {
    maxControlLineBytes: limits.maxControlLineBytes,
    maxPayloadBytes: limits.maxPayloadBytes,
    maxSubscriptions: limits.maxSubscriptions,
    pingIntervalMs: leafnodes?.pingIntervalMs ?? limits.pingIntervalMs,
    webSocketPingIntervalMs: websocket?.pingIntervalMs ?? null,
    pingMax: leafnodes?.pingMax ?? limits.pingMax,
    headers: !options.noHeaderSupport,
    isolatesInterest: leafnodes?.isolatesInterest ?? false,
    domain: jetstream?.domain ?? null,
    hasJetStream: jetstream !== null,
  };
}
