/** The `forward` block of a remote: which streams flow up to its hub, and which come down from there. */
import { isValidSubject, wireFromText } from "../subjects/subject.ts";
import { asArray, asCount, asDuration, asMap, asString, asStrings, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import type { ForwardedStreamOptions, ForwardOptions } from "./leafnode-options.ts";
import type { AccountOptions } from "./options.ts";
import type { ConfigNode } from "./grammar/node.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { SourcePosition, Diagnostics } from "./grammar/diagnostics.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const backOffMsDefault = 30_000;
const lagWarningDefault = 1_000;
const replicasMax = 5;
/** What can not be in the name of a stream or of a domain; nats-server has the same for each. */
const streamNameBreakers = /[\s.*>/\\]/;
const domainBreakers = /[\s.*>]/;

type Reader = KeyReader<Mutable<ForwardOptions>>;

const readUp: Reader = (node, forward, { key, diagnostics }) => {
  forward.up = streamsOf(node, key, true, diagnostics);
};
const readDown: Reader = (node, forward, { key, diagnostics }) => {
  forward.down = streamsOf(node, key, false, diagnostics);
};

const block: Block<Mutable<ForwardOptions>> = {
  name: "leafnode forward",
  keys: {
    up: readUp,
    down: readDown,
    replicas: (node, forward, { key }) => {
      forward.replicas = asCount(node, key, replicasMax) || 1;
    },
    hub_domain: (node, forward, { key }) => {
      const domain = asString(node, key);
      if (domainBreakers.test(domain))
        throw diagnosticAt(node, `invalid hub_domain: may not contain ".", "*", ">" or blanks`);
      forward.hubDomain = domain || null;
    },
    back_off: (node, forward, { key }) => {
      const backOffMs = asDuration(node, key);
      if (backOffMs < 0) throw diagnosticAt(node, `${key} can not be negative`);
      forward.backOffMsMax = backOffMs || backOffMsDefault;
    },
    lag_warning: (node, forward, { key }) => {
      forward.lagWarning = asCount(node, key) || lagWarningDefault;
    },
  },
};

export function readForward(node: ConfigNode, diagnostics: Diagnostics): ForwardOptions {
  const forward: Mutable<ForwardOptions> = {
    up: [],
    down: [],
    replicas: 1,
    hubDomain: null,
    backOffMsMax: backOffMsDefault,
    lagWarning: lagWarningDefault,
  };
  readBlock(block, asMap(node, "forward"), forward, diagnostics);
  if (forward.up.length + forward.down.length === 0 && diagnostics.isEmpty)
    diagnostics.add(node, "forward names no stream: set up, down or both");
  const here = [...forward.up.map(({ stream }) => stream), ...forward.down.map(({ as }) => as)];
  const there = [...forward.up.map(({ as }) => as), ...forward.down.map(({ stream }) => stream)];
  for (const names of [here, there]) {
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) diagnostics.add(node, `forward names the stream "${twice}" more than once`);
  }
  return forward;
}

interface StreamDraft extends Mutable<ForwardedStreamOptions> {
  named: boolean;
}

const streamBlock: Block<StreamDraft> = {
  name: "leafnode forward stream",
  keys: {
    stream: (node, target, { key }) => {
      target.stream = streamNameOf(node, asString(node, key));
      target.named = true;
    },
    as: (node, target, { key }) => (target.as = streamNameOf(node, asString(node, key))),
    subjects: (node, target, { key }) => {
      target.subjects = asStrings(node, key).map((text) => {
        if (isValidSubject(wireFromText(text))) return text;
        throw diagnosticAt(node, `invalid subject ${JSON.stringify(text)} of a forwarded stream`);
      });
    },
  },
};

/** Names, or maps with more about a stream. */
function streamsOf(
  node: ConfigNode,
  key: string,
  takesSubjects: boolean,
  diagnostics: Diagnostics,
): ForwardedStreamOptions[] {
  const entries = node.kind === "string" || node.kind === "map" ? [node] : asArray(node, key).value;
  const streams: ForwardedStreamOptions[] = [];
  for (const entry of entries) {
    diagnostics.attempt(() => {
      if (entry.kind === "string") {
        const stream = streamNameOf(entry, entry.value);
        streams.push({ stream, as: stream, subjects: [] });
        return;
      }
      const draft: StreamDraft = { stream: "", as: "", subjects: [], named: false };
      readBlock(streamBlock, asMap(entry, key), draft, diagnostics);
      const { stream, as, subjects, named } = draft;
      if (!named) throw diagnosticAt(entry, `a forwarded stream needs a name: stream: "…"`);
      if (!takesSubjects && subjects.length > 0)
        throw diagnosticAt(
          entry,
          "a stream that comes down has the hub's subjects, and takes none of its own",
        );
      streams.push({ stream, as: as || stream, subjects });
    });
  }
  return streams;
}

function streamNameOf(node: ConfigNode, name: string): string {
  if (name === "" || streamNameBreakers.test(name))
    throw diagnosticAt(
      node,
      `invalid stream name ${JSON.stringify(name)}: it may not be empty or contain blanks, ".", "*", ">", "/" or "\\"`,
    );
  return name;
}

interface ForwardingRemote {
  readonly position: SourcePosition;
  readonly account: string;
  readonly forward: ForwardOptions | null;
}

/**
 * Streams are forwarded between domains, so this end must have one: that of the `jetstream` block, else its own name.
 * @returns the domain of this broker
 */
export function forwardingDomain(
  remotes: readonly ForwardingRemote[],
  broker: {
    readonly domain: string | null;
    readonly serverName: string | null;
    readonly hasJetStream: boolean;
    readonly accounts: readonly AccountOptions[];
  },
  diagnostics: Diagnostics,
): string | null {
  const { domain, serverName, accounts } = broker;
  const forwarding = remotes.filter(({ forward }) => forward !== null);
  for (const { position, account, forward } of forwarding) {
    if (!broker.hasJetStream) {
      diagnostics.add(
        position,
        'forward needs streams: add a jetstream block, such as jetstream { store_dir: "…" }',
      );
      return domain;
    }
    if (accounts.some(({ name, jetstream }) => name === account && jetstream === null))
      diagnostics.add(
        position,
        `forward needs streams in account "${account}": add jetstream: enabled to it`,
      );
    const own = domain ?? serverName;
    if (own === null || domainBreakers.test(own))
      diagnostics.add(
        position,
        own === null
          ? "forward needs a domain of this broker's own: set domain in the jetstream block, or server_name"
          : `forward needs a domain of this broker's own, and server_name "${own}" can not be one: set domain in the jetstream block`,
      );
    else if (forward?.hubDomain === own)
      diagnostics.add(position, `forward needs two domains: hub_domain "${own}" is this broker's own`);
  }
  return forwarding.length === 0 ? domain : (domain ?? serverName);
}
