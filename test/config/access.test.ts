import { createUser, createAccount } from "@nats-io/nkeys";
import { describe, expect, test } from "vitest";
import { load, problemsOf } from "./helper.ts";

const userKey = createUser().getPublicKey();
const otherUserKey = createUser().getPublicKey();
const accountKey = createAccount().getPublicKey();

describe("ways to log in", () => {
  test("a single user, or a token", () => {
    expect(load("authorization { user: a, password: b }").options.authorization).toEqual({
      user: "a",
      password: "b",
      token: null,
      users: null,
      nkeys: null,
    });
    expect(load("authorization { username: a, pass: b }").options.authorization).toMatchObject({
      user: "a",
      password: "b",
    });
    expect(load("authorization { token: s3cr3t }").options.authorization).toMatchObject({
      token: "s3cr3t",
      users: null,
    });
  });

  test("users of the global account and of others", () => {
    const { options } = load(`
      authorization { users: [{ user: a, password: b }, { nkey: ${userKey} }] }
      accounts {
        A { users: [{ username: c, pass: d, allowed_connection_types: [standard, WebSocket] }] }
        B { nkey: ${accountKey}, users = [ {nkey: ${otherUserKey}, clients: MQTT} ] }
      }`);
    expect(options.authorization.users).toEqual([
      { user: "a", password: "b", account: "$G", permissions: null, connectionTypes: [] },
      {
        user: "c",
        password: "d",
        account: "A",
        permissions: null,
        connectionTypes: ["STANDARD", "WEBSOCKET"],
      },
    ]);
    expect(options.authorization.nkeys).toEqual([
      { nkey: userKey, account: "$G", permissions: null, connectionTypes: [] },
      { nkey: otherUserKey, account: "B", permissions: null, connectionTypes: ["MQTT"] },
    ]);
    expect(options.accounts.map(({ name, nkey }) => [name, nkey])).toEqual([
      ["$G", null],
      ["A", null],
      ["B", accountKey],
      ["$SYS", null],
    ]);
  });

  test("an empty list of users asks for a login all the same, in the authorization block", () => {
    const { options, warnings } = load("authorization { users: [] }");
    expect(options.authorization.users).toEqual([]);
    expect(warnings).toEqual(['1:17: "users" is empty: no client can log in']);
    expect(load("accounts { A { users: [] } }").options.authorization.users).toBeNull();
  });

  test("default permissions are for users without their own", () => {
    const { options } = load(`
      authorization {
        users: [{ user: a }, { user: b, permissions: { publish: own } }]
        default_permissions: { publish: common }
      }
      accounts { A { users: [{ user: c }], default_permissions { subscribe: [ s ] } } }`);
    const allowed = options.authorization.users?.map(({ user, permissions }) => [
      user,
      permissions?.publish.allow,
      permissions?.subscribe.allow,
    ]);
    expect(allowed).toEqual([
      ["a", ["common"], null],
      ["b", ["own"], null],
      ["c", null, [{ subject: "s", queue: null }]],
    ]);
  });

  test("accounts may be a list of names", () => {
    const { options } = load("accounts: [A, B]\nauthorization { user: u, pass: p }");
    expect(options.accounts.map(({ name }) => name)).toEqual(["$G", "A", "B", "$SYS"]);
    expect(options.authorization.users).toBeNull();
  });

  test("limits of an account", () => {
    const limitsOf = (text: string): unknown =>
      load(`accounts { A { limits { ${text} } } }`).options.accounts[1]?.limits;
    const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };
    expect(limitsOf("")).toEqual(unlimited);
    expect(limitsOf("max_connections: 1, max_subscriptions: 2, max_payload: 3")).toEqual({
      maxConnections: 1,
      maxSubscriptions: 2,
      maxPayloadBytes: 3,
    });
    expect(limitsOf("max_conn: 1, max_subs: 2, max_pay: 3kb")).toMatchObject({ maxPayloadBytes: 3072 });
    expect(limitsOf("max_conn: -5")).toEqual(unlimited);
  });
});

describe("the system account", () => {
  test("is the one named $SYS if no other is", () => {
    const { options } = load("accounts { $SYS { users: [{user: s, password: p}] }, A {} }");
    expect(options.systemAccount).toBe("$SYS");
    expect(options.accounts.map(({ name }) => name)).toEqual(["$G", "$SYS", "A"]);
    expect(options.noAuthUser).toBeNull();
  });

  test("alone leaves the door open for everybody else, through an invented user", () => {
    for (const text of [
      "accounts { $SYS { users: [{user: s, password: p}] } }",
      "system_account: A\naccounts { A {} }",
    ]) {
      const { options } = load(text);
      const invented = options.authorization.users?.find(({ user }) => user === options.noAuthUser);
      expect(options.noAuthUser).toMatch(/^nats-[\w-]{8}$/);
      expect(invented).toMatchObject({ account: "$G", permissions: null });
      expect(invented?.password.length).toBeGreaterThan(8);
      expect(load(text).options.noAuthUser).toBe(options.noAuthUser);
    }
  });

  test("does not when anything says who may log in", () => {
    const system = "accounts { $SYS { users: [{user: s, password: p}] } }";
    expect(load(`${system}\nauthorization {}`).options.noAuthUser).toBeNull();
    expect(load(`${system}\nno_auth_user: s`).options.noAuthUser).toBe("s");
    expect(load(system, { flags: { token: "t" } }).options.noAuthUser).toBeNull();
    expect(load("accounts { $SYS {}, A {} }").options.noAuthUser).toBeNull();
    expect(load("accounts { A {} }").options.noAuthUser).toBeNull();
  });
});

describe("permissions", () => {
  const permissionsOf = (text: string): unknown =>
    load(`authorization { users: [{ user: a, permissions: { ${text} } }] }`).options.authorization.users?.[0]
      ?.permissions;
  const none = { allow: null, deny: null };

  const cases: [string, unknown][] = [
    ["", { publish: none, subscribe: none, responses: null }],
    ["publish: a", { publish: { allow: ["a"], deny: null }, subscribe: none, responses: null }],
    ["pub: [a, 'b.>']", { publish: { allow: ["a", "b.>"], deny: null }, subscribe: none, responses: null }],
    ["import: a", { publish: { allow: ["a"], deny: null }, subscribe: none, responses: null }],
    [
      "publish: { allow: a, deny: [b, c] }",
      { publish: { allow: ["a"], deny: ["b", "c"] }, subscribe: none, responses: null },
    ],
    ["publish: {}", { publish: none, subscribe: none, responses: null }],
    ["publish: { deny: [] }", { publish: none, subscribe: none, responses: null }],
    [
      "sub: [a, 'b q', 'c.*  v1.*']",
      {
        publish: none,
        subscribe: {
          allow: [
            { subject: "a", queue: null },
            { subject: "b", queue: "q" },
            { subject: "c.*", queue: "v1.*" },
          ],
          deny: null,
        },
        responses: null,
      },
    ],
    [
      "export: { deny: 'a q' }",
      { publish: none, subscribe: { allow: null, deny: [{ subject: "a", queue: "q" }] }, responses: null },
    ],
    [
      "allow_responses: true",
      {
        publish: { allow: [], deny: null },
        subscribe: none,
        responses: { maxMessages: 1, expiresMs: 120_000 },
      },
    ],
    ["allow_responses: false", { publish: none, subscribe: none, responses: null }],
    [
      "publish_allow_responses: { max: 5, expires: '1m' }, publish: a",
      {
        publish: { allow: ["a"], deny: null },
        subscribe: none,
        responses: { maxMessages: 5, expiresMs: 60_000 },
      },
    ],
    [
      "allow_responses: { max_msgs: -1, ttl: '-1s' }, publish: { deny: x }",
      {
        publish: { allow: [], deny: ["x"] },
        subscribe: none,
        responses: { maxMessages: -1, expiresMs: -1_000 },
      },
    ],
    [
      "allow_responses: { max_responses: 0, expiration: '0s' }",
      {
        publish: { allow: [], deny: null },
        subscribe: none,
        responses: { maxMessages: 1, expiresMs: 120_000 },
      },
    ],
  ];
  test.each(cases)("{ %s }", (text, expected) => {
    expect(permissionsOf(text)).toEqual(expected);
  });

  test("subjects become wire strings", () => {
    expect(permissionsOf("publish: 'grün', subscribe: 'ä ö'")).toMatchObject({
      publish: { allow: ["gr\xc3\xbcn"] },
      subscribe: { allow: [{ subject: "\xc3\xa4", queue: "\xc3\xb6" }] },
    });
  });

  test("an empty list restricts nothing, and that is said", () => {
    const { options, warnings } = load(
      "authorization { users: [{ user: a, permissions: { publish: [], sub: {allow: []} } }] }",
    );
    expect(options.authorization.users?.[0]?.permissions).toMatchObject({ publish: none, subscribe: none });
    expect(warnings).toEqual([
      expect.stringMatching(/an empty "publish" restricts nothing; to allow nothing, deny ">"$/),
      expect.stringMatching(/an empty "sub\.allow" restricts nothing; to allow nothing, deny ">"$/),
    ]);
  });
});

describe("mappings", () => {
  const mappingsOf = (text: string): unknown => load(`mappings { ${text} }`).options.accounts[0]?.mappings;

  test("belong to the global account at the top, and to theirs in an account", () => {
    expect(mappingsOf('a: b, "c.*": "d.$1"')).toEqual([
      { source: "a", destinations: [{ subject: "b", weightPercent: 100 }] },
      { source: "c.*", destinations: [{ subject: "d.$1", weightPercent: 100 }] },
    ]);
    expect(load("accounts { A { maps { ü: x } } }").options.accounts[1]?.mappings).toEqual([
      { source: "\xc3\xbc", destinations: [{ subject: "x", weightPercent: 100 }] },
    ]);
  });

  test("may be weighted", () => {
    expect(mappingsOf("a: { destination: b, weight: 40% }")).toEqual([
      { source: "a", destinations: [{ subject: "b", weightPercent: 40 }] },
    ]);
    expect(mappingsOf('a: [{ dest: b, weight: 10 }, { dest: c, weight: "20%" }]')).toEqual([
      {
        source: "a",
        destinations: [
          { subject: "b", weightPercent: 10 },
          { subject: "c", weightPercent: 20 },
        ],
      },
    ]);
    expect(mappingsOf("a: []")).toEqual([{ source: "a", destinations: [] }]);
  });
});

describe("what can not be is refused", () => {
  const cases: [string, string][] = [
    ["authorization: x", '1:1: expected "authorization" to be a map, not a string'],
    ["authorization { foo: 1 }", '1:17: unknown field "foo"'],
    ["authorization { user: 5 }", '1:17: "user" must be a string, not an integer: put quotes around it'],
    ["authorization { user: a, pass: b, token: c }", "1:1: Cannot have a user/pass and token"],
    [
      "authorization { user: a, users: [{user: b}] }",
      "1:1: Can not have a single user/pass and a users array",
    ],
    ["authorization { token: a, users: [] }", "1:1: Can not have a token and a users array"],
    [
      "authorization { token: t }\naccounts { A { users: [{user: b}] } }",
      "2:16: Can not have a token and accounts",
    ],
    [
      "accounts { A { users: [{user: b}] } }\nauthorization { user: a }",
      "1:16: Can not have a single user/pass and accounts",
    ],
    ["authorization { users: x }", "1:17: Expected users field to be an array, got a string"],
    ["authorization { users: [x] }", "1:25: Expected user entry to be a map/struct, got a string"],
    ["authorization { users: [{password: x}] }", "1:25: User entry requires a user"],
    ["authorization { users: [{nkey: x}] }", "1:26: Not a valid public nkey for a user"],
    [`authorization { users: [{nkey: ${accountKey}}] }`, "1:26: Not a valid public nkey for a user"],
    [
      `authorization { users: [{nkey: ${userKey.slice(0, -1)}${userKey.endsWith("A") ? "B" : "A"}}] }`,
      "1:26: Not a valid public nkey for a user",
    ],
    [
      `authorization { users: [{nkey: ${userKey}, pass: x}] }`,
      "1:26: Nkey users do not take usernames or passwords",
    ],
    ["authorization { users: [{user: a, foo: 1}] }", '1:35: unknown field "foo"'],
    ["authorization { users: [{user: a}, {user: a}] }", '1:37: Duplicate user "a" detected'],
    [
      "authorization { users: [{user: a}] }\naccounts { A { users: [{user: a}] } }",
      '2:25: Duplicate user "a" detected',
    ],
    [
      `accounts { A { users: [{nkey: ${userKey}}] }, B { users: [{nkey: ${userKey}}] } }`,
      `1:106: Duplicate nkey "${userKey}" detected`,
    ],
    [
      "authorization { users: [{user: a, connection_types: [FOO, standard, bar]}] }",
      '1:35: invalid connection types ["FOO" "BAR"]',
    ],
    ["accounts { $G {} }", '1:12: "$G" is a Reserved Account'],
    ['accounts: [A, "$G", A ]', '1:16: "$G" is a Reserved Account'],
    ["accounts: [A, A ]", "1:15: Duplicate Account Entry: A"],
    ["accounts { A: 5 }", "1:12: Expected map entries for accounts"],
    ["accounts { A { foo: 1 } }", '1:16: unknown field "foo"'],
    ["accounts { A { nkey: x } }", '1:16: Not a valid public nkey for an account: "x"'],
    ["accounts { A { limits: 5 } }", "1:16: Expected account limits to be a map/struct, got an integer"],
    ["accounts { A { limits { foo: 1 } } }", '1:25: Unknown field "foo" parsing account limits'],
    ["accounts { A { limits { max_conn: 3g } } }", "1:25: max_conn value is too big"],
    ["no_auth_user: a", 'no_auth_user: "a" present, but users/nkeys are not defined'],
    [
      "no_auth_user: a\nauthorization { users: [{user: b}] }",
      'no_auth_user: "a" not present as user or nkey in authorization block or account configuration',
    ],
    ["mappings: a", '1:1: expected "mappings" to be a map, not a string'],
    ["mappings { a..b: c }", '1:12: Subject "a..b" is not a valid subject'],
    ["mappings { a: 5 }", "1:12: Expected an entry for the mapping destination"],
    ["mappings { a: [b] }", "1:16: Expected an entry for the mapping destination"],
    ["mappings { a: { dest: b } }", '1:12: Missing weight for mapping destination "b"'],
    ["mappings { a: { dest: b, weight: 101 } }", "1:26: Invalid weight 101 for mapping destination"],
    ["mappings { a: { dest: b, weight: -1 } }", "1:26: Invalid weight -1 for mapping destination"],
    ['mappings { a: { dest: b, weight: "x%" } }', '1:26: Invalid weight "x" for mapping destination'],
    ["mappings { a: { dest: b, weight: 1, foo: 2 } }", '1:37: Unknown field "foo" for mapping destination'],
    [
      "mappings { a: [{dest: b, weight: 60}, {dest: c, weight: 50}] }",
      '1:12: Error adding mapping for "a" : total weight needs to be <= 100',
    ],
    [
      "mappings { a: [{dest: b, weight: 1}, {dest: b, weight: 1}] }",
      '1:12: Error adding mapping for "a" : duplicate entry for "b"',
    ],
    [
      "mappings { a: 'b.$1' }",
      '1:12: Error adding mapping for "a" to "b.$1" : invalid mapping destination: wildcard index out of range in $1',
    ],
  ];
  test.each(cases)("%j", (text, problem) => {
    expect(problemsOf(text)).toContainEqual(expect.stringContaining(problem));
  });

  const permissionCases: [string, string][] = [
    ["publish: 5", '1:1: "publish" must be a string or an array of strings, not an integer'],
    ["publish: [5, a]", '"publish" must be a string, not an integer: put quotes around it'],
    ["publish: 'a..b'", 'subject "a..b" is not a valid subject'],
    ["publish: 'a q'", 'subject "a q" is not a valid subject'],
    ["publish: ''", 'subject "" is not a valid subject'],
    ["subscribe: 'a b c'", 'subject "a b c" is not a valid subject'],
    ["subscribe: 'a. q'", 'subject "a." is not a valid subject'],
    ["subscribe: 'a .q'", 'queue ".q" is not a valid queue'],
    [
      "subscribe: { foo: a }",
      `Unknown field name "foo" parsing subject permissions, only 'allow' or 'deny' are permitted`,
    ],
    ["foo: a", 'Unknown field "foo" parsing permissions'],
    ["allow_responses: 5", "error parsing response permissions, expected a boolean or a map"],
    ["allow_responses: { foo: 1 }", 'Unknown field "foo" parsing permissions'],
    ["allow_responses: { expires: 5 }", "error parsing expires, not a duration string"],
    ["allow_responses: { expires: '5x' }", 'error parsing expires: invalid duration "5x"'],
    ["allow_responses: { max: a }", '"max" must be an integer, not a string'],
  ];
  test.each(permissionCases)("permissions { %s }", (text, problem) => {
    const [found, ...more] = problemsOf(`authorization { users: [{ user: a, permissions: { ${text} } }] }`);
    expect(more).toEqual([]);
    expect(found).toMatch(/^1:\d+: /);
    expect(found).toContain(problem.replace(/^1:1: /, ""));
  });

  test("permissions that are no map", () => {
    expect(problemsOf("authorization { permissions: x, users: [] }")).toEqual([
      "1:17: Expected permissions to be a map/struct, got a string",
    ]);
  });
});
