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
import type { AuthResult, ClientCertificate, Credentials, Identity } from "../auth/identity.ts";
import { infoLine, okLine } from "../protocol/encoder.ts";
import {
  accountConnectionsExceeded,
  authenticationTimeout,
  authorizationViolation,
  invalidClientProtocol,
  noRespondersRequiresHeaders,
} from "../protocol/errors.ts";
import type { Parser } from "../protocol/parser.ts";
import type { Client } from "./client.ts";
import { clientCertificateFromDer } from "../auth/certificate.ts";
import { decodeConnect } from "./connect-options.ts";
import type { ServerInfo } from "./context.ts";

type State = "expecting" | "checking" | "open" | "closed";

export class Handshake {
  readonly #client: Client;
  readonly #parser: Parser;
  #state: State = "expecting";
  #nonce = "";
  #deadline: Deadline | null = null;

  constructor(client: Client, parser: Parser) {
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
      const identity = authenticator.anonymous(context.connectionType, this.#certificate());
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
    const options = decodeConnect(json, client.options);
    const isSecond = this.#state === "open" && client.hasConnected;
    client.options = options;
    client.hasConnected = true;
    if (options.protocol < 0 || options.protocol > 1) throw invalidClientProtocol();
    if (options.account !== "" || options.newAccount) throw authorizationViolation();
    if (options.noResponders && !(options.headers && client.context.settings.headers))
      throw noRespondersRequiresHeaders();
    if (isSecond) client.dropSubscriptions();
    this.#parser.connectDone();
    this.#decide(this.#authenticate());
  }

  /** Asks again, with the credentials of then, and ends a client that is not who it was any more. */
  async reauthenticate(): Promise<void> {
    if (this.#state !== "open") return;
    const client = this.#client;
    const identity = await (client.hasConnected
      ? this.#authenticate()
      : client.context.authenticator.anonymous(client.context.connectionType, this.#certificate()));
    if (this.#state !== "open") return;
    const account = identity === null ? undefined : client.context.broker.accounts.get(identity.account);
    if (identity === null || account === undefined || account !== client.account)
      client.fail(authorizationViolation());
    else client.identity = identity;
  }

  /** A client that does not say CONNECT first is let in only as the `no_auth_user`. */
  onEarlyOperation(): void {
    const { authenticator, connectionType } = this.#client.context;
    const identity = authenticator.anonymous(connectionType, this.#certificate());
    if (identity === null) throw authorizationViolation();
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

  #authenticate(): AuthResult {
    const { context, connection, options, offered } = this.#client;
    return context.authenticator.authenticate({
      credentials: fillEmpty(options.credentials, offered),
      connectionType: context.connectionType,
      nonce: this.#nonce,
      certificate: this.#certificate(),
      isWanted: () => !connection.closed,
    });
  }

  #certificate(): ClientCertificate | null {
    const der = this.#client.connection.tls?.peerCertificate ?? null;
    return der === null ? null : clientCertificateFromDer(der);
  }

  #decide(result: AuthResult): void {
    if (!(result instanceof Promise)) {
      if (result === null) throw authorizationViolation();
      return this.#welcome(result);
    }
    const client = this.#client;
    const before = this.#state;
    this.#state = "checking";
    // The client has said who it is; how long we take to check is not held against it.
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#parser.pause();
    client.connection.pauseReading();
    void result.then((identity) => {
      if (this.#state !== "checking") return;
      this.#state = before;
      client.context.pass.run(() =>
        client.parse(() => {
          if (identity === null) throw authorizationViolation();
          this.#welcome(identity);
          client.connection.resumeReading();
          this.#parser.resume();
        }),
      );
    });
  }

  #welcome(identity: Identity): void {
    this.#admit(identity);
    if (this.#client.options.verbose) this.#client.say(okLine);
  }

  #admit(identity: Identity): void {
    const client = this.#client;
    const account = client.context.broker.accounts.get(identity.account);
    if (account === undefined) throw authorizationViolation();
    const { maxConnections } = account.limits;
    if (maxConnections >= 0 && client.account !== account && account.connectionCount >= maxConnections)
      throw accountConnectionsExceeded();
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
