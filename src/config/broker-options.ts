/** The options of `createBroker`: the keys of a configuration file in camel case, with types. */

/** Milliseconds, or text such as `"500ms"`, `"30s"` or `"1h30m"`. */
export type Duration = number | string;

/** Bytes, or text such as `"64KB"`, `"10MB"` or `"1.5G"`, in which each unit is 1024 times the one before. */
export type Size = number | string;

export interface BrokerOptions {
  /** The address to listen on; default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** The port for clients; 0 for any free port. Default 4222. */
  readonly port?: number | undefined;
  /** Shown to clients and in monitoring; without spaces. */
  readonly serverName?: string | undefined;
  /** The `host[:port]` that `INFO` announces to clients, instead of the listener's address. */
  readonly clientAdvertise?: string | undefined;
  readonly serverTags?: readonly string[] | undefined;
  readonly serverMetadata?: Readonly<Record<string, string>> | undefined;

  /** One token for all clients. */
  readonly token?: string | undefined;
  /** One user and password for all clients. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Users of the global account. */
  readonly users?: readonly BrokerUser[] | undefined;
  /** The user for clients that send no credentials; one of `users`. */
  readonly noAuthUser?: string | undefined;
  readonly authTimeout?: Duration | undefined;
  /** Accounts by name; their subjects are separate. */
  readonly accounts?: Readonly<Record<string, BrokerAccount>> | undefined;
  /** The name of the system account; false for none. Default `$SYS`. */
  readonly systemAccount?: string | false | undefined;
  /** Subject mappings of the global account. */
  readonly mappings?: BrokerMappings | undefined;

  /** Turns streams on. `true`, or an object without `storeDir`, keeps all of them in memory until the broker closes. */
  readonly jetstream?: boolean | BrokerJetStream | undefined;

  readonly tls?: BrokerTls | undefined;
  /** Accepts clients with and without TLS on the same port. */
  readonly allowNonTls?: boolean | undefined;
  readonly websocket?: BrokerWebSocket | undefined;
  /** Links to other brokers, Frond or nats-server. */
  readonly leafNodes?: BrokerLeafNodes | undefined;
  /** Monitoring over HTTP: a port (0 for any free port), or an object. */
  readonly monitor?: number | BrokerMonitor | undefined;

  /** Default 65536; 0 refuses all clients. */
  readonly maxConnections?: number | undefined;
  /** The limit for one connection; 0 for no limit, which is the default. */
  readonly maxSubscriptions?: number | undefined;
  /** The maximum number of tokens in the subject of a subscription, 1 to 255. */
  readonly maxSubscriptionTokens?: number | undefined;
  /** The longest protocol line; default 4096 bytes. */
  readonly maxControlLine?: Size | undefined;
  /** The largest message; default 1 MiB. */
  readonly maxPayload?: Size | undefined;
  /** How much may wait to be sent to one connection before it is closed; default 64 MiB. */
  readonly maxPending?: Size | undefined;
  /** How many closed connections monitoring shows; default 10000. */
  readonly maxClosedClients?: number | undefined;
  /** Default 2 minutes. */
  readonly pingInterval?: Duration | undefined;
  /** The number of unanswered pings after which a connection is closed; default 2. */
  readonly pingMax?: number | undefined;
  /** A client that accepts no bytes for this long is disconnected; default 10 s. */
  readonly writeDeadline?: Duration | undefined;
  readonly noFastProducerStall?: boolean | undefined;
  readonly noHeaderSupport?: boolean | undefined;
  /** The time over which lame duck mode disconnects clients; at least 30 s, default 2 minutes. */
  readonly lameDuckDuration?: Duration | undefined;
  readonly lameDuckGracePeriod?: Duration | undefined;

  readonly log?: BrokerLog | undefined;
  readonly pidFile?: string | undefined;
  readonly portsFileDir?: string | undefined;

  /** Text in the NATS configuration grammar. Options of this object override its keys. */
  readonly config?: string | undefined;
  /** The path of a file in that grammar, instead of `config`. */
  readonly configFile?: string | undefined;
}

/** A user with a password, plain or bcrypt, or one with an nkey. */
export interface BrokerUser {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** The public key, `U…`. */
  readonly nkey?: string | undefined;
  readonly permissions?: BrokerPermissions | undefined;
  /** `STANDARD`, `WEBSOCKET`, `IN_PROCESS` …; default: all. */
  readonly connectionTypes?: readonly string[] | undefined;
}

/** A subject, a list of subjects, or lists of allowed and denied subjects. */
export type BrokerSubjects =
  | string
  | readonly string[]
  | {
      readonly allow?: string | readonly string[] | undefined;
      readonly deny?: string | readonly string[] | undefined;
    };

export interface BrokerPermissions {
  readonly publish?: BrokerSubjects | undefined;
  /** An entry can name a queue group: `"orders.> workers"`. */
  readonly subscribe?: BrokerSubjects | undefined;
  /** Lets a client reply to the requests that it receives. Without `publish`, it may publish nothing else. */
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
  /** Allows streams in this account, if the broker has `jetstream`. */
  readonly jetstream?: boolean | BrokerAccountJetStream | undefined;
}

export interface BrokerJetStream {
  /** The directory for streams on disk; a broker that starts with it later has the same streams. */
  readonly storeDir?: string | undefined;
  /** Of all streams in memory. Default: three quarters of the machine's memory. */
  readonly maxMemory?: Size | undefined;
  /** Of all streams on disk. */
  readonly maxFile?: Size | undefined;
  /** How often acknowledged data is synced to disk; default `"always"`, which syncs before each ack. */
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
  /** The limit for one stream. */
  readonly memoryMaxStreamBytes?: Size | undefined;
  readonly fileMaxStreamBytes?: Size | undefined;
  /** Requires `max_bytes` in the configuration of each stream. */
  readonly maxBytesRequired?: boolean | undefined;
}

/** Maps each source subject to a destination, or to several with weights in percent. */
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
  /** Several pairs, instead of `certFile` and `keyFile`; the client's SNI selects one. */
  readonly certificates?: readonly { readonly certFile: string; readonly keyFile: string }[] | undefined;
  /** Requires a certificate from clients. */
  readonly verify?: boolean | "optional" | undefined;
  /** Also takes the user's name from the certificate. */
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
  /** 0 for any free port. */
  readonly port: number;
  readonly advertise?: string | undefined;
  /** Without `tls`, the listener accepts `ws:` connections. */
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
  /** A user or token for this listener only. */
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
  /** The port for leaf nodes, 0 for any free port. Without it there is no listener. */
  readonly port?: number | undefined;
  /** The `host[:port]` that is announced to leaf nodes. */
  readonly advertise?: string | undefined;
  /** Does not announce other addresses to leaf nodes. */
  readonly noAdvertise?: boolean | undefined;
  readonly tls?: BrokerTls | undefined;
  /** The users for leaf nodes. Without it, leaf nodes log in as clients do. */
  readonly authorization?:
    | {
        readonly user?: string | undefined;
        readonly password?: string | undefined;
        /** The public key, `U…`. */
        readonly nkey?: string | undefined;
        /** The account for these leaf nodes. */
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
  /** The oldest version of leaf nodes that may connect, such as `2.10.0`. */
  readonly minVersion?: string | undefined;
  /** The time between attempts to connect; default 1 s. */
  readonly reconnect?: Duration | undefined;
  readonly dialTimeout?: Duration | undefined;
  readonly writeDeadline?: Duration | undefined;
  /** Of links; default: the broker's own. */
  readonly pingInterval?: Duration | undefined;
  readonly pingMax?: number | undefined;
  /** Does not forward the subscriptions of one leaf node to others. */
  readonly isolate?: boolean | undefined;
  /** The hubs that this broker connects to. */
  readonly remotes?: readonly BrokerLeafRemote[] | undefined;
}

export interface BrokerLeafRemote {
  /** `nats-leaf://`, `tls://`, `ws://` or `wss://`, with user and password if needed. */
  readonly urls: readonly string[];
  /** The account of this broker; default `$G`. */
  readonly account?: string | undefined;
  /** The path of a file with a user's JWT and seed. */
  readonly credentials?: string | undefined;
  /** A user's seed, `SU…`. */
  readonly nkey?: string | undefined;
  readonly tls?: (BrokerTls & { readonly insecure?: boolean | undefined }) | undefined;
  /** Makes this broker the hub of the link, although it connects to the other. */
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
  /** Streams that are stored while there is no link, and copied when there is one. */
  readonly forward?: BrokerForward | undefined;
  readonly disabled?: boolean | undefined;
}

export interface BrokerForward {
  /** Streams of this broker that are collected at the hub: names or objects. */
  readonly up?: readonly (string | BrokerForwardedStream)[] | undefined;
  /** Streams of the hub that are mirrored in this broker. */
  readonly down?: readonly (string | Omit<BrokerForwardedStream, "subjects">)[] | undefined;
  /** The replicas of streams that are created at the hub; default 1. */
  readonly replicas?: number | undefined;
  /** Default: the domain that the hub announces. */
  readonly hubDomain?: string | undefined;
  /** The longest wait between two attempts to set a stream up; default 30 s. */
  readonly backOff?: Duration | undefined;
  /** How many messages a copy can be behind before the log warns; default 1000. */
  readonly lagWarning?: number | undefined;
}

export interface BrokerForwardedStream {
  readonly stream: string;
  /** The name at the other end; default: the same. */
  readonly as?: string | undefined;
  /** The subjects with which the stream is created in this broker if it does not exist. */
  readonly subjects?: string | readonly string[] | undefined;
}

export interface BrokerMonitor {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  readonly port: number;
  /** Serves HTTPS, with the certificate of `tls`. */
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
