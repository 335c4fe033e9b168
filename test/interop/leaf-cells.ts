/** The cells of the matrix: every kind of hub with every kind of leaf over every carrier. */
import { fileURLToPath } from "node:url";
import type { Peer, PeerKind } from "./peer.ts";

export type Carrier = "TCP" | "WebSocket" | "TLS";

const kinds: readonly PeerKind[] = ["frond", "nats-server"];
const carriers: readonly Carrier[] = ["TCP", "WebSocket", "TLS"];
export const cells = kinds.flatMap((hub) =>
  kinds.flatMap((leaf) => carriers.map((carrier) => ({ hub, leaf, carrier }))),
);

const certificate = (name: string): string =>
  JSON.stringify(fileURLToPath(new URL(`../fixture/certs/${name}`, import.meta.url)));

export const hubConfigs: Readonly<Record<Carrier, string>> = {
  TCP: 'leafnodes { listen: "127.0.0.1:-1" }',
  WebSocket:
    'leafnodes { listen: "127.0.0.1:-1" }\nwebsocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }',
  TLS: `leafnodes { listen: "127.0.0.1:-1", tls { cert_file: ${certificate("server.pem")}, key_file: ${certificate("server-key.pem")} } }`,
};

/** @param more for the remote, such as its account */
export function leafConfig(carrier: Carrier, { leafPort, websocketPort }: Peer, more = ""): string {
  const remotes: Readonly<Record<Carrier, string>> = {
    TCP: `url: "nats-leaf://127.0.0.1:${leafPort}"`,
    WebSocket: `url: "ws://127.0.0.1:${websocketPort}"`,
    TLS: `url: "tls://localhost:${leafPort}", tls { ca_file: ${certificate("ca.pem")} }`,
  };
  return `leafnodes { remotes: [{ ${remotes[carrier]}\n${more} }] }`;
}
