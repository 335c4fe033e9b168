/**
 * From a new connection to a known client.
 *
 * | state          | CONNECT              | another operation                     | time runs out |
 * |----------------|----------------------|---------------------------------------|---------------|
 * | expecting      | check → checking     | `no_auth_user` → open, else refused   | refused       |
 * | checking       | (parser is paused)   | (parser is paused)                    | -             |
 * | open           | check → checking     | served                                | -             |
 * | closed         | ignored              | ignored                               | -             |
 *
 * Where no authentication is required a connection begins in `open`, with the defaults of a client that never says
 * CONNECT. A second CONNECT starts over: its subscriptions are gone, whoever it turns out to be.
 */
import type { Deadline } from "../base/clock.ts";
import { areGiven, maySurvive } from "../auth/identity.ts";
import { attemptText } from "../auth/attempt.ts";
import type { AuthResult, ClientCertificate, Credentials, Identity } from "../auth/identity.ts";
import { infoLine, okLine } from "../protocol/encoder.ts";
import {
  accountConnectionsExceeded,
  authenticationTimeout,
  authorizationViolation,
  invalidClientProtocol,
  malformed,
  noRespondersRequiresHeaders,
  type ProtocolError,
} from "../protocol/errors.ts";
import type { Parser } from "../protocol/parser.ts";
import type { Account } from "../broker/account.ts";
import type { Connection } from "../transport/connection.ts";
import { clientCertificateFromDer } from "../auth/certificate.ts";
import { type ConnectOptions, decodeConnect } from "./connect-options.ts";
import type { ClientContext, ServerInfo } from "./context.ts";

/** The client whose handshake it is. */
export interface ConnectingClient {
  readonly id: number;
  readonly connection: Connection;
  readonly context: ClientContext;
  /** Credentials that came with the connection, in cookies of a WebSocket request. */
  readonly offered: Partial<Credentials>;
  options: ConnectOptions;
  /** It has said CONNECT, or may do without. */
  hasConnected: boolean;
  readonly account: Account | null;
  identity: Identity | null;
  say(text: string): void;
  fail(error: ProtocolError): void;
  dropSubscriptions(): void;
  /** Runs `work`; a mistake of the client's that it throws ends the client. */
  parse(work: () => void): void;
  bind(account: Account, identity: Identity): void;
}

type State = "expecting" | "checking" | "open" | "closed";

export class Handshake {
  readonly #client: ConnectingClient;
  readonly #parser: Parser;
  #state: State = "expecting";
  #nonce = "";
  /** Who was refused last, and why, for the log. */
  #refusal = "";
  /** Let in without having said who it is. */
  #isAnonymous = true;
  #deadline: Deadline | null = null;

  constructor(client: ConnectingClient, parser: Parser) {
    this.#client = client;
    this.#parser = parser;
  }

  greet(): void {
    const { context } = this.#client;
    if (context.authenticator.needsNonce) this.#nonce = context.nonce();
    this.#client.say(infoLine(this.info(this.#nonce === "" ? {} : { nonce: this.#nonce })));
  }

  /** The client may speak. Gives it a bounded time to say who it is where that matters. */
  begin(): void {
    const { context } = this.#client;
    const { authenticator } = context;
    if (!authenticator.required) {
      const identity = this.#anonymous();
      if (identity !== null) this.#admit(identity);
      return;
    }
    this.#parser.expectConnect();
    this.#deadline = context.broker.clock.after(context.settings.authTimeoutMs, () => {
      if (this.#state === "expecting" || this.#state === "checking")
        this.#client.fail(authenticationTimeout());
    });
  }

  onConnect(json: Buffer): void {
    const client = this.#client;
    client.options = decodeConnect(json, client.options);
    if (client.hasConnected) client.dropSubscriptions();
    client.hasConnected = true;
    this.#isAnonymous = false;
    this.#parser.connectDone();
    this.#decide(this.#authenticate());
  }

  /** Asks again, with the credentials of then, and ends a client that is not who it was any more. */
  async reauthenticate(): Promise<void> {
    if (this.#state !== "open") return;
    const client = this.#client;
    const { authenticator } = client.context;
    const identity = await (this.#isAnonymous ? this.#anonymous() : this.#authenticate());
    // Another reload, which asks for itself, may have come between.
    if (this.#state !== "open" || client.context.authenticator !== authenticator) return;
    const before = client.identity;
    const isStill = before !== null && maySurvive(before, identity, this.#hasProven());
    if (isStill && client.context.broker.accounts.get(identity.account) === client.account)
      client.identity = identity;
    else
      client.fail(
        identity === null
          ? this.#violation()
          : authorizationViolation("after a reload these credentials are another user's or account's"),
      );
  }

  /** Nothing in it is of interest, but it has to be JSON. */
  onInfo(json: Buffer): void {
    try {
      JSON.parse(json.toString("utf8"));
    } catch {
      throw malformed("INFO is not valid JSON");
    }
  }

  /** A client that does not say CONNECT first is let in only as the `no_auth_user`; a CONNECT after that is its second. */
  onEarlyOperation(): void {
    const identity = this.#anonymous();
    if (identity === null)
      throw authorizationViolation("another operation than CONNECT, and no no_auth_user for it");
    this.#client.hasConnected = true;
    this.#admit(identity);
  }

  close(): void {
    this.#state = "closed";
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  /** INFO for this client. */
  info(extra: object): ServerInfo & Record<string, unknown> {
    const { context, connection, id } = this.#client;
    return {
      ...context.info,
      client_id: id,
      client_ip: connection.peer.address,
      // Whoever began with the handshake is told so even where plain text would do.
      ...(connection.tls?.handshakeFirst === true && { tls_required: true }),
      ...extra,
    };
  }

  #credentials(): Credentials {
    const { options, offered } = this.#client;
    return fillEmpty(options.credentials, offered);
  }

  #hasProven(): boolean {
    if (this.#isAnonymous) return false;
    return areGiven(this.#credentials()) || (this.#client.connection.tls?.peerCertificate ?? null) !== null;
  }

  #authenticate(): AuthResult {
    const { context, connection } = this.#client;
    const request = {
      credentials: this.#credentials(),
      connectionType: context.connectionType,
      nonce: this.#nonce,
      certificate: this.#certificate(),
      isWanted: () => !connection.closed,
      onRefused: (rule: string) => (this.#refusal = `${attemptText(request)}: ${rule}`),
    };
    return context.authenticator.authenticate(request);
  }

  #violation(): ProtocolError {
    return authorizationViolation(this.#refusal);
  }

  #anonymous(): Identity | null {
    const { authenticator, connectionType } = this.#client.context;
    return authenticator.anonymous(connectionType, this.#certificate());
  }

  #certificate(): ClientCertificate | null {
    const der = this.#client.connection.tls?.peerCertificate ?? null;
    return der === null ? null : clientCertificateFromDer(der);
  }

  #decide(result: AuthResult): void {
    if (!(result instanceof Promise)) {
      if (result === null) throw this.#violation();
      return this.#welcome(result);
    }
    const client = this.#client;
    this.#state = "checking";
    // The client has said who it is; how long we take to check is not held against it.
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#parser.pause();
    client.connection.pauseReading();
    const { context } = client;
    const { authenticator } = context;
    const decided = result.then((identity) => {
      if (this.#state !== "checking") return;
      context.pass.run(() =>
        client.parse(() => {
          // After a reload nobody comes in by what held before.
          if (context.authenticator !== authenticator) this.#decide(this.#authenticate());
          else if (identity === null) throw this.#violation();
          else this.#welcome(identity);
          client.connection.resumeReading();
          if (!this.isChecking) this.#parser.resume();
        }),
      );
    });
    decided.catch((error: unknown) => context.broker.clock.onFault(error));
  }

  /** Whether an answer is waited for; nothing of the client is looked at until then. */
  get isChecking(): boolean {
    return this.#state === "checking";
  }

  /** The reference server asks who it is first, and only then how it wants to be served. */
  #welcome(identity: Identity): void {
    const client = this.#client;
    this.#admit(identity);
    const { options } = client;
    if (options.account !== "" || options.newAccount)
      throw authorizationViolation("CONNECT asks for an account of its own");
    if (options.protocol < 0 || options.protocol > 1) throw invalidClientProtocol();
    if (options.noResponders && !(options.headers && client.context.settings.headers))
      throw noRespondersRequiresHeaders();
    if (options.verbose) client.say(okLine);
  }

  #admit(identity: Identity): void {
    const client = this.#client;
    const account = client.context.broker.accounts.get(identity.account);
    if (account === undefined)
      throw authorizationViolation(`there is no account ${JSON.stringify(identity.account)}`);
    const { maxConnections } = account.limits;
    if (maxConnections >= 0 && client.account !== account && account.connectionCount >= maxConnections)
      throw accountConnectionsExceeded(`account ${JSON.stringify(account.name)} allows ${maxConnections}`);
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#state = "open";
    client.bind(account, identity);
  }
}

function fillEmpty(said: Credentials, offered: Partial<Credentials>): Credentials {
  const filled: Record<string, string> = { ...said };
  for (const [name, value] of Object.entries(offered)) if (filled[name] === "") filled[name] = value;
  return filled as unknown as Credentials;
}
