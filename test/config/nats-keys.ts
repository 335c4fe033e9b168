/** The keys of nats-server 2.15.3 (its `opts.go`), block by block, and what Frond makes of them. */

export interface KeyList {
  /** A file with `entry` in the block. */
  readonly wrap: (entry: string) => string;
  readonly supported: string;
  readonly ignored?: string;
  readonly refused?: string;
}

const top = (entry: string): string => entry;
const within =
  (block: string) =>
  (entry: string): string =>
    `${block} { ${entry} }`;

export const keyLists: Readonly<Record<string, KeyList>> = {
  "the top level": {
    wrap: top,
    supported: `listen client_advertise port server_name host net debug trace trace_verbose trace_headers logtime
      logtime_utc mappings maps accounts authorization http https http_port monitor_port https_port http_base_path
      cluster leaf leafnodes store_dir storedir jetstream logfile log_file logfile_size_limit log_size_limit
      logfile_max_num log_max_num pidfile pid_file ports_file_dir max_control_line max_payload max_pending
      max_connections max_conn max_traced_msg_len max_subscriptions max_subs max_sub_tokens
      max_subscription_tokens ping_interval ping_max tls allow_non_tls write_deadline lame_duck_duration
      lame_duck_grace_period no_auth_user system_account system no_system_account no_system no_sys_acc
      no_header_support websocket ws server_tags server_metadata no_fast_producer_stall max_closed_clients`,
    ignored: `disable_sublist_cache no_sublist_cache syslog remote_syslog prof_port prof_block_rate write_timeout
      connect_error_reports reconnect_error_reports feature_flags default_js_domain ocsp_cache`,
    refused: `default_sentinel gateway proxy_protocol ocsp operator operators roots root root_operators
      root_operator resolver account_resolver accounts_resolver resolver_tls resolver_preload
      resolver_pinned_accounts trusted trusted_keys mqtt proxies`,
  },
  tls: {
    wrap: within("tls"),
    supported: `cert_file key_file ca_file verify verify_and_map allow_insecure_cipher_suites cipher_suites
      curve_preferences timeout connection_rate_limit pinned_certs handshake_first first immediate certs
      certificates min_version`,
    ignored: "insecure",
    refused: `verify_cert_and_check_known_urls cert_store cert_match_by cert_match ca_certs_match
      cert_match_skip_invalid ocsp_peer`,
  },
  websocket: {
    wrap: within("websocket"),
    supported: `listen port host net advertise no_tls tls same_origin allowed_origins allowed_origin allow_origins
      allow_origin origins origin handshake_timeout compress compression authorization authentication jwt_cookie
      user_cookie pass_cookie token_cookie no_auth_user headers ping_interval`,
  },
  "websocket authorization": {
    wrap: (entry) => `websocket { authorization { ${entry} } }`,
    supported: "user username pass password token timeout",
  },
  authorization: {
    wrap: within("authorization"),
    supported: `user username pass password token timeout users default_permission default_permissions
      permissions`,
    refused: "auth_callout auth_hook proxy_required",
  },
  user: {
    wrap: (entry) => `authorization { users: [{ user: u, ${entry} }] }`,
    supported: `nkey user username pass password permission permissions authorization allowed_connection_types
      connection_types clients`,
    refused: "proxy_required",
  },
  permissions: {
    wrap: (entry) => `authorization { users: [{ user: u, permissions { ${entry} } }] }`,
    supported: `pub publish import sub subscribe export publish_allow_responses allow_responses`,
  },
  "a subject permission": {
    wrap: (entry) => `authorization { users: [{ user: u, permissions { publish { ${entry} } } }] }`,
    supported: "allow deny",
  },
  allow_responses: {
    wrap: (entry) => `authorization { users: [{ user: u, permissions { allow_responses { ${entry} } } }] }`,
    supported: "max max_msgs max_messages max_responses expires expiration ttl",
  },
  account: {
    wrap: (entry) => `accounts { A { ${entry} } }`,
    supported: "nkey jetstream users default_permissions mappings maps limits",
    ignored: "msg_trace trace_dest",
    refused: "imports exports",
  },
  "account limits": {
    wrap: (entry) => `accounts { A { limits { ${entry} } } }`,
    supported: "max_connections max_conn max_subscriptions max_subs max_payload max_pay",
    ignored: "max_leafnodes max_leafs",
  },
  "account jetstream": {
    wrap: (entry) => `accounts { A { jetstream { ${entry} } } }`,
    supported: `max_memory max_mem mem memory max_store max_file max_disk store disk max_streams streams
      max_consumers consumers max_bytes_required max_stream_bytes max_bytes mem_max_stream_bytes
      memory_max_stream_bytes disk_max_stream_bytes store_max_stream_bytes max_ack_pending`,
    ignored: "cluster_traffic",
  },
  "mapping destination": {
    wrap: (entry) => `mappings { a: { dest: b, ${entry} } }`,
    supported: "dest destination weight cluster",
  },
  jetstream: {
    wrap: within("jetstream"),
    supported: `strict store store_dir storedir sync sync_interval max_memory_store max_mem_store max_mem
      max_file_store max_file domain enable enabled limits unique_tag request_queue_limit`,
    ignored: `extension_hint max_outstanding_catchup max_buffered_size max_buffered_msgs info_queue_limit
      meta_compact meta_compact_size meta_compact_sync max_concurrent_io`,
    refused: "key ek encryption_key prev_key prev_ek prev_encryption_key cipher tpm",
  },
  "jetstream limits": {
    wrap: (entry) => `jetstream { limits { ${entry} } }`,
    supported: "max_ack_pending max_request_batch duplicate_window batch",
    ignored: "max_ha_assets default_max_consumers",
  },
  "jetstream batch limits": {
    wrap: (entry) => `jetstream { limits { batch { ${entry} } } }`,
    supported: "max_inflight_per_stream max_inflight_total max_msgs timeout",
  },
  leafnodes: {
    wrap: within("leafnodes"),
    supported: `listen port host net authorization remotes reconnect reconnect_delay reconnect_interval
      dial_timeout tls leafnode_advertise advertise no_advertise min_version minimum_version compression
      isolate_leafnode_interest isolate write_deadline ping_interval ping_max`,
    ignored: "write_timeout",
  },
  "leafnode compression": {
    wrap: (entry) => `leafnodes { compression { ${entry} } }`,
    supported: "mode rtt_thresholds thresholds rtts rtt",
  },
  "leafnode authorization": {
    wrap: (entry) => `leafnodes { authorization { ${entry} } }`,
    supported: "user username pass password nkey timeout users account",
    refused: "proxy_required",
  },
  "leafnode user": {
    wrap: (entry) => `leafnodes { authorization { users: [{ user: u, ${entry} }] } }`,
    supported: "user username pass password account",
    refused: "proxy_required",
  },
  "leafnode remote": {
    wrap: (entry) => `leafnodes { remotes: [{ ${entry} }] }`,
    supported: `no_randomize dont_randomize url urls account local creds credentials nkey seed tls hub deny_imports
      deny_import deny_exports deny_export ws_compress ws_compression websocket_compress websocket_compression
      ws_no_masking websocket_no_masking isolate_leafnode_interest isolate request_isolation compression
      first_info_timeout dial_timeout disabled ignore_discovered_servers`,
    ignored: "jetstream_cluster_migrate js_cluster_migrate",
    refused: "proxy",
  },
};

export function wordsOf(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
