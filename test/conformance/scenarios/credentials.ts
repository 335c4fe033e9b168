import type { ConnectionOptions } from "@nats-io/nats-core";
import {
  type Scenario,
  type ScenarioContext,
  type ScenarioGroup,
  collect,
  equal,
  failureOf,
  settle,
} from "../scenario.ts";

// bcrypt of "s3cret" and of "t0ken", of the lowest cost.
const passwordHash = "$2b$04$eKCT3API1xjBEn16MvPToehrzQy02CGUMFS/yPd9/KqhmKm2OwRw2";
const tokenHash = "$2b$04$zbTFFXVcYyjJ23ld6A7OJeHbkoQVIS7KY/M3L4cXUkzUsM/ZJZtNq";
// The same password with the prefix that other programs write.
const olderPasswordHash = passwordHash.replace("$2b$", "$2a$");

// Made for these tests; they open nothing.
const userKey = "UBEH3BQ36NKZIHY6QXYOSZV3MAZQKX2EU7P7JHJOLQTIMQ7ANLX3PGM2";
const userSeed = "SUAFCSVN76JWBDBGQBENZYBYZRZOOBMQL6KUO436PVJTDSRVQA5H3XVMOE";
const strangerSeed = "SUAHTEQG63AL5LINGQ44JY5N3ZEF6N3RX6B5RS2KOAUM4OA2YYTAZHQXEM";

const token: ScenarioGroup = {
  noun: "token",
  config: `authorization { token: "t0ken" }`,
  scenarios: {
    "the right token is let in": admits({ token: "t0ken" }),
    "a wrong token is refused": refuses({ token: "other" }),
    "a user name is no token": refuses({ user: "t0ken", pass: "t0ken" }),
    "nobody gets in without": refuses({}),
  },
};

const hashedToken: ScenarioGroup = {
  noun: "token (bcrypt)",
  config: `authorization { token: "${tokenHash}" }`,
  scenarios: {
    "the right token is let in": admits({ token: "t0ken" }),
    "a wrong token is refused": refuses({ token: "other" }),
    "the hash itself is refused": refuses({ token: tokenHash }),
  },
};

const singleUser: ScenarioGroup = {
  noun: "user and password",
  config: `authorization { user: "alice", password: "s3cret" }`,
  scenarios: {
    "the right password is let in": admits({ user: "alice", pass: "s3cret" }),
    "a wrong password is refused": refuses({ user: "alice", pass: "S3cret" }),
    "a longer password is refused": refuses({ user: "alice", pass: "s3crets" }),
    "a wrong user is refused": refuses({ user: "bob", pass: "s3cret" }),
    "a user without password is refused": refuses({ user: "alice" }),
    "nobody gets in without": refuses({}),
  },
};

const users: ScenarioGroup = {
  noun: "users",
  config: `authorization { users: [
    { user: "plain", password: "pass" }
    { user: "hashed", password: "${passwordHash}" }
    { user: "older", password: ${olderPasswordHash} }
    { user: "tcp", password: "pass", allowed_connection_types: ["STANDARD"] }
    { user: "web", password: "pass", allowed_connection_types: ["websocket"] }
  ] }`,
  scenarios: {
    "each user has a password": admits({ user: "plain", pass: "pass" }),
    "a bcrypt password": admits({ user: "hashed", pass: "s3cret" }),
    "a bcrypt password of the older prefix, unquoted in the config": admits({
      user: "older",
      pass: "s3cret",
    }),
    "a wrong password for a hash": refuses({ user: "hashed", pass: "pass" }),
    "the password of another user": refuses({ user: "plain", pass: "s3cret" }),
    "a token among users": refuses({ token: "pass" }),
    "nobody gets in without": refuses({}),
    "a user for TCP only": (context) =>
      context.library.transport === "tcp"
        ? admits({ user: "tcp", pass: "pass" })(context)
        : refuses({ user: "tcp", pass: "pass" })(context),
    "a user for WebSocket only": (context) =>
      context.library.transport === "websocket"
        ? admits({ user: "web", pass: "pass" })(context)
        : refuses({ user: "web", pass: "pass" })(context),
    "many logins with a hash at once": async ({ connect, subject }) => {
      const options = { user: "hashed", pass: "s3cret" };
      const connections = await Promise.all(Array.from({ length: 8 }, () => connect(options)));
      const received = connections.map((connection) => collect(connection, subject("x")));
      await settle(...(connections as [(typeof connections)[0]]));
      connections[0]?.publish(subject("x"), "hello");
      await settle(...(connections as [(typeof connections)[0]]));
      equal(
        received.every((one) => one.messages.length === 1),
        true,
        "all are in",
      );
    },
  },
};

const nkey: ScenarioGroup = {
  noun: "nkey",
  config: `authorization { users: [ { nkey: ${userKey} }, { user: "plain", password: "pass" } ] }`,
  scenarios: {
    "the holder of the key is let in": async (context) => {
      const signer = context.library.nkey(userSeed);
      const nonces: string[] = [];
      const authenticator = (nonce = "") => {
        nonces.push(nonce);
        return signer(nonce);
      };
      await enters(context, { authenticator });
      await enters(context, { authenticator });
      equal(
        nonces.map((nonce) => nonce.length),
        [15, 15],
        "nonces to sign",
      );
      equal(nonces[0] === nonces[1], false, "the same nonce twice");
    },
    "another key is refused": async (context) => {
      await isRefused(context, { authenticator: context.library.nkey(strangerSeed) });
    },
    "a signature of something else is refused": async (context) => {
      const signer = context.library.nkey(userSeed);
      await isRefused(context, { authenticator: (nonce) => signer(`${nonce}x`) });
    },
    "the public key alone is refused": async (context) => {
      await isRefused(context, { authenticator: () => ({ nkey: userKey, sig: "" }) });
    },
    "users with passwords work beside keys": admits({ user: "plain", pass: "pass" }),
    "nobody gets in without": refuses({}),
  },
};

const noAuthUser: ScenarioGroup = {
  noun: "no_auth_user",
  config: `no_auth_user: guest
    accounts {
      A { users: [ { user: guest, password: "guest" } ] }
      B { users: [ { user: alice, password: "s3cret" } ] }
    }`,
  scenarios: {
    "whoever brings no credentials is that user": async (context) => {
      const [anonymous, guest, alice] = [
        await enters(context, {}),
        await enters(context, { user: "guest", pass: "guest" }),
        await enters(context, { user: "alice", pass: "s3cret" }),
      ];
      const [here, elsewhere] = [collect(guest, context.subject("x")), collect(alice, context.subject("x"))];
      await settle(guest, alice);
      anonymous.publish(context.subject("x"), "from nobody");
      await settle(anonymous, guest, alice);
      equal(here.texts(), ["from nobody"], "in the account of that user");
      equal(elsewhere.texts(), [], "in another account");
    },
    "wrong credentials are refused all the same": refuses({ user: "alice", pass: "wrong" }),
    "an unknown user is refused all the same": refuses({ user: "mallory", pass: "guest" }),
    "a token is refused all the same": refuses({ token: "guest" }),
  },
};

/** Who is let in, by each way to say who one is. */
export const credentials: readonly ScenarioGroup[] = [
  token,
  hashedToken,
  singleUser,
  users,
  nkey,
  noAuthUser,
];

function admits(options: ConnectionOptions): Scenario {
  return async (context) => {
    const connection = await enters(context, options);
    equal(connection.info?.auth_required, true, "INFO asks for authentication");
  };
}

function refuses(options: ConnectionOptions): Scenario {
  return (context) => isRefused(context, options);
}

async function enters({ connect, subject }: ScenarioContext, options: ConnectionOptions) {
  const connection = await connect(options);
  const received = collect(connection, subject("hello"));
  connection.publish(subject("hello"), "in");
  await settle(connection);
  equal(received.texts(), ["in"], "messages of an admitted client");
  return connection;
}

async function isRefused({ connect }: ScenarioContext, options: ConnectionOptions): Promise<void> {
  equal((await failureOf(connect(options), "connect")).kind, "authorization", "failure");
}
