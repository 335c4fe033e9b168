/** Our verdicts beside those of the real nats-server, asked over its sockets. Skipped where there is none on the PATH. */
import { createUser } from "@nats-io/nkeys";
import fc from "fast-check";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { createAuthenticator, type Listener } from "../../src/auth/authenticator.ts";
import type { ConnectionType, Credentials } from "../../src/auth/identity.ts";
import { Permissions } from "../../src/auth/permissions.ts";
import { ResponsePermits } from "../../src/auth/response-permits.ts";
import type { PermissionsOptions, UserOptions } from "../../src/config/options.ts";
import { nkeyOf, optionsOf, requestOf, userOf, type Access } from "./auth-options.ts";
import {
  literal,
  maySubscribe,
  pattern,
  permissionsOf,
  permissionsOptions,
  queueName,
} from "./permission-model.ts";
import { RawClient, startNatsServer, type ReferenceServer } from "./reference-server.ts";
import { describeWith, natsServer } from "../fixture/needs.ts";

const server215 = natsServer("2.15.0");
const runs = { seed: 4222 };

describeWith(server215, "beside the real nats-server", () => {
  test("permissions to publish and subscribe", async () => {
    const count = 60;
    const lists = [
      permissionsOf({ subscribeAllow: ["foo.*", "*"], publishAllow: ["p.*"], publishDeny: ["p.a"] }),
      ...fc.sample(permissionsOptions, { ...runs, numRuns: count }),
    ];
    const server = await startNatsServer(
      server215.path,
      usersText(lists.map((permissions, n) => userOf(`u${n}`, "p", { permissions }))),
    );
    const subscriptions = fc.sample(fc.tuple(fc.oneof(pattern, literal), queueName), {
      ...runs,
      numRuns: 25,
    });
    const publishes = fc.sample(fc.oneof({ weight: 4, arbitrary: literal }, pattern), {
      ...runs,
      numRuns: 20,
    });
    subscriptions.push(["foo.>", null], [">", null], ["*", null]);
    publishes.push("p.a", "p.b", "p.*", "a..b", "a.");
    try {
      for (const [n, options] of lists.entries()) {
        const client = await logIn(server, { user: `u${n}`, password: "p" });
        const permissions = new Permissions(options);
        const ops = [
          ...subscriptions.map(([subject, queue], sid) => `SUB ${subject} ${queue ?? ""} ${sid}\r\n`),
          ...publishes.map((subject) => `PUB ${subject} 0\r\n\r\n`),
        ];
        client.say(ops.join(""));
        const answers = (await client.settle())
          .filter((line) => /^(\+OK|-ERR)/.test(line))
          .map((line) => line === "+OK");
        client.close();
        const label = (op: string): string => `${op} under ${JSON.stringify(options)}`;
        for (const [at, [subject, queue]] of subscriptions.entries()) {
          const op = label(ops[at] as string);
          expect(maySubscribe(options, subject, queue, "reference"), op).toBe(answers[at]);
          expect(permissions.canSubscribe(subject, queue), op).toBe(
            maySubscribe(options, subject, queue, "frond"),
          );
        }
        for (const [at, subject] of publishes.entries()) {
          const answer = answers[subscriptions.length + at];
          expect(permissions.canPublish(subject), label(`PUB ${subject}`)).toBe(answer);
        }
      }
    } finally {
      await server.stop();
    }
  });

  test("what a wide subscription is kept from", async () => {
    const withDenies = permissionsOptions.filter((options) => options.subscribe.deny !== null);
    const lists = fc.sample(withDenies, { ...runs, numRuns: 40 }).map((options) => ({
      ...options,
      subscribe: { ...options.subscribe, allow: null },
    }));
    const users = lists.map((permissions, n) => userOf(`u${n}`, "p", { permissions }));
    const server = await startNatsServer(server215.path, usersText([...users, userOf("admin", "p")]));
    const subjects = [...new Set(fc.sample(literal, { ...runs, numRuns: 30 }))];
    const counts = { delivered: 0, denied: 0 };
    try {
      const admin = await logIn(server, { user: "admin", password: "p" });
      for (const [n, options] of lists.entries()) {
        const permissions = new Permissions(options);
        const subscriptions = fc
          .sample(fc.tuple(pattern, queueName), { seed: n, numRuns: 6 })
          .filter(([subject, queue]) => permissions.canSubscribe(subject, queue))
          // One member a queue group, or it would be chance who receives.
          .filter(
            ([, queue], at, all) => queue === null || all.findIndex(([, other]) => other === queue) === at,
          );
        const client = await logIn(server, { user: `u${n}`, password: "p" });
        client.say(
          subscriptions.map(([subject, queue], sid) => `SUB ${subject} ${queue ?? ""} ${sid}\r\n`).join(""),
        );
        await client.settle();
        admin.say(subjects.map((subject) => `PUB ${subject} 0\r\n\r\n`).join(""));
        await admin.settle();
        const heard = (await client.settle()).filter((line) => line.startsWith("MSG"));
        client.close();
        const expected = subjects.flatMap((subject) =>
          subscriptions.flatMap(([subscribed, queue], sid) => {
            const matches = new Permissions(permissionsOf({ publishAllow: [subscribed] })).canPublish(
              subject,
            );
            const isFiltered = permissions.filtersSubscription(subscribed, queue);
            if (!matches) return [];
            const isDenied = isFiltered && permissions.deliveryDenied(subject, queue);
            counts[isDenied ? "denied" : "delivered"]++;
            if (isDenied) return [];
            return [`MSG ${subject} ${sid} 0`];
          }),
        );
        expect(heard.sort(), JSON.stringify({ options, subscriptions })).toEqual(expected.sort());
      }
      admin.close();
      expect(Math.min(counts.delivered, counts.denied), "both outcomes were seen").toBeGreaterThan(20);
    } finally {
      await server.stop();
    }
  });

  test("answers to what was received", async () => {
    const responses = { maxMessages: 2, expiresMs: 400 };
    const options = permissionsOf({ responses, publishAllow: ["always"] });
    const server = await startNatsServer(
      server215.path,
      usersText([userOf("s", "p", { permissions: options }), userOf("c", "p")]),
    );
    try {
      const [service, caller] = [
        await logIn(server, { user: "s", password: "p" }),
        await logIn(server, { user: "c", password: "p" }),
      ];
      const permissions = new Permissions(options);
      const permits = new ResponsePermits(permissions);
      let nowMs = 0;
      const request = async (reply: string): Promise<void> => {
        caller.say(`PUB svc ${reply} 0\r\n\r\n`);
        await caller.settle();
        await service.settle();
        permits.grant(reply, nowMs);
      };
      const answer = async (reply: string): Promise<void> => {
        service.say(`PUB ${reply} 0\r\n\r\n`);
        const isAllowed = (await service.settle())[0] === "+OK";
        expect(permissions.canPublish(reply) || permits.allows(reply, nowMs), `${reply} at ${nowMs}`).toBe(
          isAllowed,
        );
      };
      service.say("SUB svc 1\r\n");
      await service.settle();
      await answer("r1");
      await request("r1");
      await request("always");
      for (const reply of ["r1", "always", "r1", "r2", "r1", "always"]) await answer(reply);
      await request("r1");
      await answer("r1");
      await request("r3");
      await wait(600);
      nowMs += 600;
      for (const reply of ["r3", "r1", "always"]) await answer(reply);
    } finally {
      await server.stop();
    }
  });

  const [alice, stranger] = [createUser(), createUser()];
  const hash = "$2a$04$prXnN1gisuLMRc8u7bd7GuPtByq8U7d.bQbLPplumAubm52QnAtuy";
  const users = [
    userOf("plain", "p"),
    userOf("hashed", hash),
    userOf("empty", ""),
    userOf("web", "p", { connectionTypes: ["WEBSOCKET"] }),
  ];
  const nkeys = [nkeyOf(alice.getPublicKey())];

  test.each([
    ["nothing", { websocket: {} }],
    ["a token", { token: "t", websocket: {} }],
    ["a hashed token", { token: hash, websocket: {} }],
    ["a single user, WebSocket's own token", { user: "plain", password: "p", websocket: { token: "t" } }],
    ["nothing, WebSocket's own user", { websocket: { user: "plain", password: "p" } }],
    ["users", { users, websocket: {} }],
    ["users and nkeys", { users, nkeys, websocket: {} }],
    ["no_auth_user", { users, nkeys, noAuthUser: "plain", websocket: {} }],
    ["an nkey as no_auth_user", { users, nkeys, noAuthUser: alice.getPublicKey(), websocket: {} }],
    ["no_auth_user for WebSocket only", { users, noAuthUser: "plain", websocket: { noAuthUser: "web" } }],
    ["no_auth_user only on WebSocket", { users, websocket: { noAuthUser: "web" } }],
  ] as [string, Access][])("who may log in with %s", async (_what, access) => {
    const server = await startNatsServer(server215.path, accessText(access));
    const sign = (pair: typeof alice, nonce: string): string =>
      Buffer.from(pair.sign(new TextEncoder().encode(nonce))).toString("base64url");
    const offers: ((nonce: string) => Partial<Credentials>)[] = [
      () => ({}),
      ...["plain", "hashed", "empty", "web", "nobody"].flatMap((user) =>
        ["p", "secret", hash, ""].map((password) => () => ({ user, password })),
      ),
      () => ({ token: "t" }),
      () => ({ token: "secret" }),
      () => ({ token: hash }),
      () => ({ password: "p" }),
      () => ({ user: "plain", password: "p", token: "x" }),
      (nonce) => ({ nkey: alice.getPublicKey(), signature: sign(alice, nonce) }),
      (nonce) => ({ nkey: alice.getPublicKey(), signature: sign(stranger, nonce) }),
      (nonce) => ({ nkey: stranger.getPublicKey(), signature: sign(stranger, nonce) }),
      () => ({ nkey: alice.getPublicKey() }),
      () => ({ nkey: "plain", user: "plain", password: "p" }),
    ];
    try {
      await compare("client", "STANDARD", () => Promise.resolve(RawClient.overTcp(server.port)));
      await compare("websocket", "WEBSOCKET", () => RawClient.overWebSocket(server.websocketPort as number));
    } finally {
      await server.stop();
    }

    async function compare(
      listener: Listener,
      connectionType: ConnectionType,
      open: () => Promise<RawClient>,
    ): Promise<void> {
      const authenticator = createAuthenticator(optionsOf(access), listener);
      for (const offer of offers) {
        const client = await open();
        const info = await infoOf(client);
        expect(info.auth_required ?? false, listener).toBe(authenticator.requiredInInfo);
        expect(info.nonce !== undefined, listener).toBe(authenticator.needsNonce);
        const nonce = info.nonce ?? "";
        const credentials = offer(nonce);
        client.say(connectLine(credentials));
        const isAllowed = !(await client.settle()).some((line) => line.startsWith("-ERR"));
        client.close();
        const identity = await authenticator.authenticate(requestOf(credentials, { connectionType, nonce }));
        expect(identity !== null, `${listener} ${JSON.stringify(credentials)}`).toBe(isAllowed);
      }
      const early = await open();
      await infoOf(early);
      const isAllowed = !(await early.settle()).some((line) => line.startsWith("-ERR"));
      early.close();
      expect(authenticator.anonymous(connectionType) !== null, `${listener} before CONNECT`).toBe(isAllowed);
    }
  });
});

async function infoOf(client: RawClient): Promise<{ auth_required?: boolean; nonce?: string }> {
  const [line = ""] = await client.hearUntil("INFO");
  return JSON.parse(line.slice("INFO ".length)) as { auth_required?: boolean; nonce?: string };
}

async function logIn(server: ReferenceServer, credentials: Partial<Credentials>): Promise<RawClient> {
  const client = RawClient.overTcp(server.port);
  await infoOf(client);
  client.say(connectLine(credentials));
  expect(await client.settle()).toEqual(["+OK"]);
  return client;
}

function connectLine({ user, password, token, nkey, signature }: Partial<Credentials>): string {
  const fields = { user, pass: password, auth_token: token, nkey, sig: signature };
  return `CONNECT ${JSON.stringify({ verbose: true, pedantic: false, echo: true, ...fields })}\r\n`;
}

function usersText(users: readonly UserOptions[]): string {
  return `authorization { users: [\n${users.map(userText).join("\n")}\n] }`;
}

function accessText({ user, password, token, users, nkeys, noAuthUser, websocket }: Access): string {
  const entries = [...(users ?? []).map(userText), ...(nkeys ?? []).map(({ nkey }) => `{ nkey: ${nkey} }`)];
  const lists = users === undefined && nkeys === undefined ? "" : `users: [\n${entries.join("\n")}\n]`;
  return [
    `authorization { ${single({ user, password, token })} ${lists} }`,
    noAuthUser === undefined ? "" : `no_auth_user: ${noAuthUser}`,
    websocket === undefined
      ? ""
      : `websocket { listen: "127.0.0.1:-1", no_tls: true
          authorization { ${single(websocket)} }
          ${websocket.noAuthUser === undefined ? "" : `no_auth_user: ${websocket.noAuthUser}`} }`,
  ].join("\n");
}

function single(parts: {
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
}): string {
  return Object.entries({ user: parts.user, password: parts.password, token: parts.token })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join(", ");
}

function userText({ user, password, permissions, connectionTypes }: UserOptions): string {
  const types =
    connectionTypes.length === 0 ? "" : `, allowed_connection_types: ${JSON.stringify(connectionTypes)}`;
  const lists = permissions === null ? "" : `, permissions: ${permissionsText(permissions)}`;
  return `{ user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)}${types}${lists} }`;
}

function permissionsText({ publish, subscribe, responses }: PermissionsOptions): string {
  const qualified = subscribe.allow?.map(({ subject, queue }) =>
    queue === null ? subject : `${subject} ${queue}`,
  );
  const denied = subscribe.deny?.map(({ subject, queue }) =>
    queue === null ? subject : `${subject} ${queue}`,
  );
  const lists = (
    allow: readonly string[] | null | undefined,
    deny: readonly string[] | null | undefined,
  ): string =>
    `{ ${allow ? `allow: ${JSON.stringify(allow)}` : ""}\n${deny ? `deny: ${JSON.stringify(deny)}` : ""} }`;
  const answers =
    responses === null
      ? ""
      : `, allow_responses: { max: ${responses.maxMessages}, expires: "${responses.expiresMs}ms" }`;
  return `{ publish: ${lists(publish.allow, publish.deny)}, subscribe: ${lists(qualified, denied)}${answers} }`;
}
