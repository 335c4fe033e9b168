/** Options as a program gives them that has the broker inside it: the keys of a configuration file by other names. */

/** Milliseconds, or text such as `"500ms"`, `"30s"` or `"1h30m"`. */
export type Duration = number | string;

/** Bytes, or text such as `"64KB"`, `"10MB"` or `"1.5G"`, in which each unit is 1024 times the one before. */
export type Size = number | string;

export interface BrokerOptions {
  /** Address to listen on; `127.0.0.1` unless set here or in the configuration. */
  readonly host?: string | undefined;
  /** Port for clients; 0 for any free one. Default 4222. */
  readonly port?: number | undefined;
  /** Shown to clients and in monitoring; without spaces. */
  readonly serverName?: string | undefined;
  /** `host[:port]` told to clients instead of the address listened on. */
  readonly clientAdvertise?: string | undefined;
  readonly serverTags?: readonly string[] | undefined;
  readonly serverMetadata?: Readonly<Record<string, string>> | undefined;

  /** One token for everybody. */
  readonly token?: string | undefined;
  /** One user and password for everybody. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Users of the global account. */
  readonly users?: readonly BrokerUser[] | undefined;
  /** Whom a client is taken for that says nothing; one of the users. */
  readonly noAuthUser?: string | undefined;
  readonly authTimeout?: Duration | undefined;
  /** Subject spaces that share nothing, by name. */
  readonly accounts?: Readonly<Record<string, BrokerAccount>> | undefined;
  /** Name of the system account; false for none. Default `$SYS`. */
  readonly systemAccount?: string | false | undefined;
  /** Subject mappings of the global account. */
  readonly mappings?: BrokerMappings | undefined;

  /** Streams. `true`, or anything without `storeDir`, keeps all of them in memory until the broker closes. */
  readonly jetstream?: boolean | BrokerJetStream | undefined;

  readonly tls?: BrokerTls | undefined;
  /** Takes clients with and without TLS on the same port. */
  readonly allowNonTls?: boolean | undefined;
  readonly websocket?: BrokerWebSocket | undefined;
  /** Links to other brokers, Frond or nats-server. */
  readonly leafNodes?: BrokerLeafNodes | undefined;
  /** Monitoring over HTTP: a port, 0 for any free one, or more about it. */
  readonly monitor?: number | BrokerMonitor | undefined;

  /** Default 65536; 0 refuses everybody. */
  readonly maxConnections?: number | undefined;
  /** Of one connection; 0 for no limit, which is the default. */
  readonly maxSubscriptions?: number | undefined;
  /** Tokens in a subject one subscribes to, 1 to 255. */
  readonly maxSubscriptionTokens?: number | undefined;
  /** The longest protocol line; default 4096 bytes. */
  readonly maxControlLine?: Size | undefined;
  /** The largest message; default 1 MiB. */
  readonly maxPayload?: Size | undefined;
  /** How much may wait to be sent to one connection before it is closed; default 64 MiB. */
  readonly maxPending?: Size | undefined;
  /** Closed connections remembered for monitoring; default 10000. */
  readonly maxClosedClients?: number | undefined;
  /** Default 2 minutes. */
  readonly pingInterval?: Duration | undefined;
  /** Unanswered pings before a connection counts as dead; default 2. */
  readonly pingMax?: number | undefined;
  /** How long a connection may take no bytes before it is closed; default 10 s. */
  readonly writeDeadline?: Duration | undefined;
  readonly noFastProducerStall?: boolean | undefined;
  readonly noHeaderSupport?: boolean | undefined;
  /** Over how long clients are asked to leave; at least 30 s, default 2 minutes. */
  readonly lameDuckDuration?: Duration | undefined;
  readonly lameDuckGracePeriod?: Duration | undefined;

  readonly log?: BrokerLog | undefined;
  readonly pidFile?: string | undefined;
  readonly portsFileDir?: string | undefined;

  /** Text in the NATS configuration grammar. What is set above takes the place of the same key in it. */
  readonly config?: string | undefined;
  /** A file in that grammar, instead of `config`. */
  readonly configFile?: string | undefined;
}

/** A user with a password, plain or bcrypt, or one with an nkey. */
export interface BrokerUser {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Public key, `U…`. */
  readonly nkey?: string | undefined;
  readonly permissions?: BrokerPermissions | undefined;
  /** `STANDARD`, `WEBSOCKET`, `IN_PROCESS` …; all when left out. */
  readonly connectionTypes?: readonly string[] | undefined;
}

/** A subject, several, or what is allowed and what denied. */
export type BrokerSubjects =
  | string
  | readonly string[]
  | {
      readonly allow?: string | readonly string[] | undefined;
      readonly deny?: string | readonly string[] | undefined;
    };

export interface BrokerPermissions {
  readonly publish?: BrokerSubjects | undefined;
  /** Entries may name a queue group too: `"orders.> workers"`. */
  readonly subscribe?: BrokerSubjects | undefined;
  /** Lets a client answer the requests it gets, and publish nothing else unless `publish` says so. */
  readonly allowResponses?:
    | boolean
    | { readonly max?: number | undefined; readonly expires?: Duration | undefined }
    | undefined;
}

export interface BrokerAccount {
  readonly users?: readonly BrokerUser[] | undefined;
  readonly defaultPermissions?: BrokerPermissions | undefined;
  readonly mappings?: BrokerMappings | undefined;
  readonly limits?:
    | {
        readonly maxConnections?: number | undefined;
        readonly maxSubscriptions?: number | undefined;
        readonly maxPayload?: Size | undefined;
      }
    | undefined;
  /** Public key, `A…`. */
  readonly nkey?: string | undefined;
  /** Streams in this account, where the broker has them. */
  readonly jetstream?: boolean | BrokerAccountJetStream | undefined;
}

export interface BrokerJetStream {
  /** Where streams are kept on disk; they are there again at the next start. */
  readonly storeDir?: string | undefined;
  /** Of all streams in memory. Default: three quarters of the machine's memory. */
  readonly maxMemory?: Size | undefined;
  /** Of all streams on disk. */
  readonly maxFile?: Size | undefined;
  /** How long what is acknowledged may take to the disk; `"always"`, which is the default, for not at all. */
  readonly syncInterval?: Duration | undefined;
  readonly domain?: string | undefined;
  /** Refuses requests with unknown fields; default true. */
  readonly strict?: boolean | undefined;
  readonly limits?:
    | {
        readonly maxAckPending?: number | undefined;
        readonly maxRequestBatch?: number | undefined;
        readonly duplicateWindow?: Duration | undefined;
      }
    | undefined;
}

/** A limit that is left out does not apply. */
export interface BrokerAccountJetStream {
  readonly maxMemory?: Size | undefined;
  readonly maxFile?: Size | undefined;
  readonly maxStreams?: number | undefined;
  readonly maxConsumers?: number | undefined;
  readonly maxAckPending?: number | undefined;
  /** Of one stream. */
  readonly memoryMaxStreamBytes?: Size | undefined;
  readonly fileMaxStreamBytes?: Size | undefined;
  /** Streams must say how large they may become. */
  readonly maxBytesRequired?: boolean | undefined;
}

/** By source subject: where its messages go instead, whole or in parts of a hundred. */
export type BrokerMappings = Readonly<
  Record<string, string | BrokerMappingDestination | readonly BrokerMappingDestination[]>
>;

export interface BrokerMappingDestination {
  readonly destination: string;
  readonly weight: number | string;
}

export interface BrokerTls {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  /** Instead of the first two, several pairs to choose from. */
  readonly certificates?: readonly { readonly certFile: string; readonly keyFile: string }[] | undefined;
  /** Asks clients for a certificate. */
  readonly verify?: boolean | "optional" | undefined;
  /** Takes the user's name from it as well. */
  readonly verifyAndMap?: boolean | undefined;
  readonly timeout?: Duration | undefined;
  readonly handshakeFirst?: boolean | Duration | undefined;
  readonly minVersion?: "1.2" | "1.3" | undefined;
  readonly cipherSuites?: readonly string[] | undefined;
  readonly allowInsecureCipherSuites?: boolean | undefined;
  readonly curvePreferences?: readonly string[] | undefined;
  readonly pinnedCerts?: readonly string[] | undefined;
  readonly connectionRateLimit?: number | undefined;
}

export interface BrokerWebSocket {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  /** 0 for any free one. */
  readonly port: number;
  readonly advertise?: string | undefined;
  /** Without it the listener speaks `ws:`. */
  readonly tls?: BrokerTls | undefined;
  readonly compression?: boolean | undefined;
  readonly sameOrigin?: boolean | undefined;
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Addresses and CIDR ranges of proxies in front, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[] | undefined;
  readonly handshakeTimeout?: Duration | undefined;
  readonly pingInterval?: Duration | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly userCookie?: string | undefined;
  readonly passCookie?: string | undefined;
  readonly tokenCookie?: string | undefined;
  readonly noAuthUser?: string | undefined;
  /** This listener's own user or token. */
  readonly authorization?:
    | {
        readonly user?: string | undefined;
        readonly password?: string | undefined;
        readonly token?: string | undefined;
        readonly timeout?: Duration | undefined;
      }
    | undefined;
}

export interface BrokerLeafNodes {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  /** Where leaf nodes connect, 0 for any free one; without it there is no listener. */
  readonly port?: number | undefined;
  /** `host[:port]` told to leaf nodes. */
  readonly advertise?: string | undefined;
  /** Leaf nodes are not told of other addresses. */
  readonly noAdvertise?: boolean | undefined;
  readonly tls?: BrokerTls | undefined;
  /** Who may come; without it, leaf nodes prove themselves as clients do. */
  readonly authorization?:
    | {
        readonly user?: string | undefined;
        readonly password?: string | undefined;
        /** Public key, `U…`. */
        readonly nkey?: string | undefined;
        /** The account that they are bound to. */
        readonly account?: string | undefined;
        readonly timeout?: Duration | undefined;
        readonly users?:
          | readonly {
              readonly user: string;
              readonly password?: string | undefined;
              readonly account?: string | undefined;
            }[]
          | undefined;
      }
    | undefined;
  /** Of leaf nodes that connect, as in `2.10.0`. */
  readonly minVersion?: string | undefined;
  /** Between attempts to connect; default 1 s. */
  readonly reconnect?: Duration | undefined;
  readonly dialTimeout?: Duration | undefined;
  readonly writeDeadline?: Duration | undefined;
  /** Of links; default: the broker's own. */
  readonly pingInterval?: Duration | undefined;
  readonly pingMax?: number | undefined;
  /** Leaf nodes are not told what others of them want. */
  readonly isolate?: boolean | undefined;
  /** The hubs that this broker connects to. */
  readonly remotes?: readonly BrokerLeafRemote[] | undefined;
}

export interface BrokerLeafRemote {
  /** `nats-leaf://`, `tls://`, `ws://` or `wss://`, with user and password where they are needed. */
  readonly urls: readonly string[];
  /** The account here; default `$G`. */
  readonly account?: string | undefined;
  /** A file with a user's JWT and seed. */
  readonly credentials?: string | undefined;
  /** A user's seed, `SU…`. */
  readonly nkey?: string | undefined;
  readonly tls?: (BrokerTls & { readonly insecure?: boolean | undefined }) | undefined;
  /** Takes the part of the hub, although it dials. */
  readonly hub?: boolean | undefined;
  readonly denyImports?: string | readonly string[] | undefined;
  readonly denyExports?: string | readonly string[] | undefined;
  readonly noRandomize?: boolean | undefined;
  /** Connects to these URLs only, not to those that the hub announces. */
  readonly ignoreDiscoveredServers?: boolean | undefined;
  readonly isolate?: boolean | undefined;
  readonly requestIsolation?: boolean | undefined;
  readonly firstInfoTimeout?: Duration | undefined;
  readonly dialTimeout?: Duration | undefined;
  readonly websocketCompression?: boolean | undefined;
  readonly websocketNoMasking?: boolean | undefined;
  /** Streams that are kept here or at the hub while there is no link, and copied when there is one. */
  readonly forward?: BrokerForward | undefined;
  readonly disabled?: boolean | undefined;
}

export interface BrokerForward {
  /** Streams here that the hub gathers: a name, or more about it. */
  readonly up?: readonly (string | BrokerForwardedStream)[] | undefined;
  /** Streams of the hub that are mirrored here. */
  readonly down?: readonly (string | Omit<BrokerForwardedStream, "subjects">)[] | undefined;
  /** Of streams that are made at the hub; default 1. */
  readonly replicas?: number | undefined;
  /** Default: what the hub says its domain is. */
  readonly hubDomain?: string | undefined;
  /** The longest wait between two attempts to set a stream up; default 30 s. */
  readonly backOff?: Duration | undefined;
  /** Messages that a stream may be behind before the log says so; default 1000. */
  readonly lagWarning?: number | undefined;
}

export interface BrokerForwardedStream {
  readonly stream: string;
  /** Its name at the other end; default: the same. */
  readonly as?: string | undefined;
  /** The stream is made here with these where there is none. */
  readonly subjects?: string | readonly string[] | undefined;
}

export interface BrokerMonitor {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  readonly port: number;
  /** With the certificate of `tls`. */
  readonly https?: boolean | undefined;
  readonly basePath?: string | undefined;
}

export interface BrokerLog {
  readonly debug?: boolean | undefined;
  readonly trace?: boolean | undefined;
  readonly traceVerbose?: boolean | undefined;
  readonly traceHeaders?: boolean | undefined;
  /** How much of a message a trace shows. */
  readonly maxTracedMsgLen?: Size | undefined;
  readonly logtime?: boolean | undefined;
  readonly logtimeUtc?: boolean | undefined;
  readonly file?: string | undefined;
  /** The size at which a new file is begun. */
  readonly fileSizeLimit?: Size | undefined;
  readonly fileMaxNum?: number | undefined;
}
