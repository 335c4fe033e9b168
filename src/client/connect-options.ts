/** What a client says of itself in CONNECT. Source: nats-server `ClientOpts`. */
import type { Credentials } from "../auth/identity.ts";
import { malformed } from "../protocol/errors.ts";

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
  credentials: { user: "", password: "", token: "", nkey: "", signature: "", jwt: "" },
};

/**
 * Decodes a CONNECT over what the client said before: absent fields keep their values, as do those that are null;
 * unknown ones are ignored.
 * @throws ProtocolError when it is not a JSON object, or a field is of the wrong type
 */
export function decodeConnect(json: Buffer, previous: ConnectOptions): ConnectOptions {
  let value: unknown;
  try {
    value = JSON.parse(json.toString("utf8"));
  } catch {
    throw malformed("CONNECT is not valid JSON");
  }
  if (value === null) return previous;
  if (typeof value !== "object" || Array.isArray(value)) throw malformed("CONNECT is not a JSON object");
  // Go reads names in any case, and of several the last that is not null.
  const told = Object.entries(value).filter(([, field]) => field !== null);
  const fields: Fields = new Map(told.map(([name, field]) => [name.toLowerCase(), field]));
  const before = previous.credentials;
  return {
    verbose: booleanField(fields, "verbose", previous.verbose),
    pedantic: booleanField(fields, "pedantic", previous.pedantic),
    echo: booleanField(fields, "echo", previous.echo),
    headers: booleanField(fields, "headers", previous.headers),
    noResponders: booleanField(fields, "no_responders", previous.noResponders),
    protocol: numberField(fields, "protocol", previous.protocol),
    name: stringField(fields, "name", previous.name),
    lang: stringField(fields, "lang", previous.lang),
    version: stringField(fields, "version", previous.version),
    account: stringField(fields, "account", previous.account),
    newAccount: booleanField(fields, "new_account", previous.newAccount),
    credentials: {
      user: stringField(fields, "user", before.user),
      password: stringField(fields, "pass", before.password),
      token: stringField(fields, "auth_token", before.token),
      nkey: stringField(fields, "nkey", before.nkey),
      signature: stringField(fields, "sig", before.signature),
      jwt: stringField(fields, "jwt", before.jwt),
    },
  };
}

type Fields = ReadonlyMap<string, unknown>;

function booleanField(fields: Fields, name: string, previous: boolean): boolean {
  const value = fields.get(name) ?? previous;
  if (typeof value !== "boolean") throw malformed(`CONNECT: ${name} must be true or false`);
  return value;
}

function numberField(fields: Fields, name: string, previous: number): number {
  const value = fields.get(name) ?? previous;
  if (typeof value !== "number" || !Number.isInteger(value))
    throw malformed(`CONNECT: ${name} must be a whole number`);
  return value;
}

function stringField(fields: Fields, name: string, previous: string): string {
  const value = fields.get(name) ?? previous;
  if (typeof value !== "string") throw malformed(`CONNECT: ${name} must be a string`);
  return value;
}
