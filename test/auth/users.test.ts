import { describe, expect, test } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { clientCertificateFromDer } from "../../src/auth/certificate.ts";
import type { ClientCertificate, ConnectionType } from "../../src/auth/identity.ts";
import { Users } from "../../src/auth/users.ts";
import { certificates } from "./certificate-fixtures.ts";
import { ask, nkeyOf, optionsOf, userOf, type Access } from "./auth-options.ts";
import { createUser } from "@nats-io/nkeys";

function certificate(name: string): ClientCertificate {
  const der = certificates.find((fixture) => fixture.name === name)?.der ?? "";
  return clientCertificateFromDer(Buffer.from(der, "base64")) as ClientCertificate;
}

function mapped(names: string[], certificateName: string): string | undefined {
  const users = new Users(optionsOf({ users: names.map((name) => userOf(name, "")) }));
  return users.byCertificate(certificate(certificateName), "STANDARD")?.identity.user ?? undefined;
}

describe("a certificate stands for the user named by", () => {
  test.each([
    ["an email", ["alice@example.com"], "plain", "alice@example.com"],
    [
      "the first email before the second",
      ["a2@example.com", "alice@example.com"],
      "plain",
      "alice@example.com",
    ],
    ["the second email", ["a2@example.com", "alice.example.com"], "plain", "a2@example.com"],
    ["a DNS name", ["alice.example.com", "spiffe://example.com/alice"], "plain", "alice.example.com"],
    ["a DNS name that is a wildcard, as text", ["*.example.com"], "plain", "*.example.com"],
    [
      "a URI",
      ["spiffe://example.com/alice", "CN=alice,OU=dev,O=Frond,C=US"],
      "plain",
      "spiffe://example.com/alice",
    ],
    ["its subject", ["CN=alice,OU=dev,O=Frond,C=US"], "plain", "CN=alice,OU=dev,O=Frond,C=US"],
    [
      "its subject, spelled otherwise",
      ["cn=alice, ou=dev , o=Frond,c=US"],
      "plain",
      "cn=alice, ou=dev , o=Frond,c=US",
    ],
    [
      "its subject in another order",
      ["C=US,O=Frond,OU=dev,CN=alice"],
      "plain",
      "C=US,O=Frond,OU=dev,CN=alice",
    ],
    [
      "the exact order before another",
      ["C=US,O=Frond,OU=dev,CN=alice", "CN=alice,OU=dev,O=Frond,C=US"],
      "plain",
      "CN=alice,OU=dev,O=Frond,C=US",
    ],
    ["only part of its subject: nobody", ["CN=alice", "alice", "CN=alice,OU=dev"], "plain", undefined],
    ["another's subject: nobody", ["CN=Alice,OU=dev,O=Frond,C=US"], "plain", undefined],
    ["a name behind a NUL: nobody", ["alice@example.com\0"], "plain", undefined],
    [
      "domain components in their place",
      ["CN=carol,OU=people,DC=example,DC=com"],
      "domain-components",
      "CN=carol,OU=people,DC=example,DC=com",
    ],
    [
      "domain components in Go's place",
      ["CN=carol,OU=people,DC=com,DC=example"],
      "domain-components",
      "CN=carol,OU=people,DC=com,DC=example",
    ],
    [
      "a subject without its domain components",
      ["CN=carol,OU=people"],
      "domain-components",
      "CN=carol,OU=people",
    ],
    ["the standard part of a subject", ["CN=dave"], "attributes-without-a-name", "CN=dave"],
    [
      "relative names of several parts",
      ["OU=c,CN=erin+OU=b+OU=a,O=Frond+L=Here"],
      "multi-valued",
      "OU=c,CN=erin+OU=b+OU=a,O=Frond+L=Here",
    ],
    [
      "Go's way to write several parts",
      ["CN=erin,OU=a+OU=b+OU=c,O=Frond,L=Here"],
      "multi-valued",
      "CN=erin,OU=a+OU=b+OU=c,O=Frond,L=Here",
    ],
    ["no subject at all: nobody", ["", "CN=", "CN=a+"], "no-subject", undefined],
    [
      "text beyond ASCII",
      ["POSTALCODE=0001,STREET=s 1,ST=st,L=日本,OU=123 4,O=ét,CN=Žluť"],
      "encodings",
      "POSTALCODE=0001,STREET=s 1,ST=st,L=日本,OU=123 4,O=ét,CN=Žluť",
    ],
  ])("%s", (_what, names, certificateName, expected) => {
    expect(mapped(names, certificateName)).toBe(expected);
  });

  test("a user of another connection type is passed over for the next name", () => {
    const users = new Users(
      optionsOf({
        users: [
          userOf("alice@example.com", "", { connectionTypes: ["WEBSOCKET"] }),
          userOf("alice.example.com", "", { connectionTypes: ["STANDARD"] }),
          userOf("CN=alice,OU=dev,O=Frond,C=US", ""),
          userOf("cn=alice,ou=dev,o=Frond,c=US", "", { connectionTypes: ["MQTT"] }),
        ],
      }),
    );
    const named = (type: ConnectionType) => users.byCertificate(certificate("plain"), type)?.identity.user;
    expect(named("WEBSOCKET")).toBe("alice@example.com");
    expect(named("STANDARD")).toBe("alice.example.com");
    expect(named("MQTT")).toBe("CN=alice,OU=dev,O=Frond,C=US");
  });
});

describe("verify_and_map", () => {
  const hash = "$2a$04$prXnN1gisuLMRc8u7bd7GuPtByq8U7d.bQbLPplumAubm52QnAtuy";
  const plain = { certificate: certificate("plain") };
  const users = [userOf("alice@example.com", "", { account: "A" }), userOf("other", "p")];
  const access: Access = { users, verifyAndMap: true, noAuthUser: "other" };

  test("makes the certificate's user of whoever has the certificate, whatever user they name", async () => {
    const authenticator = createAuthenticator(optionsOf(access));
    const expected = { account: "A", user: "alice@example.com", permissions: null };
    expect(await ask(authenticator, {}, plain)).toEqual(expected);
    expect(await ask(authenticator, { user: "other" }, plain)).toEqual(expected);
    expect(authenticator.anonymous("STANDARD", plain.certificate)).toEqual(expected);
  });

  test("leaves nobody else in, no_auth_user included", async () => {
    const authenticator = createAuthenticator(optionsOf(access));
    expect(await ask(authenticator, { user: "other", password: "p" })).toBeNull();
    expect(await ask(authenticator, {})).toBeNull();
    expect(await ask(authenticator, {}, { certificate: certificate("no-sans") })).toBeNull();
    expect(authenticator.anonymous("STANDARD")).toBeNull();
  });

  test("asks for the password as well where the user has one, and for none where not", async () => {
    const authenticator = createAuthenticator(
      optionsOf({ users: [userOf("alice@example.com", "p"), userOf("CN=bob", hash)], verifyAndMap: true }),
    );
    const bob = { certificate: certificate("no-sans") };
    expect(await ask(authenticator, {}, plain)).toBeNull();
    expect(await ask(authenticator, { password: "p" }, plain)).toMatchObject({ user: "alice@example.com" });
    expect(await ask(authenticator, { password: "secret" }, bob)).toMatchObject({ user: "CN=bob" });
    const passwordless = createAuthenticator(optionsOf(access));
    expect(await ask(passwordless, { password: "p" }, plain)).toBeNull();
  });

  test("comes after an nkey", async () => {
    const pair = createUser();
    const nkey = pair.getPublicKey();
    const signature = Buffer.from(pair.sign(new TextEncoder().encode("n"))).toString("base64url");
    const authenticator = createAuthenticator(optionsOf({ ...access, nkeys: [nkeyOf(nkey)] }));
    expect(await ask(authenticator, { nkey, signature }, { ...plain, nonce: "n" })).toMatchObject({
      user: nkey,
    });
    expect(await ask(authenticator, {}, plain)).toMatchObject({ user: "alice@example.com" });
  });

  test("belongs to one listener, the WebSocket listener's own TLS block decides for that", async () => {
    const both: Access = { ...access, websocket: { verifyAndMap: false } };
    const atWebsocket = createAuthenticator(optionsOf(both), "websocket");
    const websocket = { connectionType: "WEBSOCKET" } as const;
    expect(
      await ask(atWebsocket, { user: "other", password: "p" }, { ...plain, ...websocket }),
    ).toMatchObject({
      user: "other",
    });
    const mapping: Access = { users, websocket: { verifyAndMap: true } };
    expect(
      await ask(createAuthenticator(optionsOf(mapping), "websocket"), {}, { ...plain, ...websocket }),
    ).toMatchObject({
      user: "alice@example.com",
    });
  });

  test("keeps a user without a password out of the listeners that do not map", async () => {
    const name = { user: "alice@example.com" };
    const websocket = { connectionType: "WEBSOCKET" } as const;
    const atWebsocket = createAuthenticator(
      optionsOf({ users, verifyAndMap: true, websocket: {} }),
      "websocket",
    );
    expect(await ask(atWebsocket, name, websocket)).toBeNull();
    // Where no listener could map a certificate to the user, an empty password is a password.
    const unmapped = createAuthenticator(optionsOf({ users, websocket: {} }), "websocket");
    expect(await ask(unmapped, name, websocket)).toMatchObject(name);
    const webOnly = [userOf("alice@example.com", "", { connectionTypes: ["WEBSOCKET"] })];
    const never = createAuthenticator(
      optionsOf({ users: webOnly, verifyAndMap: true, websocket: {} }),
      "websocket",
    );
    expect(await ask(never, name, websocket)).toMatchObject(name);
    // As no_auth_user it needs no credentials anyway.
    const guest: Access = { users, verifyAndMap: true, websocket: { noAuthUser: "alice@example.com" } };
    expect(await ask(createAuthenticator(optionsOf(guest), "websocket"), name, websocket)).toMatchObject(
      name,
    );
  });

  test("at the leaf node port keeps a user without a password out of the others", async () => {
    const name = { user: "alice@example.com" };
    const fromLeafs: Access = { users, leafnodes: { verifyAndMap: true }, websocket: {} };
    expect(await ask(createAuthenticator(optionsOf(fromLeafs)), name)).toBeNull();
    const atWebsocket = createAuthenticator(optionsOf(fromLeafs), "websocket");
    expect(await ask(atWebsocket, name, { connectionType: "WEBSOCKET" })).toBeNull();
    // Leaf nodes with users of their own, or a user who may not be one, leave no certificate to choose by.
    const ownUsers: Access = { users, leafnodes: { verifyAndMap: true, hasOwnUsers: true } };
    expect(await ask(createAuthenticator(optionsOf(ownUsers)), name)).toMatchObject(name);
    const standard = [userOf("alice@example.com", "", { connectionTypes: ["STANDARD"] })];
    const never = optionsOf({ ...fromLeafs, users: standard });
    expect(await ask(createAuthenticator(never), name)).toMatchObject(name);
  });

  test("at the leaf node port is decided by that port's TLS block", async () => {
    const name = { user: "alice@example.com" };
    const asLeaf = { connectionType: "LEAFNODE" } as const;
    const mapping = createAuthenticator(optionsOf({ users, leafnodes: { verifyAndMap: true } }), "leafnode");
    expect(await ask(mapping, {}, { ...plain, ...asLeaf })).toMatchObject(name);
    expect(await ask(mapping, name, asLeaf)).toBeNull();
    const others: Access = { users, verifyAndMap: true, leafnodes: { verifyAndMap: false } };
    const plainPort = createAuthenticator(optionsOf(others), "leafnode");
    expect(await ask(plainPort, {}, { ...plain, ...asLeaf })).toBeNull();
    expect(await ask(plainPort, { user: "other", password: "p" }, asLeaf)).toMatchObject({ user: "other" });
  });
});
