/** INFO, as each listener shows it. */
import type { ServerInfo } from "../client/context.ts";
import type { Options } from "../config/options.ts";
import type { TlsOptions } from "../config/tls-options.ts";
import type { ListenAddress } from "../transport/tcp/tcp-listener.ts";
import { jetStreamApiLevel, natsVersion, productVersion } from "../base/version.ts";

export interface ServerIdentity {
  readonly id: string;
  readonly name: string;
}

interface ListenerInfo {
  readonly address: ListenAddress;
  readonly advertise: string | null;
  readonly tls: TlsOptions | null;
  readonly allowNonTls: boolean;
  /** Over which clients are told both: TLS is required, and there already. */
  readonly isWebSocket: boolean;
  readonly authRequired: boolean;
}

export function serverInfo(server: ServerIdentity, options: Options, listener: ListenerInfo): ServerInfo {
  const shown = advertised(listener.advertise, listener.address);
  const { tls } = listener;
  const domain = options.jetstream?.domain ?? null;
  return {
    server_id: server.id,
    server_name: server.name,
    version: natsVersion,
    frond: productVersion,
    proto: 1,
    go: `node${process.versions.node}`,
    host: shown.host,
    port: shown.port,
    headers: !options.noHeaderSupport,
    ...(listener.authRequired && { auth_required: true as const }),
    ...(tls !== null && !listener.allowNonTls && { tls_required: true as const }),
    ...(tls !== null && tls.verify === true && { tls_verify: true as const }),
    ...(tls !== null && (listener.allowNonTls || listener.isWebSocket) && { tls_available: true as const }),
    max_payload: options.limits.maxPayloadBytes,
    ...(options.jetstream !== null && { jetstream: true as const, api_lvl: jetStreamApiLevel }),
    ...(domain !== null && { domain }),
  };
}

/** `host[:port]` in place of what the listener is bound to. */
function advertised(advertise: string | null, address: ListenAddress): ListenAddress {
  if (advertise === null || advertise === "") return address;
  const colon = advertise.lastIndexOf(":");
  const hasPort =
    colon > 0 && !advertise.endsWith("]") && (advertise.startsWith("[") || advertise.indexOf(":") === colon);
  if (!hasPort) return { host: advertise, port: address.port };
  return { host: advertise.slice(0, colon), port: Number(advertise.slice(colon + 1)) };
}
