/** Rows for users, permissions, accounts, mappings and what accounts have of JetStream. */
import type { Reloadable } from "./reloadable.ts";
import { admits, elsewhere, hears, live, nothing, restart, varz, type Look, type Row } from "./rows.ts";

type Rows = Readonly<Record<string, Row>>;

/** Of the WebSocket listener. */
export const simpleAuthorizationRows: Rows = {
  user: restart("a", "b", "Websocket.authorization", "password: p"),
  password: restart("a", "b", "Websocket.authorization", "user: u"),
  token: restart("a", "b", "Websocket.authorization"),
  timeout: restart("3", "4", "Websocket.authorization", "user: u"),
};

const denied = (what: string): string[] => [`-ERR 'Permissions Violation for ${what}'`];

export const authorizationRows: Rows = {
  user: live("a", "b", admits({ user: "b", pass: "p" }), [false, true], "password: p"),
  password: live("a", "b", admits({ user: "u", pass: "b" }), [false, true], "user: u"),
  token: live("a", "b", admits({ auth_token: "b" }), [false, true]),
  timeout: live("3", "4", varz("auth_timeout"), [3, 4], "user: u"),
  users: live("[{ user: a, password: p }]", "[{ user: b, password: p }]", admits({ user: "b", pass: "p" }), [
    false,
    true,
  ]),
  default_permissions: live(
    "{ publish: a }",
    "{ publish: b }",
    hears("a", "a", { user: "u" }),
    [["MSG"], denied('Publish to "a"')],
    "users: [{ user: u }]",
  ),
};

const one = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

export const userRows: Rows = {
  user: live("a", "b", admits({ user: "b", pass: "p" }), [false, true], "password: p"),
  pass: live("a", "b", admits({ user: "u", pass: "b" }), [false, true], "user: u"),
  nkey: live(null, null, admits({ user: "u" }), [true, true], `user: u }, { nkey: ${one}`),
  permissions: live(
    "{ publish: a }",
    "{ publish: b }",
    hears("a", "a", { user: "u" }),
    [["MSG"], denied('Publish to "a"')],
    "user: u",
  ),
  allowed_connection_types: live(
    "[STANDARD]",
    "[WEBSOCKET]",
    admits({ user: "u" }),
    [true, false],
    "user: u",
  ),
};

const asU = { user: "u" };
/** Whether somebody who is asked on `q` may answer once. */
const answers: Look = async (broker: Reloadable) => {
  const [asker, responder] = [await broker.client({ user: "all" }), await broker.client(asU)];
  responder.send("SUB q 1\r\n");
  await responder.untilPong();
  asker.send("SUB r 1\r\nPUB q r 1\r\nx\r\n");
  await asker.untilPong();
  await responder.untilPong();
  responder.send("PUB r 1\r\ny\r\nPUB r 1\r\nz\r\n");
  return (await responder.untilPong()).map((line) => line.replace(/ for .*/, ""));
};
const refusedOnce = ["-ERR 'Permissions Violation"];
const both = [...refusedOnce, ...refusedOnce];

export const permissionRows: Rows = {
  publish: live("a", "b", hears("a", "a", asU), [["MSG"], denied('Publish to "a"')]),
  subscribe: live("a", "b", hears("a", "x", asU), [[], denied('Subscription to "a"')]),
  allow_responses: live("{ max: 1 }", "{ max: 2 }", answers, [refusedOnce, []], "publish { deny: r }"),
  allow: live("a", "b", hears("a", "a", asU), [["MSG"], denied('Publish to "a"')]),
  deny: live("b", "a", hears("a", "a", asU), [["MSG"], denied('Publish to "a"')]),
  max: live("1", "2", answers, [refusedOnce, []]),
  expires: live('"1h"', '"1ns"', answers, [[], both], "max: 5"),
};

export const accountRows: Rows = {
  nkey: nothing(
    "ADFB2JXYTXOJEL6LNAXDREUGRX35BOLZI3B4PFFAC7IRPR3OA4QNKBN2",
    "ADFB2JXYTXOJEL6LNAXDREUGRX35BOLZI3B4PFFAC7IRPR3OA4QNKBN2",
  ),
  users: live("[{ user: a, password: p }]", "[{ user: b, password: p }]", admits({ user: "b", pass: "p" }), [
    false,
    true,
  ]),
  default_permissions: live(
    "{ publish: a }",
    "{ publish: b }",
    hears("a", "a", asU),
    [["MSG"], denied('Publish to "a"')],
    "users: [{ user: u }]",
  ),
  jetstream: elsewhere("test/reload/keys.test.ts"),
  mappings: live("{ a: b }", "{ a: c }", hears("c", "a", asU), [[], ["MSG"]], "users: [{ user: u }]"),
  limits: elsewhere("test/reload/keys.test.ts"),
};

const subscribesTwice: Look = async (broker) => {
  const client = await broker.client(asU);
  client.send("SUB a 1\r\nSUB b 2\r\n");
  return client.untilPong();
};

export const accountLimitRows: Rows = {
  max_subs: live("1", "0", hears("a", "x", asU), [[], ["-ERR 'maximum subscriptions exceeded'"]]),
  max_connections: live("1", "0", admits(asU), [true, false]),
  max_subscriptions: live("2", "1", subscribesTwice, [[], ["-ERR 'maximum subscriptions exceeded'"]]),
  max_payload: live(
    "1",
    "0",
    async (broker) => {
      const client = await broker.client(asU);
      client.send("PUB a 1\r\nx\r\n");
      try {
        return await client.untilPong();
      } catch {
        return "closed";
      }
    },
    [[], "closed"],
  ),
};

export const mappingRows: Rows = {
  dest: live("b", "c", hears("c", "a"), [[], ["MSG"]], 'weight: "100%"'),
  weight: live('"0%"', '"100%"', hears("b", "a"), [[], ["MSG"]], "dest: b"),
  cluster: nothing("x", "y", 'dest: b, weight: "100%"'),
};
