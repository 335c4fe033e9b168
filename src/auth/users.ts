/** The users of one configuration, ready to be looked up: by name, by public key, by certificate. */
import type { NkeyUserOptions, Options, PermissionsOptions, UserOptions } from "../config/options.ts";
import { alternativeNames, subjectTexts } from "./certificate.ts";
import { keysOfSubject, keysOfText } from "./distinguished-name.ts";
import type { ClientCertificate, ConnectionType, Identity } from "./identity.ts";
import { PublicNkey } from "./nkey.ts";
import { Permissions } from "./permissions.ts";

export interface User {
  readonly identity: Identity;
  /** As configured: plain text or a bcrypt hash. */
  readonly password: string;
  /** Empty: all. */
  readonly connectionTypes: readonly string[];
  /** Has no password and some listener maps certificates to it: then a certificate is the only way to be this user. */
  readonly needsCertificate: boolean;
}

export interface NkeyUser {
  readonly identity: Identity;
  readonly key: PublicNkey;
  readonly connectionTypes: readonly string[];
}

export type UsersOptions = Pick<Options, "authorization" | "tls" | "websocket" | "leafnodes">;

export class Users {
  readonly byName: ReadonlyMap<string, User>;
  readonly byNkey: ReadonlyMap<string, NkeyUser>;
  /** Users whose names are distinguished names; several may be spellings of the same one. */
  readonly #byExactName = new Map<string, User[]>();
  readonly #byReorderedName = new Map<string, User[]>();

  /** @throws RangeError naming what is not valid: a subject, a queue or a public key */
  constructor(options: UsersOptions) {
    const compile = permissionsCompiler();
    const byName = new Map<string, User>();
    for (const entry of options.authorization.users ?? []) {
      byName.set(entry.user, {
        identity: { account: entry.account, user: entry.user, permissions: compile(entry.permissions) },
        password: entry.password,
        connectionTypes: entry.connectionTypes,
        needsCertificate: entry.password === "" && mayComeByCertificate(entry, options),
      });
    }
    this.byName = byName;
    this.byNkey = new Map(
      (options.authorization.nkeys ?? []).map((entry) => [
        entry.nkey,
        nkeyUser(entry, compile(entry.permissions)),
      ]),
    );
    for (const [name, user] of byName) this.#indexName(name, user);
  }

  /**
   * The user that a certificate stands for: first by its emails, DNS names and URIs, then by its subject, spelled as
   * one likes, with its parts in any order, and last as Go prints it. Source: nats-server `checkClientTLSCertSubject`.
   */
  byCertificate(certificate: ClientCertificate, connectionType: ConnectionType): User | null {
    const allowed = (user: User | undefined): boolean =>
      user !== undefined && isTypeAllowed(user, connectionType);
    for (const name of alternativeNames(certificate)) {
      const user = this.byName.get(name);
      if (user !== undefined && allowed(user)) return user;
    }
    const keys = keysOfSubject(certificate.subjectName);
    if (keys !== null) {
      const user =
        this.#byExactName.get(keys.exact)?.find(allowed) ??
        this.#byReorderedName.get(keys.reordered)?.find(allowed);
      if (user !== undefined) return user;
    }
    for (const name of subjectTexts(certificate)) {
      const user = this.byName.get(name);
      if (user !== undefined && allowed(user)) return user;
    }
    return null;
  }

  #indexName(name: string, user: User): void {
    const keys = keysOfText(name);
    if (keys === null) return;
    append(this.#byExactName, keys.exact, user);
    append(this.#byReorderedName, keys.reordered, user);
  }
}

export function isTypeAllowed(
  user: { readonly connectionTypes: readonly string[] },
  connectionType: ConnectionType,
): boolean {
  return user.connectionTypes.length === 0 || user.connectionTypes.includes(connectionType);
}

/** Users who have the same permissions in the configuration (its defaults, say) share one object, and with it its verdicts. */
function permissionsCompiler(): (options: PermissionsOptions | null) => Permissions | null {
  const compiled = new Map<PermissionsOptions, Permissions>();
  return (options) => {
    if (options === null) return null;
    let permissions = compiled.get(options);
    if (permissions === undefined) {
      permissions = new Permissions(options);
      compiled.set(options, permissions);
    }
    return permissions;
  };
}

function nkeyUser(entry: NkeyUserOptions, permissions: Permissions | null): NkeyUser {
  const key = PublicNkey.parse(entry.nkey);
  if (key === null || key.kind !== "user") {
    throw new RangeError(
      `${JSON.stringify(entry.nkey)} is not a public user nkey: it has 56 characters and begins with U`,
    );
  }
  return {
    identity: { account: entry.account, user: entry.nkey, permissions },
    key,
    connectionTypes: entry.connectionTypes,
  };
}

/** Whether a certificate could choose this user on any listener that looks into the users. Source: nats-server `canTLSMap`. */
function mayComeByCertificate(entry: UserOptions, { tls, websocket, leafnodes }: UsersOptions): boolean {
  const leafs = leafnodes?.listener ?? null;
  const mapsLeafs = leafs?.authorization === null && leafs.tls?.verifyAndMap === true;
  return (
    (tls?.verifyAndMap === true && isTypeAllowed(entry, "STANDARD")) ||
    (websocket?.tls?.verifyAndMap === true && isTypeAllowed(entry, "WEBSOCKET")) ||
    (mapsLeafs && isTypeAllowed(entry, "LEAFNODE")) ||
    (mapsLeafs && (websocket?.tls?.verify ?? false) !== false && isTypeAllowed(entry, "LEAFNODE_WS"))
  );
}

function append(index: Map<string, User[]>, key: string, user: User): void {
  const users = index.get(key);
  if (users === undefined) index.set(key, [user]);
  else users.push(user);
}
