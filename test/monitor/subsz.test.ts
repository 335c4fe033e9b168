import { describe, expect, it } from "vitest";
import type { Account } from "../../src/broker/account.ts";
import { MonitorBench } from "./fixture.ts";

interface Subsz {
  readonly total: number;
  readonly subscriptions_list?: Record<string, unknown>[];
  readonly [field: string]: unknown;
}

function subjects({ subscriptions_list: list }: Subsz): Set<unknown> {
  return new Set((list ?? []).map(({ subject }) => subject));
}

function route(account: Account, subject: string): void {
  const bytes = Buffer.from(subject, "latin1");
  account.planFor(bytes, 0, bytes.length);
}

describe("/subsz", () => {
  it("counts over all accounts", () => {
    const bench = new MonitorBench();
    const first = bench.session();
    first.subscribe("a.*");
    first.subscribe("a.b", "q");
    first.subscribe("a.b", "q");
    const { account } = first;
    bench.session({}, bench.account("A")).subscribe("x");
    const brief = bench.session();
    brief.subscribe("gone");
    brief.close("Client Closed");
    route(account as Account, "a.b");
    route(account as Account, "a.b");
    route(account as Account, "a.c");
    route(account as Account, "none");
    expect(bench.json<Subsz>("/subsz")).toMatchObject({
      num_subscriptions: 4,
      num_inserts: 5,
      num_removes: 1,
      num_matches: 4,
      cache_hit_rate: 0.25,
      num_cache: 3,
      // One plain receiver and one queue group.
      max_fanout: 2,
      avg_fanout: 1,
      total: 0,
      offset: 0,
      limit: 1_024,
    });
    expect(bench.json<Subsz>("/subsz")).not.toHaveProperty("subscriptions_list");
    expect(bench.json<Subsz>("/subsz?acc=A")).toMatchObject({
      num_subscriptions: 1,
      num_matches: 0,
      avg_fanout: 0,
    });
    expect(bench.json<Subsz>("/subsz?acc=nope")).toMatchObject({ num_subscriptions: 0 });
  });

  it("counts only plans that are still true", () => {
    const bench = new MonitorBench();
    const session = bench.session();
    session.subscribe("a.*");
    route(bench.globalAccount, "a.b");
    expect(bench.json<Subsz>("/subsz")).toMatchObject({ num_cache: 1, max_fanout: 1 });
    session.subscribe("a.>");
    expect(bench.json<Subsz>("/subsz")).toMatchObject({ num_cache: 0, max_fanout: 0 });
  });

  it("lists, with a test subject and by account", () => {
    const bench = new MonitorBench();
    const one = bench.session();
    one.subscribe("a.*");
    one.subscribe("b", "q").deliveredMax = 9;
    bench.session({}, bench.account("A")).subscribe("a.>");
    const all = bench.json<Subsz>("/subsz?subs=1");
    expect(all.total).toBe(3);
    expect(subjects(all)).toEqual(new Set(["a.*", "a.>", "b"]));
    expect(subjects(bench.json("/subsz?subs=1&test=a.x"))).toEqual(new Set(["a.*", "a.>"]));
    expect(bench.json<Subsz>("/subsz?subs=1&test=none")).not.toHaveProperty("subscriptions_list");
    expect(bench.json<Subsz>("/subsz?subs=1&acc=$G&test=b").subscriptions_list).toEqual([
      { account: "$G", account_tag: "$G", subject: "b", qgroup: "q", sid: "2", msgs: 0, max: 9, cid: 1 },
    ]);
    expect(bench.json<Subsz>("/subsz?subs=1&acc=A").subscriptions_list).toMatchObject([
      { account: "A", cid: 2 },
    ]);
  });

  it("lists in the order of connection, sid and subject, so that pages fit together", () => {
    const bench = new MonitorBench();
    const [first, second] = [bench.session(), bench.session({}, bench.account("A"))];
    second.subscribe("a");
    for (let at = 0; at < 11; at++) first.subscribe(at === 1 ? "z" : "b");
    const found: unknown[] = [];
    for (let offset = 0; offset < 12; offset += 5) {
      const { subscriptions_list: list = [] } = bench.json<Subsz>(`/subsz?subs=1&limit=5&offset=${offset}`);
      found.push(...list.map(({ cid, sid }) => `${String(cid)}/${String(sid)}`));
    }
    const sids = ["1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"];
    expect(found).toEqual([...sids.map((sid) => `1/${sid}`), "2/1"]);
  });

  it("pages its list", () => {
    const bench = new MonitorBench();
    const session = bench.session();
    for (let at = 0; at < 5; at++) session.subscribe(`s${at}`);
    const page = bench.json<Subsz>("/subsz?subs=true&offset=3&limit=4");
    expect(page).toMatchObject({ total: 5, offset: 3, limit: 4 });
    expect(page.subscriptions_list).toHaveLength(2);
  });
});

describe("/accountz", () => {
  it("names the accounts", () => {
    const bench = new MonitorBench();
    bench.account("A");
    expect(bench.json("/accountz")).toMatchObject({ system_account: "$SYS", accounts: ["$G", "$SYS", "A"] });
  });

  it("shows one closely", () => {
    const mapping = {
      source: "foo",
      destinations: [{ subject: "bar", weightPercent: 40 }],
    };
    const whole = { source: "z.*", destinations: [{ subject: "y.$1", weightPercent: 100 }] };
    const limits = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };
    const bench = new MonitorBench({
      accounts: [{ name: "A", nkey: null, limits, mappings: [mapping, whole], jetstream: null }],
    });
    bench.session({}, bench.account("A")).subscribe("x");
    expect(bench.json<{ account_detail: object }>("/accountz?acc=A").account_detail).toMatchObject({
      account_name: "A",
      expired: false,
      complete: true,
      jetstream_enabled: false,
      leafnode_connections: 0,
      client_connections: 1,
      subscriptions: 1,
      mappings: {
        foo: [
          { subject: "bar", weight: 40 },
          { subject: "foo", weight: 60 },
        ],
        "z.*": [{ subject: "y.$1", weight: 100 }],
      },
      sublist_stats: { num_subscriptions: 1 },
    });
    expect(bench.json<{ account_detail: object }>("/accountz?acc=$SYS").account_detail).toMatchObject({
      is_system: true,
    });
  });
});

describe("/accstatz", () => {
  it("counts what connections of now and before have sent and received", () => {
    const bench = new MonitorBench();
    const account = bench.account("A");
    bench
      .session({ inMessages: 1, inBytes: 10, outMessages: 2, outBytes: 20 }, account)
      .close("Client Closed");
    bench.session({ inMessages: 3, inBytes: 30 }, account).subscribe("x");
    account.slowConsumerCount = 1;
    const { account_statz: accounts } = bench.json<{ account_statz: object[] }>("/accstatz");
    const none = { msgs: 0, bytes: 0 };
    expect(accounts).toEqual([
      {
        acc: "A",
        name: "A",
        conns: 1,
        leafnodes: 0,
        total_conns: 1,
        num_subscriptions: 1,
        sent: { msgs: 2, bytes: 20, gateways: none, routes: none, leafs: none },
        received: { msgs: 4, bytes: 40, gateways: none, routes: none, leafs: none },
        slow_consumers: 1,
      },
    ]);
    expect(bench.json<{ account_statz: object[] }>("/accstatz?unused=1").account_statz).toHaveLength(3);
  });
});
