/** What a client says of itself in CONNECT. Source: nats-server `ClientOpts`. */
import { credentialsIn, noCredentials } from "../auth/credentials.ts";
import type { Credentials } from "../auth/identity.ts";
import { readPeerJson } from "../protocol/peer-json.ts";

export interface ConnectOptions {
  readonly verbose: boolean;
  readonly pedantic: boolean;
  readonly echo: boolean;
  readonly headers: boolean;
  readonly noResponders: boolean;
  readonly protocol: number;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly account: string;
  readonly newAccount: boolean;
  readonly credentials: Credentials;
}

/** For a client that speaks before CONNECT. */
export const defaultConnectOptions: ConnectOptions = {
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  noResponders: false,
  protocol: 0,
  name: "",
  lang: "",
  version: "",
  account: "",
  newAccount: false,
  credentials: noCredentials,
};

/**
 * Decodes a CONNECT over what the client said before: absent fields keep their values, as do those that are null;
 * unknown ones are ignored.
 * @throws ProtocolError when it is not a JSON object, or a field is of the wrong type
 */
export function decodeConnect(json: Buffer, previous: ConnectOptions): ConnectOptions {
  if (json.toString("latin1").trim() === "null") return previous;
  return readPeerJson("CONNECT", json, (fields) => ({
    verbose: fields.flag("verbose", previous.verbose),
    pedantic: fields.flag("pedantic", previous.pedantic),
    echo: fields.flag("echo", previous.echo),
    headers: fields.flag("headers", previous.headers),
    noResponders: fields.flag("no_responders", previous.noResponders),
    protocol: fields.integer("protocol", previous.protocol),
    name: fields.text("name", previous.name),
    lang: fields.text("lang", previous.lang),
    version: fields.text("version", previous.version),
    account: fields.text("account", previous.account),
    newAccount: fields.flag("new_account", previous.newAccount),
    credentials: credentialsIn(fields, previous.credentials),
  }));
}
