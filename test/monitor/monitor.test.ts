import { describe, expect, it } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { MonitorBench, testInfo } from "./fixture.ts";

describe("createMonitor", () => {
  it("answers with indented JSON for everybody", () => {
    const answer = new MonitorBench().get("/routez");
    expect(answer).toMatchObject({
      status: 200,
      contentType: "application/json",
      headers: { "Access-Control-Allow-Origin": "*" },
    });
    expect(answer.body).toMatch(/^\{\n {2}"server_id": "NTEST",\n {2}"server_name"/);
  });

  it("refuses unknown paths as Go does", () => {
    const bench = new MonitorBench();
    for (const path of ["/nope", "/varz/", "/Varz", "//varz"]) {
      expect(bench.get(`http://monitor${path}`)).toEqual({
        status: 404,
        contentType: "text/plain; charset=utf-8",
        body: "404 page not found\n",
        headers: { "X-Content-Type-Options": "nosniff" },
      });
    }
    expect(Object.keys(bench.json<{ http_req_stats: object }>("/varz").http_req_stats)).toEqual(["/varz"]);
  });

  it("lives below a base path", () => {
    const bench = new MonitorBench({
      monitor: { host: "", port: 1, httpsPort: null, basePath: "/a/mon" },
    });
    expect(bench.get("/a/mon/varz").status).toBe(200);
    expect(bench.json("/a/mon/varz")).toMatchObject({
      http_base_path: "/a/mon",
      http_req_stats: { "/varz": 2 },
    });
    for (const path of ["/", "/varz", "/a/monvarz", "/a/mon/", "/a"])
      expect(bench.get(path).status).toBe(404);
    const page = bench.get("/a/mon");
    expect(page.contentType).toBe("text/html; charset=utf-8");
    // From /a/mon, ./mon/varz is /a/mon/varz.
    expect(page.body).toContain('href="./mon/varz"');
  });

  it("shows a page with a link to each endpoint", () => {
    const bench = new MonitorBench();
    const { body } = bench.get("/");
    const paths = [...body.matchAll(/href="\.(\/[a-z]+)"/g)].map(([, path]) => path as string);
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) expect(bench.get(path).status).toBe(200);
    expect(bench.json("/varz")).toMatchObject({ http_req_stats: { "/": 1 } });
  });

  it("escapes what a page must not run", () => {
    const bench = new MonitorBench({}, { info: () => ({ ...testInfo, server_name: "<script>" }) });
    expect(bench.get("/").body).not.toContain("<script>");
  });

  it("counts requests by endpoint, the alias and the refused ones too", () => {
    const bench = new MonitorBench();
    for (const path of ["/subsz", "/subscriptionsz", "/connz", "/connz?sort=foo", "/healthz"])
      bench.get(path);
    const { http_req_stats: counts } = bench.json<{ http_req_stats: Record<string, number> }>("/varz");
    expect(counts).toEqual({ "/connz": 2, "/healthz": 1, "/subsz": 2, "/varz": 1 });
    expect(Object.keys(counts)).toEqual(["/connz", "/healthz", "/subsz", "/varz"]);
  });

  it("writes strings as Go does", () => {
    const bench = new MonitorBench({ serverTags: ["a<b>&c\u2028"] });
    const { body } = bench.get("/varz");
    expect(body).toContain(String.raw`"a\u003cb\u003e\u0026c\u2028"`);
    expect((JSON.parse(body) as { tags: string[] }).tags).toEqual(["a<b>&c\u2028"]);
  });

  it.each([
    ["/connz?auth=xx", `Error decoding boolean for 'auth': strconv.ParseBool: parsing "xx": invalid syntax`],
    [
      "/connz?subs=yes",
      `Error decoding boolean for 'subs': strconv.ParseBool: parsing "yes": invalid syntax`,
    ],
    [
      "/connz?auth=%22%0a%01%c3%a4%e2%80%ae",
      String.raw`Error decoding boolean for 'auth': strconv.ParseBool: parsing "\"\n\x01ä\u202e": invalid syntax`,
    ],
    ["/connz?limit=1.5", `Error decoding int for 'limit': strconv.Atoi: parsing "1.5": invalid syntax`],
    [
      "/connz?offset=99999999999999999999",
      `Error decoding int for 'offset': strconv.Atoi: parsing "99999999999999999999": value out of range`,
    ],
    ["/connz?cid=-1", `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`],
    [
      "/connz?cid=18446744073709551616",
      `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "18446744073709551616": value out of range`,
    ],
    ["/connz?state=zz", "Error decoding state for zz"],
    ["/connz?sort=foo", "invalid sorting option: foo"],
    ["/connz?sort=stop", "sort by stop only valid on closed connections"],
    ["/connz?sort=reason&state=all", "sort by reason only valid on closed connections"],
    ["/subsz?test=a.*", "invalid test subject, must be valid publish subject: a.*"],
    ["/accountz?acc=zz", "Account zz does not exist"],
    ["/jsz?leader-only=1", "filtered response: not leader"],
  ])("refuses %s", (target, text) => {
    expect(new MonitorBench().get(target)).toEqual({
      status: 400,
      contentType: "text/plain; charset=utf-8",
      body: text,
    });
  });

  it.each([
    "/connz?auth=&subs=&limit=&cid=&sort=&state=",
    "/connz?auth=T&subs=DETAIL&limit=-3&offset=-1&state=ANY",
  ])("takes %s", (target) => {
    expect(new MonitorBench().json(target)).toMatchObject({ offset: 0, limit: 1_024, connections: [] });
  });
});

describe("/healthz", () => {
  it("is fine", () => {
    expect(new MonitorBench().get("/healthz?account=x&js-enabled-only=1")).toMatchObject({
      status: 200,
      contentType: "application/json",
      body: '{"status":"ok"}',
    });
  });

  it("refuses questions that make no sense", () => {
    const bench = new MonitorBench();
    expect(bench.get("/healthz?stream=a")).toMatchObject({
      status: 400,
      body: String.raw`{"status":"error","error":"\"account\" must not be empty when checking stream health"}`,
    });
    expect(bench.get("/healthz?account=a&consumer=c&details=true")).toMatchObject({
      status: 400,
      body: String.raw`{"status":"error","errors":[{"type":"BAD_REQUEST","error":"\"stream\" must not be empty when checking consumer health"}]}`,
    });
    expect(bench.get("/healthz?js-meta-only=x").status).toBe(400);
  });

  it("is not fine while a listener is missing, and logs it", () => {
    const warnings: string[] = [];
    const bench = new MonitorBench({}, { log: { ...silentLog, warn: (text) => warnings.push(text) } });
    bench.server = { ...bench.server, listenersNotReady: ["websocket"] };
    const error = "failed to be ready for connections after 1ms: websocket";
    expect(bench.get("/healthz")).toMatchObject({
      status: 500,
      body: `{"status":"error","error":"${error}"}`,
    });
    expect(bench.get("/healthz?details=1").body).toBe(
      `{"status":"error","errors":[{"type":"CONNECTION","error":"${error}"}]}`,
    );
    expect(warnings).toHaveLength(2);
  });
});

describe("/varz", () => {
  it("shows the server, in units of nats-server", async () => {
    const bench = new MonitorBench({ serverMetadata: { rack: "7" }, configDigest: "sha256:00" });
    const gone = bench.session({ stallCount: 3 });
    gone.close("Client Closed");
    bench.session({ stallCount: 1 }).subscribe("a");
    await bench.clock.advance("1h1m1s");
    const varz = bench.json("/varz");
    expect(varz).toMatchObject({
      server_id: "NTEST",
      version: "2.14.0",
      frond: "0.1.0",
      ping_interval: 120_000_000_000,
      write_deadline: 10_000_000_000,
      auth_timeout: 2,
      tls_timeout: 2,
      uptime: "1h1m1s",
      mem: 1_000_000,
      cpu: 12.3,
      cores: 4,
      connections: 1,
      total_connections: 2,
      stalled_clients: 4,
      subscriptions: 1,
      cluster: {},
      websocket: {},
      jetstream: {},
      metadata: { rack: "7" },
      config_digest: "sha256:00",
      system_account: "$SYS",
    });
    expect(varz).not.toHaveProperty("max_subscriptions");
    expect(varz).not.toHaveProperty("auth_required");
  });

  it("shows the WebSocket listener's settings, with the port it has got", () => {
    const bench = new MonitorBench({
      websocket: {
        host: "0.0.0.0",
        port: 0,
        advertise: null,
        tls: null,
        compression: true,
        sameOrigin: false,
        allowedOrigins: ["http://a"],
        trustedProxies: [],
        handshakeTimeoutMs: 2_000,
        pingIntervalMs: null,
        headers: {},
        jwtCookie: null,
        userCookie: null,
        passCookie: null,
        tokenCookie: null,
        noAuthUser: "n",
        authorization: { user: null, password: null, token: null, timeoutMs: 1_500 },
      },
    });
    bench.server = { ...bench.server, websocketPort: 9_222 };
    expect(bench.json<{ websocket: object }>("/varz").websocket).toEqual({
      host: "0.0.0.0",
      port: 9_222,
      no_auth_user: "n",
      handshake_timeout: 2_000_000_000,
      auth_timeout: 1.5,
      no_tls: true,
      allowed_origins: ["http://a"],
      compression: true,
    });
  });
});
