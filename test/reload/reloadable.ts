/** A broker in this process that is started, and reloaded, by the text of a configuration file. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import type { Log } from "../../src/base/log.ts";
import { createLogger } from "../../src/server/logger.ts";
import { Server } from "../../src/server/server.ts";
import { load } from "../config/helper.ts";
import { rawClient, type RawClient } from "../fixture/raw-client.ts";

export interface Reloadable {
  readonly server: Server;
  /** Its log, a line each. */
  readonly log: readonly string[];
  readonly port: number;
  readonly leafPort: number;
  readonly wsPort: number;
  readonly monitorPort: number;
  /** Resolves when it has taken effect. @returns what changed @throws ConfigError */
  reload(text: string): Promise<string[]>;
  /** A client, over TLS or in clear as INFO asks for, that has said CONNECT. */
  client(connect?: object, certificate?: string): Promise<RawClient>;
  /** What the client port says to a new connection. */
  info(): Promise<Record<string, unknown>>;
}

const address = 'listen: "127.0.0.1:-1"\n';

/** @param text beside the address to listen on */
export async function startReloadable(text: string): Promise<Reloadable> {
  const log: string[] = [];
  const { options } = load(address + text);
  const logger = options.log.file === null ? null : await createLogger(options.log);
  const server = new Server(options, new Clock(), logger ?? logInto(log));
  await server.start();
  onTestFinished(() => server.close());
  const port = server.addresses.client?.port ?? 0;
  return {
    server,
    log,
    port,
    leafPort: server.addresses.leafnodes?.port ?? 0,
    wsPort: server.addresses.websocket?.port ?? 0,
    monitorPort: server.addresses.monitor?.port ?? 0,
    reload: async (next) => {
      const { options: changed } = load(address + next);
      let options: string[] = [];
      const change = async (): Promise<void> => {
        options = (await server.reload(changed)).changes.map(({ option }) => option);
      };
      await (logger === null ? change() : logger.changeOptions(changed.log, change));
      return options;
    },
    client: async (connect = {}, certificate) => {
      const { client } = await greeted(port, certificate);
      client.send(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\n`);
      await client.untilPong();
      return client;
    },
    info: async () => (await greeted(port)).info,
  };
}

/** A new connection, with the handshake done where INFO asks for one. @throws Error when that fails */
export async function greeted(
  port: number,
  certificate?: string,
): Promise<{ client: RawClient; info: Record<string, unknown> }> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  onTestFinished(() => void socket.destroy());
  const first = (await once(socket, "data")) as [Buffer];
  const info = infoOf(first[0].toString().split("\r\n")[0] ?? "");
  if (info["tls_required"] !== true) return { client: rawClient(socket), info };
  const secure = connectTls({ socket, ...tlsOptions(certificate) });
  await once(secure, "secureConnect");
  return { client: rawClient(secure), info };
}

export function infoOf(line: string): Record<string, unknown> {
  return JSON.parse(line.slice("INFO ".length)) as Record<string, unknown>;
}

export function certificateFile(name: string): string {
  return fileURLToPath(new URL(`../fixture/certs/${name}`, import.meta.url));
}

/** How a client of the loopback interface does the handshake, with its own certificate where one is named. */
export function tlsOptions(certificate?: string): object {
  return {
    ca: readFileSync(certificateFile("ca.pem")),
    servername: "localhost",
    ...(certificate !== undefined && {
      cert: readFileSync(certificateFile(`${certificate}.pem`)),
      key: readFileSync(certificateFile(`${certificate}-key.pem`)),
    }),
  };
}

/** A `tls` block with the server's certificate. */
export function tlsBlock(more = ""): string {
  const path = (name: string): string => JSON.stringify(certificateFile(name));
  return `tls { cert_file: ${path("server.pem")}, key_file: ${path("server-key.pem")}, ca_file: ${path("ca.pem")}
    ${more} }`;
}

function logInto(lines: string[]): Log {
  const line = (text: string): void => void lines.push(text);
  return {
    debugEnabled: false,
    traceEnabled: true,
    error: line,
    warn: line,
    info: line,
    debug: line,
    trace: line,
  };
}
