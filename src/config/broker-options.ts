/** The options of `createBroker`: the keys of a configuration file in camel case, with types. */

/** Milliseconds, or text such as `"500ms"`, `"30s"` or `"1h30m"`. */
export type Duration = number | string;

/** Bytes, or text such as `"64KB"`, `"10MB"` or `"1.5G"`, in which each unit is 1024 times the one before. */
export type Size = number | string;

/** What a configuration file can say, as an object. */
export interface BrokerOptions {
  /** The address to listen on; default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** The port for clients; 0 for any free port. Default 4222. */
  readonly port?: number | undefined;
  /** Shown to clients and in monitoring; without spaces. */
  readonly serverName?: string | undefined;
  /** The `host[:port]` that `INFO` announces to clients, instead of the listener's address. */
  readonly clientAdvertise?: string | undefined;
  /** Shown by `/varz`; for people. */
  readonly serverTags?: readonly string[] | undefined;
  /** Names and values that `/varz` shows. */
  readonly serverMetadata?: Readonly<Record<string, string>> | undefined;

  /** One token for all clients. */
  readonly token?: string | undefined;
  /** One user and password for all clients. */
  readonly user?: string | undefined;
  /** The password of `user`, plain or a bcrypt hash. */
  readonly password?: string | undefined;
  /** Users of the global account. */
  readonly users?: readonly BrokerUser[] | undefined;
  /** The user for clients that send no credentials; one of `users`. */
  readonly noAuthUser?: string | undefined;
  /** How long a client may take to log in; default 2 s (with TLS, one second more than the handshake's time). */
  readonly authTimeout?: Duration | undefined;
  /** Accounts by name; their subjects are separate. */
  readonly accounts?: Readonly<Record<string, BrokerAccount>> | undefined;
  /** The name of the system account; false for none. Default `$SYS`. */
  readonly systemAccount?: string | false | undefined;
  /** Subject mappings of the global account. */
  readonly mappings?: BrokerMappings | undefined;

  /** Turns streams on. `true`, or an object without `storeDir`, keeps all of them in memory until the broker closes. */
  readonly jetstream?: boolean | BrokerJetStream | undefined;

  /** TLS on the port for clients; without it, connections are in clear. */
  readonly tls?: BrokerTls | undefined;
  /** Accepts clients with and without TLS on the same port. */
  readonly allowNonTls?: boolean | undefined;
  /** A port for WebSocket clients and leaf nodes; without it there is none. */
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
  /** Drops a client's message for a receiver that is behind, instead of stalling the client; default false. */
  readonly noFastProducerStall?: boolean | undefined;
  /** Refuses messages with headers; default false. */
  readonly noHeaderSupport?: boolean | undefined;
  /** The time over which lame duck mode disconnects clients; at least 30 s, default 2 minutes. */
  readonly lameDuckDuration?: Duration | undefined;
  /** How long lame duck mode waits before it disconnects the first client; default 10 s. */
  readonly lameDuckGracePeriod?: Duration | undefined;

  /** Logs to standard error or a file. Without it, the broker logs nothing. */
  readonly log?: BrokerLog | undefined;
  /** The path of a file that holds the process id while the broker runs. */
  readonly pidFile?: string | undefined;
  /** A directory for a JSON file that lists the addresses while the broker runs. */
  readonly portsFileDir?: string | undefined;

  /** Text in the NATS configuration grammar. Options of this object override its keys. */
  readonly config?: string | undefined;
  /** The path of a file in that grammar, instead of `config`. */
  readonly configFile?: string | undefined;
}

/** A user with a password, plain or bcrypt, or one with an nkey. */
export interface BrokerUser {
  /** The user's name, with `password`; otherwise use `nkey`. */
  readonly user?: string | undefined;
  /** Plain, or a bcrypt hash (`$2a$`, `$2b$`, `$2x$`, `$2y$`). */
  readonly password?: string | undefined;
  /** The public key, `U…`. */
  readonly nkey?: string | undefined;
  /** Default: the account's `defaultPermissions`, or everything in the account. */
  readonly permissions?: BrokerPermissions | undefined;
  /** `STANDARD`, `WEBSOCKET`, `IN_PROCESS` …; default: all. */
  readonly connectionTypes?: readonly string[] | undefined;
}

/** A subject, a list of subjects, or lists of allowed and denied subjects. */
export type BrokerSubjects =
  | string
  | readonly string[]
  | {
      /** Everything else is refused. Default: everything is allowed. */
      readonly allow?: string | readonly string[] | undefined;
      /** Refused even if `allow` contains it. */
      readonly deny?: string | readonly string[] | undefined;
    };

/** What a user may publish and subscribe to; default: everything in its account. */
export interface BrokerPermissions {
  /** What the user may publish to; default: everything. */
  readonly publish?: BrokerSubjects | undefined;
  /** An entry can name a queue group: `"orders.> workers"`. */
  readonly subscribe?: BrokerSubjects | undefined;
  /** Lets a client reply to the requests that it receives. Without `publish`, it may publish nothing else. */
  readonly allowResponses?:
    | boolean
    | { readonly max?: number | undefined; readonly expires?: Duration | undefined }
    | undefined;
}

/** A space of subjects of its own, with its users and limits. */
export interface BrokerAccount {
  /** The users whose connections belong to this account. */
  readonly users?: readonly BrokerUser[] | undefined;
  /** For users without `permissions` of their own. */
  readonly defaultPermissions?: BrokerPermissions | undefined;
  /** Subject mappings of this account. */
  readonly mappings?: BrokerMappings | undefined;
  /** Limits for the whole account; one that is left out does not apply. */
  readonly limits?:
    | {
        /** Connections of clients and leaf nodes. */
        readonly maxConnections?: number | undefined;
        /** Subscriptions of each connection; 0 refuses every one. */
        readonly maxSubscriptions?: number | undefined;
        /** The largest message that a client of the account may publish. */
        readonly maxPayload?: Size | undefined;
      }
    | undefined;
  /** Public key, `A…`. */
  readonly nkey?: string | undefined;
  /** Allows streams in this account, if the broker has `jetstream`. */
  readonly jetstream?: boolean | BrokerAccountJetStream | undefined;
}

/** Where streams are kept, and how much they may hold. */
export interface BrokerJetStream {
  /** The directory for streams on disk; a broker that starts with it later has the same streams. */
  readonly storeDir?: string | undefined;
  /** Of all streams in memory. Default: three quarters of the machine's memory. */
  readonly maxMemory?: Size | undefined;
  /** Of all streams on disk. */
  readonly maxFile?: Size | undefined;
  /** How often acknowledged data is synced to disk; default `"always"`, which syncs before each ack. */
  readonly syncInterval?: Duration | undefined;
  /** The JetStream domain: the API also answers below `$JS.<domain>.API`. Default: none. */
  readonly domain?: string | undefined;
  /** Refuses requests with unknown fields; default true. */
  readonly strict?: boolean | undefined;
  /** Limits for each stream and consumer; default: none. */
  readonly limits?:
    | {
        /** The highest `max_ack_pending` of a consumer. */
        readonly maxAckPending?: number | undefined;
        /** The highest `max_batch` of a consumer. */
        readonly maxRequestBatch?: number | undefined;
        /** The longest `duplicate_window` of a stream. */
        readonly duplicateWindow?: Duration | undefined;
      }
    | undefined;
}

/** A limit that is left out does not apply. */
export interface BrokerAccountJetStream {
  /** For all streams in memory together; 0 refuses them. */
  readonly maxMemory?: Size | undefined;
  /** For all streams on disk together; 0 refuses them. */
  readonly maxFile?: Size | undefined;
  /** The number of streams. */
  readonly maxStreams?: number | undefined;
  /** The number of consumers of each stream. */
  readonly maxConsumers?: number | undefined;
  /** The highest `max_ack_pending` of a consumer. */
  readonly maxAckPending?: number | undefined;
  /** The limit for one stream. */
  readonly memoryMaxStreamBytes?: Size | undefined;
  /** The highest `max_bytes` of a stream on disk. */
  readonly fileMaxStreamBytes?: Size | undefined;
  /** Requires `max_bytes` in the configuration of each stream. */
  readonly maxBytesRequired?: boolean | undefined;
}

/** Maps each source subject to a destination, or to several with weights in percent. */
export type BrokerMappings = Readonly<
  Record<string, string | BrokerMappingDestination | readonly BrokerMappingDestination[]>
>;

/** One of several destinations of a mapping. */
export interface BrokerMappingDestination {
  /** A subject; it can use `$1`, `{{wildcard(1)}}`, `{{partition(10,1)}}` and others. */
  readonly destination: string;
  /** The share of the messages in percent, as a number or as text such as `"25%"`. */
  readonly weight: number | string;
}

/** Certificates and rules of TLS, for a listener or a connection to a hub. Paths are relative to the working directory. */
export interface BrokerTls {
  /** The path of the certificate chain in PEM. */
  readonly certFile?: string | undefined;
  /** The path of the certificate's private key in PEM. */
  readonly keyFile?: string | undefined;
  /** The path of the authorities whose certificates are trusted, in PEM; default: those of Node. */
  readonly caFile?: string | undefined;
  /** Several pairs, instead of `certFile` and `keyFile`; the client's SNI selects one. */
  readonly certificates?: readonly { readonly certFile: string; readonly keyFile: string }[] | undefined;
  /** Requires a certificate from clients. */
  readonly verify?: boolean | "optional" | undefined;
  /** Also takes the user's name from the certificate. */
  readonly verifyAndMap?: boolean | undefined;
  /** How long a handshake may take; default 2 s. */
  readonly timeout?: Duration | undefined;
  /** Starts with the TLS handshake instead of `INFO`; with a duration, only if the client starts one within that time. */
  readonly handshakeFirst?: boolean | Duration | undefined;
  /** Default `"1.2"`. */
  readonly minVersion?: "1.2" | "1.3" | undefined;
  /** Go's names of the suites for TLS 1.2; default: those that are secure. */
  readonly cipherSuites?: readonly string[] | undefined;
  /** Permits suites that are known to be weak; default false. */
  readonly allowInsecureCipherSuites?: boolean | undefined;
  /** Go's names of the curves, the preferred one first. */
  readonly curvePreferences?: readonly string[] | undefined;
  /** SHA-256 of the public keys of permitted certificates, in hexadecimal. Every other client is refused. */
  readonly pinnedCerts?: readonly string[] | undefined;
  /** Handshakes each second, at most; default: no limit. */
  readonly connectionRateLimit?: number | undefined;
}

/** The listener for WebSocket clients and leaf nodes. */
export interface BrokerWebSocket {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  /** The `host[:port]` that is announced to WebSocket clients. */
  readonly advertise?: string | undefined;
  /** Without `tls`, the listener accepts `ws:` connections. */
  readonly tls?: BrokerTls | undefined;
  /** Accepts compression, if the client offers it; default false. */
  readonly compression?: boolean | undefined;
  /** Refuses pages of other origins; default false. */
  readonly sameOrigin?: boolean | undefined;
  /** The only origins that are accepted; default: all. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Addresses and CIDR ranges of proxies in front, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** How long the HTTP request may take; default 10 s. */
  readonly handshakeTimeout?: Duration | undefined;
  /** Default: the broker's own. */
  readonly pingInterval?: Duration | undefined;
  /** Further headers of the answer to the HTTP request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The cookie that holds the user's name. */
  readonly userCookie?: string | undefined;
  /** The cookie that holds the password. */
  readonly passCookie?: string | undefined;
  /** The cookie that holds the token. */
  readonly tokenCookie?: string | undefined;
  /** The user for WebSocket clients that send no credentials. */
  readonly noAuthUser?: string | undefined;
  /** A user or token for this listener only. */
  readonly authorization?:
    | {
        /** The one user of this listener. */
        readonly user?: string | undefined;
        /** The password of `user`, plain or a bcrypt hash. */
        readonly password?: string | undefined;
        /** One token, instead of `user`. */
        readonly token?: string | undefined;
        /** How long a client may take to log in; default: the broker's `authTimeout`. */
        readonly timeout?: Duration | undefined;
      }
    | undefined;
}

/** The listener for leaf nodes, and the hubs that this broker connects to. */
export interface BrokerLeafNodes {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  /** The port for leaf nodes, 0 for any free port. Without it there is no listener. */
  readonly port?: number | undefined;
  /** The `host[:port]` that is announced to leaf nodes. */
  readonly advertise?: string | undefined;
  /** Does not announce other addresses to leaf nodes. */
  readonly noAdvertise?: boolean | undefined;
  /** TLS on the port for leaf nodes. */
  readonly tls?: BrokerTls | undefined;
  /** The users for leaf nodes. Without it, leaf nodes log in as clients do. */
  readonly authorization?:
    | {
        /** The one user for leaf nodes. */
        readonly user?: string | undefined;
        /** The password of `user`, plain or a bcrypt hash. */
        readonly password?: string | undefined;
        /** The public key, `U…`. */
        readonly nkey?: string | undefined;
        /** The account for these leaf nodes. */
        readonly account?: string | undefined;
        /** How long a leaf node may take to log in; default 2 s. */
        readonly timeout?: Duration | undefined;
        /** Several users, instead of `user`, each bound to an account. */
        readonly users?:
          | readonly {
              /** The user's name. */
              readonly user: string;
              /** Plain, or a bcrypt hash. */
              readonly password?: string | undefined;
              /** The account of leaf nodes with this user; default: that of `authorization`. */
              readonly account?: string | undefined;
            }[]
          | undefined;
      }
    | undefined;
  /** The oldest version of leaf nodes that may connect, such as `2.10.0`. */
  readonly minVersion?: string | undefined;
  /** The time between attempts to connect; default 1 s. */
  readonly reconnect?: Duration | undefined;
  /** How long a connection to a hub may take to open; default 1 s. */
  readonly dialTimeout?: Duration | undefined;
  /** A link that accepts no bytes for this long is closed; default: the broker's own. */
  readonly writeDeadline?: Duration | undefined;
  /** Of links; default: the broker's own. */
  readonly pingInterval?: Duration | undefined;
  /** The number of unanswered pings after which a link is closed; default: the broker's own. */
  readonly pingMax?: number | undefined;
  /** Does not forward the subscriptions of one leaf node to others. */
  readonly isolate?: boolean | undefined;
  /** The hubs that this broker connects to. */
  readonly remotes?: readonly BrokerLeafRemote[] | undefined;
}

/** A hub that this broker connects to, as a leaf node. */
export interface BrokerLeafRemote {
  /** `nats-leaf://`, `tls://`, `ws://` or `wss://`, with user and password if needed. */
  readonly urls: readonly string[];
  /** The account of this broker; default `$G`. */
  readonly account?: string | undefined;
  /** The path of a file with a user's JWT and seed. */
  readonly credentials?: string | undefined;
  /** A user's seed, `SU…`. */
  readonly nkey?: string | undefined;
  /** TLS of the connection. `insecure` accepts any certificate. */
  readonly tls?: (BrokerTls & { readonly insecure?: boolean | undefined }) | undefined;
  /** Makes this broker the hub of the link, although it connects to the other. */
  readonly hub?: boolean | undefined;
  /** Subjects that this broker does not accept from the hub. */
  readonly denyImports?: string | readonly string[] | undefined;
  /** Subjects that this broker does not send to the hub. */
  readonly denyExports?: string | readonly string[] | undefined;
  /** Tries `urls` in their order; default: in random order. */
  readonly noRandomize?: boolean | undefined;
  /** Connects to these URLs only, not to those that the hub announces. */
  readonly ignoreDiscoveredServers?: boolean | undefined;
  /** Does not forward this hub's subscriptions to other leaf nodes. */
  readonly isolate?: boolean | undefined;
  /** Asks the hub not to forward subscriptions of its other leaf nodes. */
  readonly requestIsolation?: boolean | undefined;
  /** How long the hub may take to send `INFO`; default 1 s. */
  readonly firstInfoTimeout?: Duration | undefined;
  /** Default: `dialTimeout` of `leafNodes`. */
  readonly dialTimeout?: Duration | undefined;
  /** Offers compression to the hub; default false. For `ws://` and `wss://`. */
  readonly websocketCompression?: boolean | undefined;
  /** Asks the hub to accept frames without masking; default false. For `ws://` and `wss://`. */
  readonly websocketNoMasking?: boolean | undefined;
  /** Streams that are stored while there is no link, and copied when there is one. */
  readonly forward?: BrokerForward | undefined;
  /** Does not connect, until a reload changes this; default false. */
  readonly disabled?: boolean | undefined;
}

/** Which streams flow over the link to a hub. */
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

/** A stream that flows over a link. */
export interface BrokerForwardedStream {
  /** The name of the stream in this broker (`up`) or at the hub (`down`). */
  readonly stream: string;
  /** The name at the other end; default: the same. */
  readonly as?: string | undefined;
  /** The subjects with which the stream is created in this broker if it does not exist. */
  readonly subjects?: string | readonly string[] | undefined;
}

/** The HTTP listener for monitoring. */
export interface BrokerMonitor {
  /** Default: the broker's own. */
  readonly host?: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  /** Serves HTTPS, with the certificate of `tls`. */
  readonly https?: boolean | undefined;
  /** A path in front of all endpoints, such as `/nats`. */
  readonly basePath?: string | undefined;
}

/** What is logged, and where. */
export interface BrokerLog {
  /** Logs connections and decisions; default false. */
  readonly debug?: boolean | undefined;
  /** Logs every protocol line; default false. */
  readonly trace?: boolean | undefined;
  /** The same as `trace`, which includes the system account. */
  readonly traceVerbose?: boolean | undefined;
  /** Traces the headers of messages, not their payload; default false. */
  readonly traceHeaders?: boolean | undefined;
  /** How much of a message a trace shows. */
  readonly maxTracedMsgLen?: Size | undefined;
  /** Shows the time in lines on a terminal; default true. JSON lines always have it. */
  readonly logtime?: boolean | undefined;
  /** Shows the time in UTC instead of local time; default false. */
  readonly logtimeUtc?: boolean | undefined;
  /** The path of the log file, which gets JSON lines; default: standard error. */
  readonly file?: string | undefined;
  /** The size at which a new file is begun. */
  readonly fileSizeLimit?: Size | undefined;
  /** How many full files are kept; default: all. */
  readonly fileMaxNum?: number | undefined;
}
