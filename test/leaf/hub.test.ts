/** What a hub says to a leaf, line by line, and what it does about one that misbehaves. */
import { afterEach, describe, expect, test } from "vitest";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { client } from "../interop/leaf-fixture.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { eventually } from "../fixture/waiting.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function hub(block = "", config = ""): Promise<Peer> {
  const peer = await startFrond(`leafnodes { listen: "127.0.0.1:-1"\n${block} }\n${config}`);
  ended.push(() => peer.stop());
  return peer;
}

async function dial(peer: Peer): Promise<RawClient> {
  const raw = await connectRaw(peer.leafPort);
  ended.push(() => raw.close());
  return raw;
}

const connectLine = (fields: object = {}): string =>
  `CONNECT ${JSON.stringify({ version: "2.15.2", name: "leaf", server_id: "ID", headers: true, remote_account: "$G", protocol: 1, ...fields })}\r\n`;

/** Says CONNECT, and reads up to the interest. */
async function join(
  peer: Peer,
  fields: object = {},
): Promise<{ leaf: RawClient; info: Record<string, unknown> }> {
  const leaf = await dial(peer);
  await leaf.line();
  leaf.send(connectLine(fields));
  const info = JSON.parse((await leaf.line()).slice("INFO ".length)) as Record<string, unknown>;
  expect(await leaf.line()).toMatch(/^LS\+ \$LDS\.\w{22}$/);
  return { leaf, info };
}

describe("the handshake", () => {
  test("INFO has all that a leaf looks for", async () => {
    const peer = await hub();
    const leaf = await dial(peer);
    const line = await leaf.line();
    expect(line).toMatch(/^INFO \{.*\} $/);
    expect(JSON.parse(line.slice(5))).toMatchObject({
      auth_required: true,
      headers: true,
      info_on_connect: true,
      leafnode_urls: [`127.0.0.1:${peer.leafPort}`],
      client_id: expect.any(Number),
      nonce: expect.stringMatching(/^[\w-]{15}$/),
      max_payload: 1_048_576,
      proto: 1,
    });
    expect(line).not.toContain("compression");
  });

  test("the second INFO tells the account, and interest follows at once", async () => {
    const peer = await hub();
    const nats = await client(peer.url);
    ended.push(() => nats.close());
    nats.subscribe("a");
    nats.subscribe("a");
    nats.subscribe("b.*", { queue: "q" });
    nats.subscribe("b.*", { queue: "q" });
    await nats.flush();
    const leaf = await dial(peer);
    await leaf.line();
    leaf.send(connectLine());
    const info = JSON.parse((await leaf.line()).slice("INFO ".length)) as object;
    expect(info).toMatchObject({ connect_info: true, remote_account: "$G" });
    const lines = await leaf.untilPong();
    expect(lines.filter((line) => !line.startsWith("LS+ $LDS.")).sort()).toEqual(["LS+ a", "LS+ b.* q 2"]);
  });

  test.each([
    ["a client", { lang: "go", verbose: false }, "attempted to connect to leaf node port"],
    ["a gateway", { gateway: "B" }, 'Rejecting connection from gateway "B" on the leafnode port'],
    ["a cluster name with blanks", { cluster: "a b" }, "cluster name cannot contain spaces"],
    ["the reserved cluster name", { cluster: "_" }, "cluster name is reserved"],
  ])("%s is turned away", async (_what, fields, text) => {
    const leaf = await dial(await hub());
    await leaf.line();
    leaf.send(connectLine(fields));
    expect(await leaf.rest()).toContain(`-ERR '${text}'`);
  });

  test.each([
    "LS+ a\r\n",
    "PUB a 0\r\n\r\n",
    "LMSG a 1048576\r\n",
    "SUB a 1\r\n",
    "LS+ a q\r\n",
    "LS+ a q 99999999999999999999\r\n",
    "LS-\r\n",
    "LMSG\r\n",
    "LMSG a -1\r\n",
    "LMSG a + 0\r\n\r\n",
    "HMSG a 10 5\r\n",
    "PING\r\n",
    "PONG\r\n",
    "+OK\r\n",
    "-ERR 'x'\r\n",
    "INFO {}\r\n",
    "INFO {}\r\nINFO {}\r\n",
    'INFO {"compression":"s2_fast"}\r\nINFO {"cluster":"a b"}\r\n',
    "\x16\x03\x01",
  ])("%j before CONNECT ends it", async (text) => {
    const leaf = await dial(await hub());
    await leaf.line();
    leaf.send(`${text}\r\n`);
    expect(await leaf.rest()).toMatch(/^-ERR '(Authorization Violation|Unknown Protocol Operation)'/);
  });

  test.each(["", "{", "[]", "null", '{"name":1}', '{"deny_pub":"x"}', '{"is_hub":"yes"}'])(
    "CONNECT %j ends it without a word",
    async (json) => {
      const leaf = await dial(await hub());
      await leaf.line();
      leaf.send(`CONNECT ${json}\r\n`);
      expect(await leaf.rest()).toBe("");
    },
  );

  test.each([
    [{ cluster: "a b" }, "-ERR 'cluster name cannot contain spaces'\r\n"],
    [{ cluster: "_" }, "-ERR 'cluster name is reserved'\r\n"],
    [{ cluster: 1 }, ""],
  ])("a later INFO with %j ends the link", async (fields, said) => {
    const { leaf } = await join(await hub());
    leaf.send(`INFO ${JSON.stringify({ cluster: "fine" })}\r\n`);
    expect(await leaf.untilPong()).toEqual([]);
    leaf.send(`INFO ${JSON.stringify(fields)}\r\n`);
    expect(await leaf.rest()).toBe(said);
  });

  test.each([
    "LS+",
    "LS+ a q",
    "LS+ a q 1 1",
    "LMSG",
    "LMSG a",
    "LMSG a -1",
    "LMSG a 99999999999999",
    "HMSG a 10 5",
  ])("%j of a leaf that is let in ends its link and no other", async (line) => {
    const peer = await hub();
    const { leaf } = await join(peer);
    const other = (await join(peer, { name: "other" })).leaf;
    leaf.send(`${line}\r\n`);
    await leaf.rest();
    expect(await other.untilPong()).toEqual([]);
  });

  test.each(["0", "-1", "x", "99999999999999999999"])(
    "a queue weight of %s counts as one member",
    async (weight) => {
      const peer = await hub();
      const { leaf } = await join(peer);
      const other = (await join(peer, { name: "other" })).leaf;
      leaf.send(`LS+ a q ${weight}\r\n`);
      await leaf.untilPong();
      expect(await other.untilPong()).toEqual(["LS+ a q 1"]);
    },
  );

  test("weights that are passed on never exceed what a nats-server can count", async () => {
    const peer = await hub();
    const other = (await join(peer, { name: "other" })).leaf;
    for (let at = 0; at < 3; at++) {
      const { leaf } = await join(peer, { name: `leaf-${at}` });
      leaf.send("LS+ a q 999999999\r\n");
      await leaf.untilPong();
    }
    expect((await other.untilPong()).at(-1)).toBe("LS+ a q 2147483647");
  });

  test("whoever says nothing is told that time is up", async () => {
    const leaf = await dial(await hub("authorization { timeout: 0.2 }"));
    await leaf.line();
    expect(await leaf.rest()).toContain("-ERR 'Authentication Timeout'");
  });

  test("a leaf that is too old is told its account, and then that it is", async () => {
    const leaf = await dial(await hub('min_version: "2.15.3"'));
    await leaf.line();
    leaf.send(connectLine());
    expect(await leaf.line()).toContain('"connect_info":true');
    expect(await leaf.rest()).toContain(
      `-ERR 'connection rejected since minimum version required is "2.15.3"'`,
    );
  });
});

describe("who may come", () => {
  const accounts =
    'accounts { A { users: [{ user: a, password: a, permissions: { publish: "up.>", subscribe: { allow: "down.>", deny: "down.not" } } }] }, B { users: [{ user: b, password: b }] } }';

  test("users of the block go before those of the server", async () => {
    const peer = await hub(
      "authorization { users: [{ user: l, password: p, account: B }, { user: m, password: p }] }",
      accounts,
    );
    expect((await join(peer, { user: "l", pass: "p" })).info).toMatchObject({ remote_account: "B" });
    expect((await join(peer, { user: "m", pass: "p" })).info).toMatchObject({ remote_account: "$G" });
    for (const fields of [{ user: "b", pass: "b" }, { user: "l", pass: "x" }, {}]) {
      const leaf = await dial(peer);
      await leaf.line();
      leaf.send(connectLine(fields));
      expect(await leaf.rest()).toContain("-ERR 'Authorization Violation'");
    }
  });

  test("without users, everybody is bound to the account named", async () => {
    const peer = await hub("authorization { account: B }", "accounts { B {} }");
    expect((await join(peer)).info).toMatchObject({ remote_account: "B" });
  });

  test("a user's permissions are told, and held against the leaf", async () => {
    const peer = await hub("", accounts);
    const { leaf, info } = await join(peer, { user: "a", pass: "a" });
    expect(info).toMatchObject({
      import: { allow: ["down.>"], deny: ["down.not"] },
      export: { allow: ["up.>"] },
    });
    leaf.send("LS+ down.a\r\nLS+ >\r\n");
    expect(await leaf.untilPong()).toEqual([]);
    leaf.send("LS+ up.a\r\n");
    expect(await leaf.rest()).toContain(`-ERR 'Permissions Violation for Subscription to "up.a"'`);
    const other = (await join(peer, { user: "a", pass: "a" })).leaf;
    other.send("LMSG up.a 0\r\n\r\n");
    expect(await other.untilPong()).toEqual([]);
    other.send("LMSG down.a 0\r\n\r\n");
    expect(await other.rest()).toContain(`-ERR 'Permissions Violation for Publish to "down.a"'`);
  });

  test("what is denied is not sent although it was asked for", async () => {
    const peer = await hub("", accounts);
    const { leaf } = await join(peer, { user: "a", pass: "a" });
    leaf.send("LS+ >\r\n");
    await leaf.untilPong();
    const { leaf: sender } = await join(peer, { user: "a", pass: "a", name: "other" });
    sender.send("LMSG up.x 1\r\n1\r\n");
    await sender.untilPong();
    expect(await leaf.untilPong()).toEqual([]);
  });
});

describe("interest", () => {
  test("is told when it comes and goes, and of queue groups whenever the number changes", async () => {
    const peer = await hub();
    const { leaf } = await join(peer);
    const nats = await client(peer.url);
    ended.push(() => nats.close());
    const step = async (work: () => unknown): Promise<string[]> => {
      await work();
      await nats.flush();
      return leaf.untilPong();
    };
    const plain: { unsubscribe(): void }[] = [];
    expect(await step(() => plain.push(nats.subscribe("a")))).toEqual(["LS+ a"]);
    expect(await step(() => plain.push(nats.subscribe("a")))).toEqual([]);
    expect(await step(() => plain.pop()?.unsubscribe())).toEqual([]);
    expect(await step(() => plain.pop()?.unsubscribe())).toEqual(["LS- a"]);
    const queue: { unsubscribe(): void }[] = [];
    expect(await step(() => queue.push(nats.subscribe("a", { queue: "q" })))).toEqual(["LS+ a q 1"]);
    expect(await step(() => queue.push(nats.subscribe("a", { queue: "q" })))).toEqual(["LS+ a q 2"]);
    expect(await step(() => queue.pop()?.unsubscribe())).toEqual(["LS+ a q 1"]);
    expect(await step(() => queue.pop()?.unsubscribe())).toEqual(["LS- a q"]);
  });

  test("of one leaf is told to another, and taken back when it is gone", async () => {
    const peer = await hub();
    const { leaf: one } = await join(peer, { name: "one" });
    const { leaf: two } = await join(peer, { name: "two" });
    await one.untilPong();
    one.send("LS+ a\r\nLS+ b q 3\r\nLS+ $LDS.other\r\n");
    await one.untilPong();
    expect(await two.untilPong()).toEqual([
      expect.stringMatching(/^LS\+/),
      expect.stringMatching(/^LS\+/),
      expect.stringMatching(/^LS\+/),
    ]);
    one.close();
    await eventually(() => peer.output().includes("Leafnode connection closed"), "the link is gone");
    const lines = await two.untilPong();
    expect(lines.sort()).toEqual(["LS- $LDS.other", "LS- a", "LS- b q"]);
  });

  test("is kept from leafs that want none of it, and from those of the same cluster", async () => {
    const peer = await hub();
    const { leaf: one } = await join(peer, { name: "one", cluster: "C" });
    const { leaf: isolated } = await join(peer, { name: "two", isolate: true });
    const { leaf: kin } = await join(peer, { name: "three", cluster: "C" });
    one.send("LS+ a\r\n");
    await one.untilPong();
    expect(await isolated.untilPong()).toEqual([]);
    expect(await kin.untilPong()).toEqual([]);
    isolated.send("LMSG a 2\r\nhi\r\n");
    await isolated.untilPong();
    expect(await one.untilPong()).toEqual(["LMSG a 2", "hi"]);
    kin.send("LMSG a 2\r\nno\r\n");
    await kin.untilPong();
    expect(await one.untilPong()).toEqual([]);
  });

  test("that is no subject is refused, and what is too much", async () => {
    const peer = await hub("", "max_subscriptions: 2");
    const { leaf } = await join(peer);
    leaf.send("LS+ a..b\r\nLS+ a\r\nLS+ a\r\nLS+ b\r\nLS+ c\r\nLS- nobody\r\n");
    expect(await leaf.untilPong()).toEqual([
      "-ERR 'Invalid Subscription'",
      "-ERR 'maximum subscriptions exceeded'",
    ]);
  });
});

describe("messages", () => {
  test("name their queue groups, and come without an echo", async () => {
    const peer = await hub();
    const { leaf } = await join(peer);
    leaf.send("LS+ a\r\nLS+ a q 2\r\nLS+ a w 1\r\nLS+ >\r\nLS+ h\r\n");
    await leaf.untilPong();
    const nats = await client(peer.url);
    ended.push(() => nats.close());
    nats.publish("a", "1");
    nats.publish("a", "2", { reply: "r" });
    nats.publish("b", "3", { reply: "r" });
    await nats.flush();
    expect(await leaf.untilPong()).toEqual([
      expect.stringMatching(/^LMSG a \| (q w|w q) 1$/),
      "1",
      expect.stringMatching(/^LMSG a \+ r (q w|w q) 1$/),
      "2",
      "LMSG b r 1",
      "3",
    ]);
    leaf.send("LMSG a 1\r\nx\r\n");
    expect(await leaf.untilPong()).toEqual([]);
  });

  test("lose their headers where the other end takes none", async () => {
    const peer = await hub();
    const { leaf } = await join(peer, { headers: false });
    const { leaf: other } = await join(peer, { name: "other" });
    leaf.send("LS+ a\r\n");
    await leaf.untilPong();
    other.send("HMSG a r 12 15\r\nNATS/1.0\r\n\r\nabc\r\n");
    await other.untilPong();
    expect(await leaf.untilPong()).toEqual(["LMSG a r 3", "abc"]);
  });

  test("that are for their trace only go no further", async () => {
    const peer = await hub();
    const { leaf } = await join(peer);
    const nats = await client(peer.url);
    ended.push(() => nats.close());
    const received: string[] = [];
    nats.subscribe("a", { callback: (_error, message) => void received.push(message.string()) });
    await nats.flush();
    const block = "NATS/1.0\r\nNats-Trace-Dest: t\r\nNats-Trace-Only: true\r\n\r\n";
    leaf.send(`HMSG a ${block.length} ${block.length + 3}\r\n${block}dry\r\nLMSG a 3\r\nwet\r\n`);
    await leaf.untilPong();
    await nats.flush();
    expect(received).toEqual(["wet"]);
  });

  test("of JetStream cross with both their subjects", async () => {
    const peer = await hub();
    const { leaf: from } = await join(peer, { name: "from" });
    const { leaf: onward } = await join(peer, { name: "onward" });
    onward.send("LS+ deliver.me\r\n");
    await onward.untilPong();
    const nats = await client(peer.url);
    ended.push(() => nats.close());
    const received: string[] = [];
    nats.subscribe("deliver.me", {
      callback: (_error, message) =>
        void received.push(`${message.subject} ${message.reply} ${message.string()}`),
    });
    await nats.flush();
    const ack = "$JS.ACK.S@x.C.1.2.3.4.0";
    from.send(`LMSG deliver.me ${ack}@orders.eu 5\r\nhello\r\n`.repeat(2));
    await from.untilPong();
    await eventually(() => received.length === 2, "both have come");
    expect(received).toEqual([`orders.eu ${ack} hello`, `orders.eu ${ack} hello`]);
    const line = `LMSG deliver.me ${ack}@orders.eu 5`;
    expect(await onward.untilPong()).toEqual(["LS+ deliver.me", line, "hello", line, "hello"]);
  });

  test.each([
    ["too large", "LMSG a 1048577\r\n", "-ERR 'Maximum Payload Violation'"],
    ["in a line too long", `LS+ ${"a".repeat(70_000)}\r\n`, "-ERR 'maximum control line exceeded'"],
    ["not followed by its end", "LMSG a 1\r\nxyz", "-ERR 'Unknown Protocol Operation'"],
    ["with a bad size", "LMSG a x\r\n", ""],
    ["with too many words", "LMSG a b c d 1\r\n", ""],
    ["with more headers than bytes", "HMSG a 5 1\r\n", ""],
    ["of no kind", "RS+ A b\r\n", "-ERR 'Unknown Protocol Operation'"],
  ])("%s end the link", async (_what, text, answer) => {
    const { leaf } = await join(await hub());
    leaf.send(text);
    const rest = await leaf.rest();
    if (answer === "") expect(rest).not.toContain("-ERR");
    else expect(rest).toContain(answer);
  });
});

describe("links that should not be", () => {
  test("one that answers no ping ends after the block's own ping_max intervals", async () => {
    const { leaf } = await join(await hub('ping_interval: "20ms", ping_max: 3', 'ping_interval: "1h"'));
    const rest = await leaf.rest();
    expect(rest.match(/PING\r\n/g)).toHaveLength(3);
    expect(rest).toContain("-ERR 'Stale Connection'");
  });

  test("its own loop subject coming back is a loop", async () => {
    const peer = await hub();
    const leaf = await dial(peer);
    await leaf.line();
    leaf.send(connectLine());
    await leaf.line();
    const own = (await leaf.line()).slice("LS+ ".length);
    leaf.send(`LS+ ${own}\r\n`);
    expect(await leaf.rest()).toContain(
      `-ERR 'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s'`,
    );
  });

  test("a second one from the same place replaces the first", async () => {
    const peer = await hub();
    const { leaf: first } = await join(peer);
    const { leaf: second } = await join(peer);
    expect(await first.rest()).toContain("-ERR 'Duplicate Remote LeafNode Connection'");
    expect(await second.untilPong()).toEqual([]);
    await join(peer, { remote_account: "" });
    await join(peer, { name: "other" });
    expect(await second.untilPong()).toEqual([]);
  });
});

describe("identity", () => {
  const forged = `NATS/1.0\r\nNats-Request-Info: {"acc":"SECRET","user":"root"}\r\n\r\n`;

  test("that a leaf claims is that of its own account when a request arrives", async () => {
    const peer = await hub(
      "authorization { users: [{ user: l, password: p, account: A }] }",
      "accounts { A { users: [{ user: a, password: a }] } }",
    );
    const { leaf } = await join(peer, { user: "l", pass: "p" });
    const service = await client(peer.url, { user: "a", pass: "a" });
    ended.push(() => service.close());
    const seen: string[] = [];
    service.subscribe("service", {
      callback: (_error, message) => void seen.push(message.headers?.get("Nats-Request-Info") ?? ""),
    });
    await service.flush();
    leaf.send(`HMSG service _INBOX.x ${forged.length} ${forged.length + 2}\r\n${forged}hi\r\n`);
    await eventually(() => seen.length === 1, "the request has arrived");
    expect(JSON.parse(seen[0] as string)).toEqual({ acc: "A", user: "root" });
  });
});
