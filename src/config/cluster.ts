/** The `cluster` block, of a broker that is one node: nothing of it takes effect, and links to others are refused. */
import { asInteger, asString, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { asListenAddress } from "./listen.ts";
import { kindName, type ConfigNode } from "./grammar/node.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

interface ClusterDraft {
  isNamed: boolean;
  isListening: boolean;
}

/** Means something only between the servers of a cluster. */
const passOver: KeyReader<ClusterDraft> = () => {};

const block: Block<ClusterDraft> = {
  name: "cluster",
  keys: {
    name: (node, draft, { key }) => {
      const name = asString(node, key);
      if (name.includes(" ")) throw diagnosticAt(node, "cluster name cannot contain spaces");
      if (name === "_") throw diagnosticAt(node, "cluster name is reserved");
      draft.isNamed = name !== "";
    },
    listen: (node, draft, { key }) => (draft.isListening = asListenAddress(node, key).port !== 0),
    port: (node, draft, { key }) => (draft.isListening = asInteger(node, key) !== 0),
    ...Object.fromEntries(
      [
        "host",
        "net",
        "authorization",
        "tls",
        "cluster_advertise",
        "advertise",
        "no_advertise",
        "connect_retries",
        "connect_backoff",
        "permissions",
        "pool_size",
        "accounts",
        "compression",
        "ping_interval",
        "ping_max",
        "write_deadline",
        "write_timeout",
      ].map((key) => [key, passOver]),
    ),
  },
};

/** A block without routes is that of a single node, which starts; nobody can connect to it as a cluster. */
export function readCluster(node: ConfigNode, diagnostics: Diagnostics): void {
  if (node.kind !== "map") throw diagnosticAt(node, `expected "cluster" to be a map, not ${kindName(node)}`);
  const draft: ClusterDraft = { isNamed: false, isListening: false };
  readBlock(block, node, draft, diagnostics);
  if (draft.isNamed || draft.isListening)
    diagnostics.warn(node, '"cluster" is ignored: Frond is one node, which no other server can join');
}
