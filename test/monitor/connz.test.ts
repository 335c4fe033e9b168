import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MonitorBench, type FakeSession } from "./fixture.ts";

interface Connz {
  readonly server_id: string;
  readonly num_connections: number;
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  readonly connections: Record<string, unknown>[];
}

function ids(answer: Connz): unknown[] {
  return answer.connections.map(({ cid }) => cid);
}

describe("/connz", () => {
  it("describes a connection in nats-server's fields, in their order, without the empty ones", () => {
    const bench = new MonitorBench();
    bench.session({ port: 1234 });
    expect(Object.keys(bench.json<Connz>("/connz").connections[0] ?? {})).toEqual([
      "cid",
      "kind",
      "type",
      "ip",
      "port",
      "start",
      "last_activity",
      "rtt",
      "uptime",
      "idle",
      "pending_bytes",
      "in_msgs",
      "out_msgs",
      "in_bytes",
      "out_bytes",
      "subscriptions",
    ]);
  });

  it("describes a connection that has everything", async () => {
    const bench = new MonitorBench();
    const session = bench.session(
      {
        type: "websocket",
        port: 1234,
        name: "n",
        language: "go",
        version: "1.2",
        rttMs: 1.5,
        stallCount: 2,
        pendingBytes: 7,
        inMessages: 1,
        inBytes: 2,
        outMessages: 3,
        outBytes: 4,
        authorizedUser: "alice",
        tls: {
          version: "TLSv1.3",
          cipher: "TLS_AES_128_GCM_SHA256",
          handshakeFirst: true,
          peerCertificate: null,
        },
      },
      bench.account("A"),
    );
    session.subscribe("caf\u00e9.>");
    await bench.clock.advance("1h");
    session.lastActivityMs = bench.clock.wallMs() - 5_000;
    const shown = bench.json<Connz>("/connz?auth=1&subs=1").connections[0];
    expect(shown).toMatchObject({
      cid: 1,
      type: "websocket",
      rtt: "1.5ms",
      uptime: "1h0m0s",
      idle: "5s",
      stalls: 2,
      pending_bytes: 7,
      in_msgs: 1,
      in_bytes: 2,
      out_msgs: 3,
      out_bytes: 4,
      subscriptions: 1,
      name: "n",
      lang: "go",
      version: "1.2",
      tls_version: "1.3",
      tls_cipher_suite: "TLS_AES_128_GCM_SHA256",
      tls_first: true,
      authorized_user: "alice",
      account: "A",
      subscriptions_list: ["caf\u00e9.>"],
      name_tag: "A",
    });
    const plain = bench.json<Connz>("/connz").connections[0];
    for (const field of ["authorized_user", "account", "name_tag", "subscriptions_list"])
      expect(plain).not.toHaveProperty(field);
  });

  it("shows the peer's certificate to those who ask with auth", () => {
    const pem = readFileSync(new URL("../fixture/certs/client-name.pem", import.meta.url));
    const { raw } = new X509Certificate(pem);
    const bench = new MonitorBench();
    bench.session({
      tls: { version: "TLSv1.2", cipher: "C", handshakeFirst: false, peerCertificate: raw },
    });
    expect(bench.json<Connz>("/connz").connections[0]).not.toHaveProperty("tls_peer_certs");
    const [shown] = bench.json<Connz>("/connz?auth=1").connections;
    const [certificate] = (shown?.["tls_peer_certs"] ?? []) as object[];
    expect(certificate).toMatchObject({
      subject: expect.stringContaining("CN=") as string,
      spki_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      cert_sha256: createHash("sha256").update(raw).digest("hex"),
    });
  });

  it("lists subscriptions in detail", () => {
    const bench = new MonitorBench();
    const session = bench.session();
    const subscription = session.subscribe("a.*", "q");
    subscription.deliveredCount = 3;
    subscription.deliveredMax = 5;
    session.subscribe("b");
    bench.session();
    const [first, second] = bench.json<Connz>("/connz?subs=detail").connections;
    expect(first?.["subscriptions_list_detail"]).toEqual([
      { subject: "a.*", qgroup: "q", sid: "1", msgs: 3, max: 5, cid: 1 },
      { subject: "b", sid: "2", msgs: 0, cid: 1 },
    ]);
    expect(second).not.toHaveProperty("subscriptions_list_detail");
  });

  it("asks client libraries for a round trip that is not known yet", () => {
    const bench = new MonitorBench();
    const library = bench.session({ language: "go" });
    const known = bench.session({ language: "go", rttMs: 1 });
    const person = bench.session();
    const { connections } = bench.json<Connz>("/connz");
    expect(connections.map(({ rtt }) => rtt)).toEqual(["0s", "1ms", "0s"]);
    // The question does not show up in its own answer.
    expect(connections.map((shown) => shown["pending_bytes"])).toEqual([0, 0, 0]);
    expect([library, known, person].map(({ measureCount }) => measureCount)).toEqual([1, 0, 0]);
  });

  it("pages", () => {
    const bench = new MonitorBench();
    for (let count = 0; count < 5; count++) bench.session();
    const page = bench.json<Connz>("/connz?offset=1&limit=2");
    expect(page).toMatchObject({ num_connections: 2, total: 5, offset: 1, limit: 2 });
    expect(ids(page)).toEqual([2, 3]);
    expect(ids(bench.json<Connz>("/connz?offset=9"))).toEqual([]);
    expect(ids(bench.json<Connz>("/connz?offset=-9&limit=-1"))).toEqual([1, 2, 3, 4, 5]);
  });

  it("finds one by id", () => {
    const bench = new MonitorBench();
    bench.session();
    bench.session().close("Client Closed");
    bench.session();
    expect(bench.json<Connz>("/connz?cid=3&limit=7")).toMatchObject({
      num_connections: 1,
      total: 1,
      limit: 1,
      connections: [{ cid: 3 }],
    });
    expect(bench.json<Connz>("/connz?cid=2")).toMatchObject({ num_connections: 0, connections: [] });
    expect(ids(bench.json<Connz>("/connz?cid=2&state=any"))).toEqual([2]);
    expect(ids(bench.json<Connz>("/connz?cid=3&offset=1"))).toEqual([]);
  });

  it("filters by user and account", () => {
    const bench = new MonitorBench();
    const account = bench.account("A");
    bench.session({ authorizedUser: "u" }, account);
    bench.session({ authorizedUser: "u" });
    bench.session({}, account);
    expect(ids(bench.json<Connz>("/connz?user=u"))).toEqual([1, 2]);
    expect(ids(bench.json<Connz>("/connz?acc=A"))).toEqual([1, 3]);
    expect(bench.json<Connz>("/connz?acc=A&user=u")).toMatchObject({ num_connections: 1, total: 1 });
    expect(bench.json<Connz>("/connz?cid=1")).toMatchObject({ num_connections: 1, total: 1, limit: 1 });
    expect(bench.json<Connz>("/connz?acc=$G&cid=9999")).toMatchObject({ num_connections: 0, total: 0 });
    expect(bench.json<Connz>("/connz?mqtt_client=m")).toMatchObject({ num_connections: 0, total: 0 });
    expect(ids(bench.json<Connz>("/connz?mqtt_client=x"))).toEqual([]);
    expect(bench.json<Connz>("/connz?acc=nope")).toMatchObject({
      server_id: "",
      total: 0,
      limit: 1_024,
      connections: null,
    });
  });

  it("remembers closed connections and what they were subscribed to", async () => {
    const bench = new MonitorBench();
    const account = bench.account("A");
    const session = bench.session({ authorizedUser: "u" }, account);
    session.subscribe("a").deliveredCount = 2;
    await bench.clock.advance("10s");
    session.close("Stale Connection");
    await bench.clock.advance("1h");
    bench.session();
    expect(bench.json<Connz>("/connz?state=closed&auth=1&subs=detail")).toMatchObject({
      num_connections: 1,
      total: 1,
      connections: [
        {
          cid: 1,
          reason: "Stale Connection",
          uptime: "10s",
          idle: "10s",
          subscriptions: 1,
          authorized_user: "u",
          account: "A",
          subscriptions_list_detail: [
            { account: "A", account_tag: "A", subject: "a", sid: "1", msgs: 2, cid: 1 },
          ],
        },
      ],
    });
    expect(bench.json<Connz>("/connz?state=closed").connections[0]?.["stop"]).toMatch(/^\d{4}-.*Z$/);
    expect(bench.json<Connz>("/connz?state=ALL")).toMatchObject({ num_connections: 2, total: 2 });
    expect(ids(bench.json<Connz>("/connz?state=closed&acc=$G"))).toEqual([]);
    expect(ids(bench.json<Connz>("/connz?state=closed&acc=A&user=u"))).toEqual([1]);
  });
});

describe.each(["/connz", "/subsz?subs=1"])("the page of %s", (path) => {
  it.each([
    ["9223372036854775807", "9223372036854775807"],
    ["9007199254740993", "9007199254740993"],
    ["2147483648", "2147483648"],
    ["-9223372036854775808", ""],
  ])("comes back digit by digit when %s was asked for, so that Go can read it", (asked, shown) => {
    const query = `${path.includes("?") ? "&" : "?"}offset=${asked}&limit=${asked}`;
    const { body } = new MonitorBench().get(path + query);
    const found = [...body.matchAll(/"(?:offset|limit)": (\d+)/g)].map(([, digits]) => digits);
    expect(found).toEqual(shown === "" ? ["0", "1024"] : [shown, shown]);
  });
});

describe("/connz?sort=", () => {
  const fields: Record<string, [keyof FakeSession, number[], number[]]> = {
    pending: ["pendingBytes", [1, 3, 2], [2, 3, 1]],
    msgs_to: ["outMessages", [1, 3, 2], [2, 3, 1]],
    msgs_from: ["inMessages", [1, 3, 2], [2, 3, 1]],
    bytes_to: ["outBytes", [5, 5, 6], [3, 2, 1]],
    bytes_from: ["inBytes", [1, 3, 2], [2, 3, 1]],
    last: ["lastActivityMs", [10, 30, 20], [2, 3, 1]],
    idle: ["lastActivityMs", [10, 30, 20], [1, 3, 2]],
    rtt: ["rttMs", [1, 3, 2], [2, 3, 1]],
    cid: ["rttMs", [1, 3, 2], [1, 2, 3]],
    start: ["rttMs", [1, 3, 2], [1, 2, 3]],
  };

  it.each(Object.entries(fields))("%s", (option, [field, values, expected]) => {
    const bench = new MonitorBench();
    for (const value of values) bench.session({ [field]: value });
    expect(ids(bench.json<Connz>(`/connz?sort=${option}`))).toEqual(expected);
  });

  it("subs and uptime", async () => {
    const bench = new MonitorBench();
    bench.session();
    await bench.clock.advance("1s");
    bench.session().subscribe("a");
    expect(ids(bench.json<Connz>("/connz?sort=subs"))).toEqual([2, 1]);
    expect(ids(bench.json<Connz>("/connz?sort=uptime"))).toEqual([2, 1]);
  });

  it("equals by their id, in the direction of the order", () => {
    const bench = new MonitorBench();
    for (let count = 0; count < 3; count++) bench.session();
    for (const option of ["subs", "pending", "msgs_to", "bytes_from", "last", "idle", "rtt"])
      expect([option, ids(bench.json<Connz>(`/connz?sort=${option}`))]).toEqual([option, [3, 2, 1]]);
    for (const option of ["cid", "start", "uptime"])
      expect([option, ids(bench.json<Connz>(`/connz?sort=${option}`))]).toEqual([option, [1, 2, 3]]);
  });

  it("stop and reason, of closed ones", async () => {
    const bench = new MonitorBench();
    const sessions = [bench.session(), bench.session(), bench.session()];
    for (const [at, reason] of [
      [1, "Kicked"],
      [2, "Client Closed"],
      [0, "Write Error"],
    ] as const) {
      await bench.clock.advance("1s");
      sessions[at]?.close(reason);
    }
    expect(ids(bench.json<Connz>("/connz?state=closed&sort=stop"))).toEqual([1, 3, 2]);
    expect(ids(bench.json<Connz>("/connz?state=closed&sort=reason"))).toEqual([3, 2, 1]);
  });
});
