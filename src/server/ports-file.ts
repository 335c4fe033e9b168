/**
 * The ports file, by which tools find a broker that took free ports. Its name is the reference server's,
 * `nats-server_<pid>.ports`, since that is what they look for.
 */
import { rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { reasonOf } from "../base/system-error.ts";
import type { ListenAddress } from "../transport/tcp/tcp-listener.ts";

export interface BoundAddresses {
  readonly client: ListenAddress | null;
  readonly websocket: (ListenAddress & { readonly tls: boolean }) | null;
  readonly leafnodes: ListenAddress | null;
  readonly monitor: (ListenAddress & { readonly tls: boolean }) | null;
}

/** @returns how to remove it again */
export function writePortsFile(directory: string, addresses: BoundAddresses): () => void {
  const path = join(directory, `nats-server_${process.pid}.ports`);
  const { client, websocket, leafnodes, monitor } = addresses;
  const ports = {
    nats: urlsOf("nats", client),
    monitoring: urlsOf(monitor?.tls === true ? "https" : "http", monitor),
    cluster: [],
    profile: [],
    websocket: urlsOf(websocket?.tls === true ? "wss" : "ws", websocket),
    // nats-server says nothing of these.
    leafnodes: urlsOf("nats-leaf", leafnodes),
  };
  try {
    writeFileSync(path, JSON.stringify(ports));
  } catch (error) {
    throw new Error(`cannot write the ports file ${path}: ${reasonOf(error)}`, { cause: error });
  }
  return () => rmSync(path, { force: true });
}

function urlsOf(scheme: string, address: ListenAddress | null): string[] {
  if (address === null) return [];
  return hostsOf(address.host).map((host) => `${scheme}://${hostAndPort(host, address.port)}`);
}

/** `host:port` of each address that a listener is heard on. */
export function reachableAt({ host, port }: ListenAddress): string[] {
  return hostsOf(host).map((each) => hostAndPort(each, port));
}

/** An address that means "any" stands for each one that this machine has. */
function hostsOf(host: string): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host];
  const hosts = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).filter((entry) => !isLinkLocal(entry.address)),
  );
  return hosts.filter((entry) => host === "::" || entry.family === "IPv4").map((entry) => entry.address);
}

function isLinkLocal(address: string): boolean {
  return address.toLowerCase().startsWith("fe80:");
}

export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
