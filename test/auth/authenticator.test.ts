import { createAccount, createUser } from "@nats-io/nkeys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { Credentials, Identity } from "../../src/auth/identity.ts";
import { PasswordChecker } from "../../src/auth/password.ts";
import { ask, nkeyOf, optionsOf, requestOf, userOf, type Access } from "./auth-options.ts";
import { permissionsOf } from "./permission-model.ts";

/** Of "secret". */
const hash = "$2a$04$prXnN1gisuLMRc8u7bd7GuPtByq8U7d.bQbLPplumAubm52QnAtuy";
const open: Identity = { account: "$G", user: null, permissions: null };
const nonce = "PXoWU7zWAMt75FY";

function signatureOf(pair: ReturnType<typeof createUser>, text = nonce): string {
  return Buffer.from(pair.sign(new TextEncoder().encode(text))).toString("base64url");
}

const outcome = async (access: Access, credentials: Partial<Credentials>): Promise<string | null> => {
  const identity = await ask(createAuthenticator(optionsOf(access)), credentials);
  return identity === null ? null : `${identity.account}/${identity.user ?? ""}`;
};

describe("without any way to log in", () => {
  const authenticator = createAuthenticator(optionsOf({}));

  test("everybody is let in, with or without credentials", async () => {
    expect(authenticator.required).toBe(false);
    expect(authenticator.requiredInInfo).toBe(false);
    expect(authenticator.needsNonce).toBe(false);
    expect(await ask(authenticator, {})).toEqual(open);
    expect(await ask(authenticator, { user: "x", password: "y", nkey: "z", token: "t" })).toEqual(open);
    expect(authenticator.anonymous("STANDARD")).toEqual(open);
  });
});

describe("a token", () => {
  test.each([
    ["right", { token: "t" }, { token: "t" }, "$G/"],
    ["wrong", { token: "t" }, { token: "T" }, null],
    ["absent", { token: "t" }, {}, null],
    ["offered as a password", { token: "t" }, { user: "t", password: "t" }, null],
    ["right, among other things", { token: "t" }, { token: "t", user: "x", password: "y", nkey: "z" }, "$G/"],
    ["right, hashed", { token: hash }, { token: "secret" }, "$G/"],
    ["wrong, hashed", { token: hash }, { token: "Secret" }, null],
    ["that is the hash", { token: hash }, { token: hash }, null],
  ] as [string, Access, Partial<Credentials>, string | null][])(
    "%s",
    async (_what, access, credentials, expected) => {
      expect(await outcome(access, credentials)).toBe(expected);
    },
  );

  test("lets nobody speak before CONNECT", () => {
    const authenticator = createAuthenticator(optionsOf({ token: "t" }));
    expect(authenticator.required).toBe(true);
    expect(authenticator.requiredInInfo).toBe(true);
    expect(authenticator.anonymous("STANDARD")).toBeNull();
  });
});

describe("a single user", () => {
  test.each([
    ["right", { user: "u", password: "p" }, { user: "u", password: "p" }, "$G/u"],
    ["wrong password", { user: "u", password: "p" }, { user: "u", password: "q" }, null],
    ["wrong user", { user: "u", password: "p" }, { user: "v", password: "p" }, null],
    ["nobody", { user: "u", password: "p" }, {}, null],
    ["only a token", { user: "u", password: "p" }, { token: "p" }, null],
    ["without a password", { user: "u" }, { user: "u" }, "$G/u"],
    ["without a password, offered one", { user: "u" }, { user: "u", password: "p" }, null],
    ["hashed", { user: "u", password: hash }, { user: "u", password: "secret" }, "$G/u"],
  ] as [string, Access, Partial<Credentials>, string | null][])(
    "%s",
    async (_what, access, credentials, expected) => {
      expect(await outcome(access, credentials)).toBe(expected);
    },
  );
});

describe("users", () => {
  const access: Access = {
    users: [
      userOf("plain", "p"),
      userOf("hashed", hash, { account: "A" }),
      userOf("empty", ""),
      userOf("web", "p", { connectionTypes: ["WEBSOCKET"] }),
      userOf("__proto__", "p"),
    ],
  };

  test.each([
    [{ user: "plain", password: "p" }, "$G/plain"],
    [{ user: "plain", password: "q" }, null],
    [{ user: "plain" }, null],
    [{ user: "hashed", password: "secret" }, "A/hashed"],
    [{ user: "hashed", password: hash }, null],
    [{ user: "empty" }, "$G/empty"],
    [{ user: "empty", password: "x" }, null],
    [{ user: "web", password: "p" }, null],
    [{ user: "nobody", password: "p" }, null],
    [{ user: "__proto__", password: "p" }, "$G/__proto__"],
    [{ user: "constructor" }, null],
    [{}, null],
    [{ password: "p" }, null],
    [{ token: "p" }, null],
    // A server without nkeys pays no heed to one.
    [{ user: "plain", password: "p", nkey: "U", signature: "x" }, "$G/plain"],
  ] as [Partial<Credentials>, string | null][])("%o: %s", async (credentials, expected) => {
    expect(await outcome(access, credentials)).toBe(expected);
  });

  test("an empty list lets nobody in", async () => {
    const authenticator = createAuthenticator(optionsOf({ users: [] }));
    expect(authenticator.required).toBe(true);
    expect(await ask(authenticator, {})).toBeNull();
    expect(await ask(authenticator, { user: "x" })).toBeNull();
  });

  test("of another connection type are refused before their password is looked at", async () => {
    const authenticator = createAuthenticator(optionsOf(access));
    const web = { user: "web", password: "p" };
    expect(await ask(authenticator, web, { connectionType: "WEBSOCKET" })).toMatchObject({ user: "web" });
    for (const connectionType of ["STANDARD", "LEAFNODE", "LEAFNODE_WS", "MQTT", "IN_PROCESS"] as const) {
      expect(await ask(authenticator, web, { connectionType })).toBeNull();
    }
  });

  test("are answered at once unless a hash must be computed", async () => {
    const authenticator = createAuthenticator(optionsOf(access));
    expect(authenticator.authenticate(requestOf({ user: "plain", password: "p" }))).toMatchObject({
      user: "plain",
    });
    expect(authenticator.authenticate(requestOf({ user: "nobody" }))).toBeNull();
    const hashed = requestOf({ user: "hashed", password: "secret" });
    expect(authenticator.authenticate(hashed)).toBeInstanceOf(Promise);
    await authenticator.authenticate(hashed);
    expect(authenticator.authenticate(hashed)).toMatchObject({ user: "hashed" });
  });

  test("share one identity among their connections, and equal permissions among each other", async () => {
    const permissions = permissionsOf({ publishAllow: ["a"] });
    const authenticator = createAuthenticator(
      optionsOf({
        users: [userOf("a", "", { permissions }), userOf("b", "", { permissions }), userOf("c", "")],
      }),
    );
    const [a, again, b, c] = await Promise.all(
      ["a", "a", "b", "c"].map((user) => ask(authenticator, { user })),
    );
    expect(a).toBe(again);
    expect(a?.permissions?.canPublish("b")).toBe(false);
    expect(b?.permissions).toBe(a?.permissions);
    expect(c?.permissions).toBeNull();
  });
});

describe("nkeys", () => {
  const [alice, bob, stranger] = [createUser(), createUser(), createUser()];
  const access: Access = {
    nkeys: [
      nkeyOf(alice.getPublicKey(), { account: "A" }),
      nkeyOf(bob.getPublicKey(), { connectionTypes: ["WEBSOCKET"] }),
    ],
    users: [userOf("plain", "p")],
  };
  const authenticator = createAuthenticator(optionsOf(access));
  const offer = (pair: typeof alice, signature = signatureOf(pair)): Partial<Credentials> => ({
    nkey: pair.getPublicKey(),
    signature,
  });

  test("ask for a nonce to be signed", () => {
    expect(authenticator.needsNonce).toBe(true);
  });

  test("the owner's signature of this nonce is let in", async () => {
    expect(await ask(authenticator, offer(alice), { nonce })).toEqual({
      account: "A",
      user: alice.getPublicKey(),
      permissions: null,
    });
  });

  test.each([
    ["no signature", offer(alice, "")],
    ["another's signature", offer(alice, signatureOf(bob))],
    ["the signature of another nonce", offer(alice, signatureOf(alice, "another"))],
    ["a key nobody configured", offer(stranger)],
    ["another connection type", offer(bob)],
    ["a key that is none", { nkey: "U".repeat(56), signature: "A".repeat(86) }],
    // The key decides, right password or not.
    [
      "a wrong signature beside a right password",
      { ...offer(alice, "A".repeat(86)), user: "plain", password: "p" },
    ],
    ["an unknown key beside a right password", { ...offer(stranger), user: "plain", password: "p" }],
  ])("%s is refused", async (_what, credentials) => {
    expect(await ask(authenticator, credentials, { nonce })).toBeNull();
  });

  test("stand beside users", async () => {
    expect(await ask(authenticator, { user: "plain", password: "p" }, { nonce })).toMatchObject({
      user: "plain",
    });
    expect(await ask(authenticator, offer(bob), { nonce, connectionType: "WEBSOCKET" })).toMatchObject({
      user: bob.getPublicKey(),
    });
  });

  test.each([
    ["an account's key", createAccount().getPublicKey()],
    ["no key", "alice"],
  ])("%s in the configuration is named", (_what, nkey) => {
    expect(() => createAuthenticator(optionsOf({ nkeys: [nkeyOf(nkey)] }))).toThrow(
      `"${nkey}" is not a public user nkey`,
    );
  });
});

describe("no_auth_user", () => {
  const pair = createUser();
  const users = [
    userOf("guest", "p", { account: "GUESTS" }),
    userOf("hashed", hash),
    userOf("web", "p", { connectionTypes: ["WEBSOCKET"] }),
  ];

  test("lets in who offers nothing, before CONNECT and with it", async () => {
    const authenticator = createAuthenticator(optionsOf({ users, noAuthUser: "guest" }));
    expect(authenticator.required).toBe(true);
    expect(authenticator.requiredInInfo).toBe(false);
    expect(await ask(authenticator, {})).toMatchObject({ account: "GUESTS", user: "guest" });
    expect(authenticator.anonymous("STANDARD")).toMatchObject({ account: "GUESTS", user: "guest" });
  });

  test.each([
    ["a wrong user", { user: "nobody" }],
    ["a password", { password: "p" }],
    ["a token", { token: "t" }],
    ["its name without its password", { user: "guest" }],
  ])("does not stand for who offers %s", async (_what, credentials) => {
    const authenticator = createAuthenticator(optionsOf({ users, noAuthUser: "guest" }));
    expect(await ask(authenticator, credentials)).toBeNull();
  });

  test("may have a hashed password, which nobody needs to know", async () => {
    const authenticator = createAuthenticator(optionsOf({ users, noAuthUser: "hashed" }));
    expect(authenticator.authenticate(requestOf({}))).toMatchObject({ user: "hashed" });
    expect(authenticator.anonymous("STANDARD")).toMatchObject({ user: "hashed" });
    expect(await ask(authenticator, { user: "hashed" })).toBeNull();
  });

  test("of another connection type lets nobody in", async () => {
    const authenticator = createAuthenticator(optionsOf({ users, noAuthUser: "web" }));
    expect(await ask(authenticator, {})).toBeNull();
    expect(authenticator.anonymous("STANDARD")).toBeNull();
    expect(authenticator.anonymous("WEBSOCKET")).toMatchObject({ user: "web" });
  });

  test("may be an nkey, without its signature, though not before CONNECT", async () => {
    const nkey = pair.getPublicKey();
    const authenticator = createAuthenticator(optionsOf({ nkeys: [nkeyOf(nkey)], users, noAuthUser: nkey }));
    expect(await ask(authenticator, {})).toMatchObject({ user: nkey });
    expect(await ask(authenticator, { nkey })).toMatchObject({ user: nkey });
    expect(await ask(authenticator, { token: "t" })).toBeNull();
    expect(authenticator.anonymous("STANDARD")).toBeNull();
  });
});

describe("a WebSocket listener", () => {
  const at = (access: Access) => createAuthenticator(optionsOf(access), "websocket");
  const outcomeAt = async (
    access: Access,
    credentials: Partial<Credentials>,
  ): Promise<string | null | undefined> =>
    (await ask(at(access), credentials, { connectionType: "WEBSOCKET" }))?.user;

  test("with nothing of its own has the server's rules", async () => {
    const access: Access = { users: [userOf("u", "p")], noAuthUser: "u", websocket: {} };
    expect(await outcomeAt(access, { user: "u", password: "p" })).toBe("u");
    expect(await outcomeAt(access, {})).toBe("u");
    expect(at(access).anonymous("WEBSOCKET")).toMatchObject({ user: "u" });
    // As the reference server has it: only the TCP listener's INFO takes no_auth_user into account.
    expect(at(access).requiredInInfo).toBe(true);
    expect(at({ websocket: {} }).required).toBe(false);
  });

  test("with a user of its own knows nobody else", async () => {
    const access: Access = { user: "main", password: "p", websocket: { user: "ws", password: "q" } };
    expect(await outcomeAt(access, { user: "ws", password: "q" })).toBe("ws");
    expect(await outcomeAt(access, { user: "main", password: "p" })).toBeUndefined();
    expect(await ask(createAuthenticator(optionsOf(access)), { user: "ws", password: "q" })).toBeNull();
  });

  test("with a token of its own asks for it, even where the server asks for nothing", async () => {
    const access: Access = { websocket: { token: "t" } };
    expect(at(access).required).toBe(true);
    expect(at(access).requiredInInfo).toBe(true);
    expect(createAuthenticator(optionsOf(access)).required).toBe(false);
    expect(await ask(at(access), { token: "t" }, { connectionType: "WEBSOCKET" })).toEqual(open);
    expect(await outcomeAt(access, {})).toBeUndefined();
  });

  test("with a no_auth_user of its own still knows the users", async () => {
    const users = [userOf("main", "p"), userOf("ws", "q")];
    const access: Access = { users, noAuthUser: "main", websocket: { noAuthUser: "ws" } };
    expect(await outcomeAt(access, {})).toBe("ws");
    expect(await outcomeAt(access, { user: "main", password: "p" })).toBe("main");
    expect(at(access).anonymous("WEBSOCKET")).toMatchObject({ user: "ws" });
    expect(createAuthenticator(optionsOf(access)).anonymous("STANDARD")).toMatchObject({ user: "main" });
  });
});

describe("starting", () => {
  test.each([
    ["a token", { token: hash }],
    ["a single user", { user: "u", password: hash }],
    ["one of the users", { users: [userOf("u", hash)] }],
  ] as [string, Access][])("makes sure of bcrypt when %s needs it", async (_what, access) => {
    const passwords = new FailingChecker();
    await expect(createAuthenticator(optionsOf(access), "client", passwords).prepare()).rejects.toThrow(
      "missing",
    );
  });

  test("does not load bcrypt for plain passwords", async () => {
    const access: Access = { users: [userOf("u", "p")] };
    await createAuthenticator(optionsOf(access), "client", new FailingChecker()).prepare();
  });

  test("names a subject that is not valid", () => {
    const permissions = permissionsOf({ publishAllow: ["a..b"] });
    expect(() => createAuthenticator(optionsOf({ users: [userOf("u", "", { permissions })] }))).toThrow(
      '"a..b"',
    );
  });
});

describe("after a reload", () => {
  const kept = requestOf({ user: "u", password: "secret" });
  const passwords = new PasswordChecker();
  const reloaded = (access: Access) =>
    createAuthenticator(optionsOf(access), "client", passwords).authenticate(kept);

  test("the request kept from CONNECT is answered anew, without hashing what was proven", async () => {
    const before = await reloaded({ users: [userOf("u", hash)] });
    expect(before).toMatchObject({ user: "u", account: "$G" });
    const permissions = permissionsOf({ publishAllow: ["a"] });
    const after = reloaded({ users: [userOf("u", hash, { account: "A", permissions })] });
    expect(after).toMatchObject({ user: "u", account: "A" });
    expect(after).not.toBe(before);
  });

  test("a removed user and a changed password are refused", async () => {
    expect(await reloaded({ users: [userOf("u", hash)] })).not.toBeNull();
    expect(reloaded({ users: [userOf("v", hash)] })).toBeNull();
    expect(reloaded({ users: [userOf("u", "other")] })).toBeNull();
    const otherHash = hash.replace("prX", "prY");
    expect(await reloaded({ users: [userOf("u", otherHash)] })).toBeNull();
  });
});

describe("hostile credentials", () => {
  const pair = createUser();
  const accesses: Access[] = [
    { token: "correct horse" },
    { user: "battery", password: "staple" },
    { users: [userOf("battery", "staple")], nkeys: [nkeyOf(pair.getPublicKey())], verifyAndMap: false },
    { users: [userOf("battery", "staple")], verifyAndMap: true },
  ];

  test.each(accesses)("are refused whatever they are: %o", (access) => {
    const authenticator = createAuthenticator(optionsOf(access));
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("x".repeat(1 << 16), "\0", "=", pair.getPublicKey()),
    );
    const credentials = fc.record({
      user: text,
      password: text,
      token: text,
      nkey: text,
      signature: text,
      jwt: text,
    });
    fc.assert(
      fc.property(credentials, text, (offered, sent) => {
        expect(authenticator.authenticate(requestOf(offered, { nonce: sent }))).toBeNull();
      }),
      { numRuns: 200 },
    );
  });
});

class FailingChecker extends PasswordChecker {
  override prepare(): Promise<void> {
    return Promise.reject(new Error("missing"));
  }
}
