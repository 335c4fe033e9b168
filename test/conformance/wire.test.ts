import { afterEach, describe, expect, test } from "vitest";
import { brokerFor } from "../fixture/broker-lifetime.ts";
import { type BrokerProcess, startBroker } from "../fixture/broker-process.ts";
import { type RawClient, connectRaw } from "../fixture/raw-client.ts";

// What client libraries never send or never show, byte for byte.

const quiet = { verbose: false, pedantic: false };

describe("messages on the wire", () => {
  const broker = brokerFor();

  test("a client without headers receives the payload without them", async () => {
    const publisher = await raw(broker(), { ...quiet, headers: true });
    const plain = await raw(broker(), { ...quiet, headers: false });
    const modern = await raw(broker(), { ...quiet, headers: true });
    for (const client of [plain, modern]) {
      client.send("SUB h 1\r\n");
      await client.untilPong();
    }
    publisher.send(
      "HPUB h answers 18 23\r\nNATS/1.0\r\nA: b\r\n\r\nhello\r\nHPUB h 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n",
    );
    await publisher.untilPong();
    expect(await plain.line()).toBe("MSG h 1 answers 5");
    expect(await plain.payload(5)).toBe("hello");
    expect(await plain.line()).toBe("MSG h 1 0");
    expect(await plain.payload(0)).toBe("");
    expect(await modern.line()).toBe("HMSG h 1 answers 18 23");
    expect(await modern.payload(23)).toBe("NATS/1.0\r\nA: b\r\n\r\nhello");
    expect(await modern.line()).toBe("HMSG h 1 18 18");
  });

  test("headers are passed on unread", async () => {
    const client = await raw(broker(), { ...quiet, headers: true });
    client.send("SUB h 1\r\nHPUB h 4 6\r\nabcdhi\r\nHPUB h 0 2\r\nhi\r\n");
    expect(await client.untilPong()).toEqual(["HMSG h 1 4 6", "abcdhi", "MSG h 1 2", "hi"]);
  });

  test("a request without a responder is answered with 503", async () => {
    const client = await raw(broker(), { ...quiet, headers: true, no_responders: true });
    client.send("SUB inbox 7\r\nPUB nobody inbox 0\r\n\r\n");
    // 32 bytes and the subject.
    expect(await client.line()).toBe("HMSG inbox 7 38 38");
    expect(await client.payload(38)).toBe("NATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n");
  });

  test("a client that did not ask for it gets no 503", async () => {
    const client = await raw(broker(), { ...quiet, headers: true });
    client.send("SUB inbox 7\r\nPUB nobody inbox 0\r\n\r\n");
    expect(await client.untilPong()).toEqual([]);
  });

  test("a verbose client is answered for each operation", async () => {
    const client = await raw(broker(), { verbose: true });
    client.send("SUB a 1\r\nSUB a.b q 2\r\nPUB a 0\r\n\r\nUNSUB 1 5\r\nUNSUB 99\r\n");
    const lines = await client.untilPong();
    expect(lines.filter((line) => line === "+OK")).toHaveLength(5);
    expect(lines.filter((line) => line !== "+OK")).toEqual(["MSG a 1 0", ""]);
  });

  test("a pedantic client is told of a subject that is none, and its message goes on", async () => {
    const client = await raw(broker(), { verbose: false, pedantic: true });
    client.send("SUB > 1\r\nPUB a.* 1\r\nx\r\nPUB a..b 1\r\ny\r\n");
    expect(await client.untilPong()).toEqual([
      "-ERR 'Invalid Publish Subject'",
      "MSG a.* 1 1",
      "x",
      "-ERR 'Invalid Publish Subject'",
    ]);
  });

  test("a subscription to a subject that is none is refused, and nothing else happens", async () => {
    const client = await raw(broker(), quiet);
    for (const subject of ["a..b", ".a", "a.", "a.>.b"]) client.send(`SUB ${subject} 1\r\n`);
    expect(await client.untilPong()).toEqual(Array(4).fill("-ERR 'Invalid Subject'"));
  });

  test("a second subscription of one id changes nothing", async () => {
    const client = await raw(broker(), quiet);
    client.send("SUB first 1\r\nSUB second 1\r\nPUB second 1\r\nx\r\nPUB first 1\r\ny\r\n");
    expect(await client.untilPong()).toEqual(["MSG first 1 1", "y"]);
  });

  test("names of operations in any case, blanks in any number, lines that end in LF", async () => {
    const client = await raw(broker(), quiet);
    client.send("sub  a \t 1\nPub a   2\nhi\r\nunSUB 1\nPuB a 2\r\nno\r\nping\n");
    expect([await client.line(), await client.line(), await client.line()]).toEqual([
      "MSG a 1 2",
      "hi",
      "PONG",
    ]);
  });

  test("operations split at every byte", async () => {
    const client = await raw(broker(), { ...quiet, headers: true });
    for (const byte of "SUB a 1\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPUB a 2\r\nho\r\n") {
      client.send(byte);
      // So that each byte is a packet of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.untilPong()).toEqual(["HMSG a 1 12 14", "NATS/1.0", "", "hi", "MSG a 1 2", "ho"]);
  });

  test("a client may skip CONNECT and is verbose then", async () => {
    const client = await connectRaw(broker().port);
    opened.push(client);
    await client.line();
    client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
    expect(await client.untilPong()).toEqual(["+OK", "+OK", "MSG a 1 2", "hi"]);
  });

  test("after its first PING a client learns its account", async () => {
    const client = await connectRaw(broker().port);
    opened.push(client);
    await client.line();
    client.send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n');
    expect(await client.line()).toBe("PONG");
    const info = infoOf(await client.line());
    expect([info["connect_info"], info["remote_account"]]).toEqual([true, "$G"]);
    expect(await client.untilPong()).toEqual([]);
  });
});

describe("errors on the wire", () => {
  const broker = brokerFor("max_payload: 100, max_control_line: 200, max_subscription_tokens: 4");
  const impatient = brokerFor(`ping_interval: "100ms", ping_max: 2`);

  test.each([
    ["an unknown operation", "HELLO\r\n", "-ERR 'Unknown Protocol Operation'\r\n"],
    ["an operation for servers", "MSG a 1 0\r\n\r\n", "-ERR 'Unknown Protocol Operation'\r\n"],
    ["a payload that does not end", "PUB a 2\r\nabcd\r\n", "-ERR 'Unknown Protocol Operation'\r\n"],
    [
      "a payload over the limit",
      `PUB a 101\r\n${"x".repeat(101)}\r\n`,
      "-ERR 'Maximum Payload Violation'\r\n",
    ],
    [
      "headers and payload over the limit",
      'CONNECT {"headers":true}\r\nHPUB a 50 101\r\n',
      "-ERR 'Maximum Payload Violation'\r\n",
    ],
    ["headers that were not announced", "HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", ""],
    ["a line over the limit", `SUB ${"x".repeat(300)} 1\r\n`, "-ERR 'maximum control line exceeded'\r\n"],
    ["a size that is no number", "PUB a two\r\nxx\r\n", ""],
    ["a line without its arguments", "SUB a\r\n", ""],
    ["an unknown protocol version", 'CONNECT {"protocol":2}\r\n', "-ERR 'invalid client protocol'\r\n"],
    ["options that are no JSON", "CONNECT {nothing}\r\n", ""],
    [
      "no_responders without headers",
      'CONNECT {"no_responders":true,"headers":false}\r\n',
      "-ERR 'no responders requires headers support'\r\n",
    ],
  ])("%s closes the connection", async (_what, sent, answer) => {
    const client = await raw(broker(), quiet);
    client.send(sent);
    expect(await client.rest()).toBe(answer);
  });

  test("a subject of too many tokens is refused", async () => {
    const client = await raw(broker(), quiet);
    client.send("SUB a.b.c.d 1\r\nSUB a.b.c.d.e 2\r\n");
    expect(await client.untilPong()).toEqual([
      "-ERR 'Permissions Violation for Subscription to \"a.b.c.d.e\", too many tokens'",
    ]);
  });

  test("a client that answers no ping is stale", async () => {
    const client = await raw(impatient(), quiet);
    expect(await client.rest()).toMatch(/^(PING\r\n)*-ERR 'Stale Connection'\r\n$/);
  });

  test("reply subjects that belong to the broker are refused", async () => {
    const client = await raw(broker(), quiet);
    client.send("SUB a 1\r\nPUB a _R_.x.y 0\r\n\r\nPUB a $JS.ACK.x 0\r\n\r\nPUB a ok 0\r\n\r\n");
    expect(await client.untilPong()).toEqual([
      "-ERR 'Permissions Violation for Publish with Reply of \"_R_.x.y\"'",
      "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.x\"'",
      "MSG a 1 ok 0",
      "",
    ]);
  });
});

describe("access on the wire", () => {
  const broker = brokerFor(`max_connections: 6
    authorization { timeout: 0.3, users: [
      { user: a, password: a, permissions { publish: ["ok", "q\\"uote"], subscribe: ["ok", "work v1"] } } ] }
    accounts { SMALL { users: [ { user: small, password: s } ], limits { max_connections: 1 } } }`);

  test("violations name what was asked for", async () => {
    const client = await raw(broker(), { ...quiet, user: "a", pass: "a" });
    client.send(
      'PUB no 0\r\n\r\nSUB no 1\r\nSUB ok q 2\r\nSUB work 3\r\nSUB work v2 4\r\nPUB n"o\\ 0\r\n\r\nPUB ok 0\r\n\r\n',
    );
    expect(await client.untilPong()).toEqual([
      "-ERR 'Permissions Violation for Publish to \"no\"'",
      "-ERR 'Permissions Violation for Subscription to \"no\"'",
      "-ERR 'Permissions Violation for Subscription to \"work\"'",
      '-ERR \'Permissions Violation for Subscription to "work" using queue "v2"\'',
      '-ERR \'Permissions Violation for Publish to "n\\"o\\\\"\'',
      "MSG ok 2 0",
      "",
    ]);
  });

  test("a verbose client hears either +OK or the violation", async () => {
    const client = await raw(broker(), { verbose: true, user: "a", pass: "a" });
    client.send("PUB no 0\r\n\r\nSUB no 1\r\nPUB ok 0\r\n\r\n");
    expect(await client.untilPong()).toEqual([
      "-ERR 'Permissions Violation for Publish to \"no\"'",
      "-ERR 'Permissions Violation for Subscription to \"no\"'",
      "+OK",
    ]);
  });

  test.each([
    ["a wrong password", 'CONNECT {"user":"a","pass":"b"}\r\n'],
    ["an operation before CONNECT", "PUB ok 0\r\n\r\n"],
    ["an account of its own choice", 'CONNECT {"user":"a","pass":"a","account":"SMALL"}\r\n'],
  ])("%s is an authorization violation", async (_what, sent) => {
    const client = await connectRaw(broker().port);
    expect(infoOf(await client.line())["auth_required"]).toBe(true);
    client.send(sent);
    expect(await client.rest()).toBe("-ERR 'Authorization Violation'\r\n");
  });

  test("a client that does not say who it is in time is closed", async () => {
    const client = await connectRaw(broker().port);
    await client.line();
    expect(await client.rest()).toBe("-ERR 'Authentication Timeout'\r\n");
  });

  test("an account that is full says so", async () => {
    await raw(broker(), { ...quiet, user: "small", pass: "s" });
    const second = await connectRaw(broker().port);
    await second.line();
    second.send('CONNECT {"user":"small","pass":"s"}\r\n');
    expect(await second.rest()).toBe("-ERR 'maximum account active connections exceeded'\r\n");
  });

  test("a broker that is full says so", async () => {
    const full = await startBroker({ config: "max_connections: 1" });
    try {
      await raw(full, quiet);
      const second = await connectRaw(full.port);
      expect((await second.rest()).split("\r\n").slice(1)).toEqual([
        "-ERR 'maximum connections exceeded'",
        "",
      ]);
    } finally {
      await full.kill();
    }
  });

  test("where a user stands in for nobody, INFO asks for no credentials", async () => {
    const open = await startBroker({
      config: "no_auth_user: guest, authorization { users: [ { user: guest, password: g } ] }",
    });
    try {
      const client = await connectRaw(open.port);
      expect(infoOf(await client.line())["auth_required"] ?? false).toBe(false);
      // Not even a CONNECT is needed.
      client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
      expect((await client.untilPong()).filter((line) => line !== "+OK")).toEqual(["MSG a 1 2", "hi"]);
      client.close();
    } finally {
      await open.kill();
    }
  });
});

const opened: RawClient[] = [];
afterEach(() => {
  for (const client of opened.splice(0)) client.close();
});

async function raw(broker: BrokerProcess, connect: Readonly<Record<string, unknown>>): Promise<RawClient> {
  const client = await connectRaw(broker.port, { connect });
  opened.push(client);
  return client;
}

function infoOf(line: string): Record<string, unknown> {
  expect(line).toMatch(/^INFO \{/);
  return JSON.parse(line.slice("INFO ".length)) as Record<string, unknown>;
}
