/**
 * One hub to be linked to: dials its URLs one after the other until a link is made, and again when that is gone, for
 * ever. Says in the log why there is no link and when it is tried again.
 */
import type { Deadline } from "../base/clock.ts";
import { showLeafUrl, type LeafRemoteOptions, type LeafUrl } from "../config/leafnode-options.ts";
import type { Dialed } from "../transport/tcp/dialer.ts";
import type { LeafContext } from "./context.ts";
import { Forward } from "./forward/forward.ts";
import type { ForwardedStatus } from "./forward/forwarded-stream.ts";
import type { ApiConnection } from "./forward/stream-api.ts";
import type { LinkFacts } from "./facts.ts";
import { LeafLink } from "./link.ts";
import { DialingHandshake, type DialingRemote } from "./dialing.ts";

/** Makes one attempt. @returns how to give it up */
export type Dial = (
  options: LeafRemoteOptions,
  url: LeafUrl,
  onConnection: (dialed: Dialed) => void,
  onFailure: (reason: string) => void,
) => () => void;

/** Failed attempts in a row that are told; those in between are for a log that tells everything. */
const attemptsToldEach = 30;

const schemeNames = { tcp: "nats-leaf", tls: "tls", ws: "ws", wss: "wss" } as const;

export interface RemoteStatus {
  readonly account: string;
  readonly url: string;
  /** Those that were configured, with their schemes and without what logs in. */
  readonly urls: readonly string[];
  /** Null while there is none. */
  readonly link: LeafLink | null;
  /** Why there is no link; empty while there is one, or nothing is known yet. */
  readonly downReason: string;
  /** Wall clock; null while none is due. */
  readonly nextAttemptMs: number | null;
  /** Streams that are to cross the link. */
  readonly forwarded: readonly ForwardedStatus[];
}

export class Remote {
  readonly options: LeafRemoteOptions;
  readonly #context: LeafContext;
  readonly #dial: Dial;
  readonly #reconnectMs: () => number;
  #urls: LeafUrl[];
  #url: LeafUrl | null = null;
  #link: LeafLink | null = null;
  #attempts = 0;
  #deadline: Deadline | null = null;
  #giveUp: (() => void) | null = null;
  readonly #forward: Forward | null;
  #stopped = false;
  #downReason = "";
  #nextAttemptMs: number | null = null;
  /** Told when the attempt under way has come to something; null when nobody waits. */
  #decided: (() => void) | null = null;

  constructor(options: LeafRemoteOptions, api: ApiConnection, dial: Dial, reconnectMs: () => number) {
    this.options = options;
    this.#context = api.context;
    this.#dial = dial;
    this.#reconnectMs = reconnectMs;
    this.#urls = options.isRandomized ? shuffled(options.urls, api.context.random) : [...options.urls];
    const { forward, account } = options;
    const hub = (): LinkFacts | null =>
      this.#link === null || this.#link.account === null ? null : this.#link.facts;
    this.#forward = forward === null ? null : new Forward(forward, account, api, hub);
  }

  get status(): RemoteStatus {
    return {
      account: this.options.account,
      url: showLeafUrl(this.#url ?? (this.#urls[0] as LeafUrl)),
      urls: this.options.urls.map((url) => `${schemeNames[url.scheme]}://${showLeafUrl(url)}`),
      link: this.#link,
      downReason: this.#downReason,
      nextAttemptMs: this.#nextAttemptMs,
      forwarded: this.#forward?.statuses ?? [],
    };
  }

  start(): void {
    if (this.#stopped) return;
    this.#forward?.wake();
    this.#attempt();
  }

  /** Streams behind a link of this account can be asked for. */
  onStreams(): void {
    this.#forward?.wake();
  }

  /** Makes no more links. @param reason for the one there is, as monitoring shows it; null: it stays */
  stop(reason: string | null): void {
    this.#stopped = true;
    this.#forward?.stop();
    this.#deadline?.cancel();
    this.#giveUp?.();
    this.#giveUp = null;
    if (reason !== null) this.#link?.close(reason);
  }

  #attempt(): void {
    const { broker, log } = this.#context;
    const url = this.#nextUrl();
    this.#nextAttemptMs = null;
    const account = broker.accounts.get(this.options.account);
    if (account === undefined) return this.#retry(`there is no account ${this.options.account}`, null);
    if (broker.clock.moving) broker.clock.expect(new Promise((resolve) => (this.#decided = resolve)));
    log.debug(`Trying to connect as leafnode to remote server on "${showLeafUrl(url)}"`);
    this.#giveUp = this.#dial(
      this.options,
      url,
      (dialed) => {
        this.#giveUp = null;
        const dialingRemote: DialingRemote = {
          options: this.options,
          url,
          account,
          onLinked: () => this.#linked(url),
          onUrls: (urls) => this.#discover(urls),
          onClosed: (reason, cause, delayMs) => this.#closed(reason, cause, delayMs),
        };
        const link = new LeafLink(
          dialed.connection,
          this.#context,
          { isDialed: true, isWebSocket: url.scheme === "ws" || url.scheme === "wss" },
          (made) => new DialingHandshake(made, dialingRemote, dialed),
        );
        this.#link = link;
        link.open();
      },
      (reason) => {
        this.#giveUp = null;
        this.#retry(reason, null);
      },
    );
  }

  #linked(url: LeafUrl): void {
    this.#decide();
    this.#attempts = 0;
    this.#downReason = "";
    const { facts } = this.#link as LeafLink;
    const domain = this.#context.settings.domain;
    this.#context.log.info(
      `${(this.#link as LeafLink).label} - Leafnode connection to ${facts.name} (${showLeafUrl(url)}) for account ${this.options.account}` +
        (domain === null && facts.domain === ""
          ? ""
          : `; JetStream using domains: local "${domain ?? ""}", remote "${facts.domain}"`),
    );
  }

  #closed(reason: string, cause: string, delayMs: number | null): void {
    this.#link = null;
    this.#retry(cause === "" || cause === reason ? reason : `${reason}: ${cause}`, delayMs);
  }

  /** After a failure as after the end of a link, up to as long again is added, so that not all come back at once. */
  #retry(reason: string, delayMs: number | null): void {
    this.#decide();
    if (this.#stopped) return;
    const { broker, log, random } = this.#context;
    const interval = this.#reconnectMs();
    const waitMs = Math.round(delayMs ?? interval + interval * random());
    this.#attempts++;
    this.#downReason = reason;
    this.#nextAttemptMs = broker.clock.wallMs() + waitMs;
    const where = this.#url === null ? "" : ` to remote server "${showLeafUrl(this.#url)}"`;
    const text = `No leafnode connection${where} for account ${this.options.account} (attempt ${this.#attempts}): ${reason}. Trying again in ${(waitMs / 1000).toFixed(1)}s`;
    if (this.#attempts === 1 || this.#attempts % attemptsToldEach === 0) log.error(text);
    else log.debug(text);
    this.#deadline = broker.clock.after(waitMs, () => this.#attempt());
  }

  #decide(): void {
    this.#decided?.();
    this.#decided = null;
  }

  /** Round and round; the one that was dialled last has its turn again when all others had theirs. */
  #nextUrl(): LeafUrl {
    const [first, ...rest] = this.#urls as [LeafUrl, ...LeafUrl[]];
    if (this.#url !== null && isSame(this.#url, first) && rest.length > 0) this.#urls = [...rest, first];
    return (this.#url = this.#urls[0] as LeafUrl);
  }

  /** What the hub knows of its cluster takes the place of what was known so before; configured URLs stay. */
  #discover(found: readonly string[]): void {
    if (this.options.ignoresDiscovered) return;
    const model = this.#url ?? (this.options.urls[0] as LeafUrl);
    if (model.scheme === "ws" || model.scheme === "wss") return;
    const known = this.options.urls;
    const more = found
      .map((text) => urlLike(model, text))
      .filter((url): url is LeafUrl => url !== null && !known.some((each) => isSame(each, url)));
    this.#urls = [...this.#urls.filter((url) => known.some((each) => isSame(each, url))), ...more];
  }
}

function isSame(one: LeafUrl, other: LeafUrl): boolean {
  return one.host === other.host && one.port === other.port && one.path === other.path;
}

/** `host:port` with the scheme and the login of another. */
function urlLike(model: LeafUrl, text: string): LeafUrl | null {
  const found = /^(?:\[([^[\]]+)\]|([^[\]:/]+)):(\d{1,5})$/.exec(text);
  if (found === null) return null;
  return { ...model, host: (found[1] ?? found[2]) as string, port: Number(found[3]) };
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
