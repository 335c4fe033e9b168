import { describe, expect, it } from "vitest";
import type {
  Explanation,
  ExplainedReceiverJson,
  RouteExplanation,
} from "../../../src/monitor/explain/explain.ts";
import { explanationText } from "../../../src/monitor/explain/explain-text.ts";
import type { Explainer, Verdict } from "../../../src/monitor/explain/explained-route.ts";
import { MonitorBench, permissions, permissionsOptions } from "../fixture.ts";

function explain(bench: MonitorBench, target: string): Explanation {
  return bench.json<Explanation>(`/explainz?${target}`);
}

/** The only route of the only account. */
function routeOf(bench: MonitorBench, target: string): RouteExplanation {
  const { accounts } = explain(bench, target);
  expect(accounts).toHaveLength(1);
  expect(accounts[0]?.routes).toHaveLength(1);
  return accounts[0]?.routes[0] as RouteExplanation;
}

function texts(route: RouteExplanation | undefined, verdict: Verdict): string[] {
  return (route?.findings ?? []).filter((finding) => finding.verdict === verdict).map(({ text }) => text);
}

describe("/explainz: who receives", () => {
  it("names each subscription that matches", () => {
    const bench = new MonitorBench();
    bench.session({ name: "billing", authorizedUser: "alice" }).subscribe("orders.*");
    bench.session().subscribe("orders.>");
    bench.session().subscribe("items.new.x");
    const route = routeOf(bench, "subject=orders.new");
    expect(route).toMatchObject({ subject: "orders.new", percent: 100, deliveries: 2 });
    expect(new Set(texts(route, "receives"))).toEqual(
      new Set(['cid 1 "billing" (user alice) subscribes to "orders.*"', 'cid 2 subscribes to "orders.>"']),
    );
    expect(route.findings).toContainEqual({
      verdict: "receives",
      text: 'cid 1 "billing" (user alice) subscribes to "orders.*"',
      count: 1,
      kind: "subscription",
      cid: 1,
      name: "billing",
      user: "alice",
      sid: "1",
      subject: "orders.*",
    } satisfies ExplainedReceiverJson);
    expect(texts(route, "note")).toEqual([]);
  });

  it("counts a queue group once, over all its patterns", () => {
    const bench = new MonitorBench();
    bench.session().subscribe("orders.*", "workers");
    bench.session().subscribe("orders.new", "workers");
    bench.session().subscribe("orders.new", "others");
    const route = routeOf(bench, "subject=orders.new");
    expect(route.deliveries).toBe(2);
    expect(texts(route, "receives").sort((left, right) => (left < right ? -1 : 1))).toEqual([
      'queue group "others": its only member gets it: cid 3 with "orders.new"',
      expect.stringMatching(/^queue group "workers": one of 2 members gets it: cid \d with .*, cid \d with /),
    ]);
  });

  it("remarks on receivers that are behind, about to end, or do not hear themselves", () => {
    const bench = new MonitorBench();
    const { maxPendingBytes } = bench.options.limits;
    bench.session({ pendingBytes: maxPendingBytes * 0.75 - 1 }).subscribe("a");
    bench.session({ pendingBytes: maxPendingBytes * 0.75 }).subscribe("a");
    bench.session({ echo: false }).subscribe("a");
    const ending = bench.session().subscribe("a");
    ending.deliveredMax = 3;
    ending.deliveredCount = 2;
    const findings = routeOf(bench, "subject=a").findings.filter(({ verdict }) => verdict === "receives");
    const remarks = new Map(findings.map((finding) => [finding["cid"], finding["remarks"]]));
    expect(remarks.get(1)).toBeUndefined();
    expect(remarks.get(2)).toEqual([expect.stringContaining("50331648 of 67108864 bytes pending")]);
    expect(remarks.get(3)).toEqual([expect.stringContaining("echo is off")]);
    expect(remarks.get(4)).toEqual(["it ends after 1 more message"]);
  });

  it("says who waits for a receiver", () => {
    const limits = { sinceMs: 0, untilMs: null };
    const stalls = [
      { waiterId: 7, receiverId: 1, ...limits },
      { waiterId: null, receiverId: 1, ...limits },
      { waiterId: 8, receiverId: null, ...limits },
    ];
    const bench = new MonitorBench({}, { stalls: () => stalls });
    bench.session().subscribe("a");
    bench.session().subscribe("a");
    const remarks = routeOf(bench, "subject=a").findings.map((finding) => finding["remarks"]);
    expect(remarks.slice(0, 2)).toEqual([["it stalls 2 senders: cid 7, the broker itself"], undefined]);
  });

  it("says that a request would be told when there is nobody", () => {
    const bench = new MonitorBench();
    bench.session();
    const route = routeOf(bench, "subject=a");
    expect(route.deliveries).toBe(0);
    expect(texts(route, "note")).toEqual([expect.stringContaining("503 No Responders")]);
  });

  it("lists so many, and counts the rest", () => {
    const bench = new MonitorBench();
    for (let count = 0; count < 60; count++) bench.session().subscribe("a");
    const route = routeOf(bench, "subject=a");
    expect(route.deliveries).toBe(60);
    expect(texts(route, "receives")).toHaveLength(51);
    expect(texts(route, "receives").at(-1)).toBe("10 more subscriptions");
    expect(routeOf(bench, "subject=a&limit=2")).toMatchObject({ deliveries: 60 });
    expect(texts(routeOf(bench, "subject=a&limit=2"), "receives")).toHaveLength(3);
  });
});

describe("/explainz: who does not, and why", () => {
  it("names the deny that keeps it from a wider subscription", () => {
    const bench = new MonitorBench();
    const denying = permissions({ denySubscribe: ["orders.secret", "orders.* q"] });
    const session = bench.session({ permissions: denying });
    session.subscribe("orders.*");
    session.subscribe("orders.new", "q");
    expect(texts(routeOf(bench, "subject=orders.secret"), "misses")).toEqual([
      'cid 1 subscribes to "orders.*", but its permissions deny "orders.secret"',
    ]);
    const route = routeOf(bench, "subject=orders.new");
    expect(route.deliveries).toBe(1);
    expect(texts(route, "misses")).toEqual([
      'cid 1 subscribes to "orders.new", but its permissions deny "orders.* q"',
    ]);
  });

  it("names those who may not subscribe, unless they are subscribed", () => {
    const bench = new MonitorBench();
    const narrow = permissions({ allowSubscribe: ["items.>", "orders.new workers"] });
    bench.session({ permissions: narrow, authorizedUser: "u" });
    bench.session({ permissions: narrow, authorizedUser: "u" });
    bench.session({ permissions: narrow, authorizedUser: "u" }).subscribe("orders.new", "workers");
    bench.session({ permissions: permissions({ denySubscribe: ["orders.>"] }) });
    expect(texts(routeOf(bench, "subject=orders.new"), "cannot_subscribe")).toEqual([
      'user u (cid 1, 2) may not subscribe to it: allowed is only queue group "workers"',
      'cid 4 may not subscribe to it: denied by "orders.>"',
    ]);
    expect(texts(routeOf(bench, "subject=other"), "cannot_subscribe")[0]).toContain(
      'allowed is only "items.>", "orders.new"',
    );
    expect(texts(routeOf(bench, "subject=items.x"), "cannot_subscribe")).toEqual([]);
  });

  it("names those who may not publish it", () => {
    const bench = new MonitorBench();
    bench.session({ authorizedUser: "a", permissions: permissions({ allowPublish: ["x", "y.>"] }) });
    bench.session({ authorizedUser: "b", permissions: permissions({ denyPublish: ["orders.*"] }) });
    const terms = { maxMessages: 1, expiresMs: 1_000 };
    bench.session({ authorizedUser: "c", permissions: permissions({ responses: terms }) });
    bench.session({ authorizedUser: "d", permissions: permissions({ allowPublish: ["orders.>"] }) });
    bench.session({ authorizedUser: "e" });
    expect(texts(routeOf(bench, "subject=orders.new"), "cannot_publish")).toEqual([
      'cid 1 (user a) may not publish it: allowed is only "x", "y.>"',
      'cid 2 (user b) may not publish it: denied by "orders.*"',
      "cid 3 (user c) may not publish it: nothing is allowed; it may answer requests that it has received",
    ]);
    expect(texts(routeOf(bench, "subject=$NRG.x"), "cannot_publish")[0]).toContain("server's own");
  });

  it("looks for slips, the likeliest first", () => {
    const bench = new MonitorBench();
    for (const subject of ["orders.old", "orders.ne*", "orders", "Orders.new"])
      bench.session().subscribe(subject);
    bench.session().subscribe("Orders.new");
    expect(texts(routeOf(bench, "subject=orders.new"), "near_miss")).toEqual([
      expect.stringMatching(
        /^"Orders\.new" of cid \d and 1 other subscription differs in upper and lower case$/,
      ),
      expect.stringContaining('"orders.ne*" of cid 2 has no wildcard'),
      expect.stringContaining('"orders" of cid 3 is only the beginning'),
      expect.stringContaining('"orders.old" of cid 1 has "old"'),
    ]);
  });

  it("shows the nearest of many near misses, and counts the others", () => {
    const bench = new MonitorBench();
    const session = bench.session();
    for (let at = 0; at < 500; at++) session.subscribe(`orders.id${at}`);
    session.subscribe("orders");
    const misses = texts(routeOf(bench, "subject=orders.new"), "near_miss");
    expect(misses).toHaveLength(11);
    expect(misses[0]).toContain('"orders"');
    expect(misses[10]).toBe("491 more subjects that come less near");
  });

  it("looks at so many subscriptions for near misses, and says so", () => {
    const bench = new MonitorBench();
    const session = bench.session();
    for (let at = 0; at < 50_010; at++) session.subscribe(`x.${at}`);
    expect(texts(routeOf(bench, "subject=orders.new"), "near_miss")).toEqual([
      "only 50000 of the 50010 subscriptions were looked at for near misses",
    ]);
  });

  it("remembers for an hour who has gone", async () => {
    const bench = new MonitorBench();
    const early = bench.session({ name: "early" });
    early.subscribe("orders.*");
    early.close("Client Closed");
    await bench.clock.advance("59m");
    const late = bench.session({ name: "late" });
    late.subscribe("orders.>");
    late.close("Slow Consumer (Pending Bytes)");
    const other = bench.session();
    other.subscribe("items");
    other.close("Client Closed");
    bench.session();
    await bench.clock.advance("50s");
    expect(texts(routeOf(bench, "subject=orders.new"), "gone")).toEqual([
      'cid 2 "late" was subscribed to "orders.>" until 50s ago: Slow Consumer (Pending Bytes)',
      'cid 1 "early" was subscribed to "orders.*" until 59m50s ago: Client Closed',
    ]);
    await bench.clock.advance("11s");
    expect(texts(routeOf(bench, "subject=orders.new"), "gone")).toHaveLength(1);
  });
});

describe("/explainz: accounts, users and mappings", () => {
  it("explains every account in use, and that they are isolated", () => {
    const bench = new MonitorBench();
    bench.session({}, bench.account("A")).subscribe("orders.new");
    bench.session({}, bench.account("B"));
    bench.account("C");
    const { accounts } = explain(bench, "subject=orders.new");
    expect(
      accounts.map(({ account, connections, subscriptions }) => [account, connections, subscriptions]),
    ).toEqual([
      ["A", 1, 1],
      ["B", 1, 0],
    ]);
    expect(texts(accounts[1]?.routes[0], "note")).toEqual([
      "account A has 1 matching subscription, but accounts are isolated: what is published in B does not get there",
      expect.stringContaining("503"),
    ]);
    expect(explain(bench, "subject=orders.new&account=C").accounts).toMatchObject([{ account: "C" }]);
    expect(bench.get("/explainz?subject=a&account=nope")).toMatchObject({
      status: 400,
      body: "Account nope does not exist",
    });
  });

  it("explains the global account while nothing is in use", () => {
    expect(explain(new MonitorBench(), "subject=a").accounts).toMatchObject([{ account: "$G" }]);
  });

  it("follows mappings", () => {
    const bench = new MonitorBench();
    const account = bench.account("A", [
      {
        source: "in.*",
        destinations: [
          { subject: "out.$1", weightPercent: 50 },
          { subject: "in.*", weightPercent: 20 },
          { subject: "draw.{{random(3)}}", weightPercent: 10 },
        ].filter(({ subject }) => subject !== "in.*"),
      },
      {
        source: "lost",
        destinations: [{ subject: "lost", weightPercent: 30 }],
      },
    ]);
    const narrow = permissions({ allowPublish: ["in.>"] });
    bench.session({ permissions: narrow }, account).subscribe("out.x");
    const [mapped] = explain(bench, "subject=in.x").accounts;
    expect(mapped?.mapping).toEqual({
      source: "in.*",
      destinations: [
        { destination: "out.$1", subject: "out.x", percent: 50 },
        { destination: "draw.{{random(3)}}", percent: 10 },
        { destination: "in.$1", subject: "in.x", percent: 40 },
      ],
      dropped_percent: 0,
    });
    expect(mapped?.routes).toMatchObject([
      { subject: "out.x", percent: 50, deliveries: 1 },
      { subject: "in.x", percent: 40, deliveries: 0 },
    ]);
    // What is asked for is whether the subject that comes out may be published.
    expect(texts(mapped?.routes[0], "cannot_publish")).toHaveLength(1);
    expect(texts(mapped?.routes[1], "cannot_publish")).toEqual([]);
    expect(explain(bench, "subject=lost").accounts[0]).toMatchObject({
      mapping: { dropped_percent: 70 },
      routes: [{ subject: "lost", percent: 30 }],
    });
    expect(explain(bench, "subject=other").accounts[0]).not.toHaveProperty("mapping");
  });

  it("can be about one user", () => {
    const bench = new MonitorBench();
    const closed = permissions({ allowPublish: ["x"], allowSubscribe: ["orders.*"] });
    bench.session({ authorizedUser: "u", permissions: closed }).subscribe("orders.new");
    bench.session({ authorizedUser: "v", permissions: closed }).subscribe("orders.new");
    bench.session({ authorizedUser: "v" }).subscribe("orders.new", "q");
    bench.session({ authorizedUser: "v" }).subscribe("Orders.new");
    const route = routeOf(bench, "subject=orders.new&user=u");
    expect(route.deliveries).toBe(3);
    expect(route.findings.map(({ text }) => text)).toEqual([
      'cid 1 (user u) subscribes to "orders.new"',
      "1 subscription of other users",
      "1 queue group of other users",
      'cid 1 (user u) may not publish it: allowed is only "x"',
    ]);
  });

  it("knows what users who are away may do", () => {
    const away = permissionsOptions({ allowPublish: ["x"], allowSubscribe: ["y"] });
    const user = { password: "", account: "A", connectionTypes: [] };
    const bench = new MonitorBench({
      authorization: {
        user: null,
        password: null,
        token: null,
        users: [
          { ...user, user: "u", permissions: away },
          { ...user, user: "free", permissions: null },
        ],
        nkeys: [],
      },
    });
    bench.account("A");
    bench.session();
    const route = routeOf(bench, "subject=orders.new&user=u");
    expect(texts(route, "cannot_publish")).toEqual(['user u may not publish it: allowed is only "x"']);
    expect(texts(route, "cannot_subscribe")).toEqual(['user u may not subscribe to it: allowed is only "y"']);
    expect(texts(route, "note")[0]).toBe("user u has no connection in account A now");
    const free = routeOf(bench, "subject=orders.new&user=free");
    expect(texts(free, "cannot_publish")).toEqual([]);
    expect(texts(routeOf(bench, "subject=a&user=nobody&account=A"), "note")[0]).toContain("no such user");
  });
});

describe("/explainz: questions", () => {
  it.each([
    ["", "say which subject: /explainz?subject=orders.new"],
    [
      "subject=orders..new",
      '"orders..new" is not a subject: tokens between dots must not be empty, and hold no white space',
    ],
    [
      "subject=a%20b",
      '"a b" is not a subject: tokens between dots must not be empty, and hold no white space',
    ],
    [
      "subject=orders.*.>",
      '"orders.*.>" has a wildcard, but a message is published on one subject: ask for one, such as "orders.x.x"',
    ],
    ["subject=a&limit=x", `Error decoding int for 'limit': strconv.Atoi: parsing "x": invalid syntax`],
  ])("refuses %s", (target, text) => {
    expect(new MonitorBench().get(`/explainz?${target}`)).toMatchObject({ status: 400, body: text });
  });

  it("takes subjects in any script, and names that are only nearly wildcards", () => {
    const bench = new MonitorBench();
    bench.session().subscribe("caf\u00e9.*");
    expect(routeOf(bench, `subject=${encodeURIComponent("caf\u00e9.n*")}`)).toMatchObject({
      subject: "caf\u00e9.n*",
      deliveries: 1,
    });
  });

  it("asks whoever else knows something", () => {
    const stream: Explainer = ({ subject }) => [
      {
        verdict: "receives",
        text: "stream ORDERS stores it",
        count: 1,
        facts: { kind: "stream", of: subject },
      },
    ];
    const bench = new MonitorBench({}, { explainers: [stream] });
    expect(routeOf(bench, "subject=a")).toEqual({
      subject: "a",
      percent: 100,
      deliveries: 1,
      findings: [{ verdict: "receives", text: "stream ORDERS stores it", count: 1, kind: "stream", of: "a" }],
    });
  });
});

describe("explanationText", () => {
  it("shows an explanation on a terminal, and nothing that would steer it", () => {
    const bench = new MonitorBench();
    bench.session({ name: "b\u001b[31mad\u009b\u202e", authorizedUser: "u\u001b[2J\n" }).subscribe("a");
    expect(explanationText(explain(bench, "subject=a"))).toBe(
      [
        '"a" in account $G: one delivery',
        "  Gets it:",
        String.raw`    - cid 1 "b\u001b[31mad\u009b\u202e" (user u\u001b[2J\u000a) subscribes to "a"`,
      ].join("\n"),
    );
  });

  it("shows mappings and several accounts", () => {
    const bench = new MonitorBench();
    const account = bench.account("A", [
      {
        source: "in",
        destinations: [
          { subject: "out", weightPercent: 60 },
          { subject: "in", weightPercent: 30 },
        ],
      },
    ]);
    bench.session({}, account).subscribe("out");
    bench.session();
    expect(explanationText(explain(bench, "subject=in")).split("\n")).toEqual([
      '"in" in account $G: nobody gets it',
      "  Note:",
      expect.stringContaining("503"),
      "",
      '"in" in account A is mapped',
      '  by mapping "in":',
      '    60% goes to "out"',
      '    30% goes to "in"',
      "    10% is dropped",
      'As "out" (60%): one delivery',
      "  Gets it:",
      '    - cid 1 subscribes to "out"',
      'As "in" (30%): nobody gets it',
      "  Note:",
      expect.stringContaining("503"),
    ]);
  });
});
