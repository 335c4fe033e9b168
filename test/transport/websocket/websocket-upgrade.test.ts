import type { IncomingHttpHeaders } from "node:http";
import { AddressRanges } from "../../../src/base/address-ranges.ts";
import { describe, expect, test } from "vitest";
import {
  credentialsFromCookies,
  clientAddress,
  refusalOf,
} from "../../../src/transport/websocket/websocket-upgrade.ts";

const good: IncomingHttpHeaders = {
  host: "broker.test:8443",
  upgrade: "websocket",
  connection: "keep-alive, Upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};
const anyOrigin = { sameOrigin: false, allowedOrigins: [] };

function ask(headers: IncomingHttpHeaders, request: { method?: string; url?: string } = {}): string {
  const refusal = refusalOf({ method: "GET", url: "/", ...request, headers }, false, anyOrigin);
  return refusal === null ? "welcome" : `${refusal.status} ${refusal.reason}`;
}

describe("a request", () => {
  test.each(["/", "/nats", "/a/b?x=/mqtt", "/leafnodes", "/mqtt/x"])(
    "for %s may become a WebSocket",
    (url) => {
      expect(ask(good, { url })).toBe("welcome");
    },
  );

  test.each([
    ["/leafnode", "404 leafnode websocket endpoint not enabled"],
    ["/a/leafnode?b", "404 leafnode websocket endpoint not enabled"],
    ["/mqtt", "404 mqtt websocket endpoint not enabled"],
  ])("for %s may not", (url, answer) => {
    expect(ask(good, { url })).toBe(answer);
  });

  test.each<[string, IncomingHttpHeaders, string]>([
    ["without a host", { host: undefined }, "400 'Host' missing in request"],
    ["without Upgrade", { upgrade: undefined }, "400 invalid value for header 'Upgrade'"],
    ["for another protocol", { upgrade: "h2c" }, "400 invalid value for header 'Upgrade'"],
    ["without Connection", { connection: "keep-alive" }, "400 invalid value for header 'Connection'"],
    ["without a key", { "sec-websocket-key": undefined }, "400 key missing"],
    ["with a short key", { "sec-websocket-key": "c2hvcnQ=" }, "400 invalid websocket key"],
    ["with a key that is no base64", { "sec-websocket-key": "!".repeat(24) }, "400 invalid websocket key"],
    ["without a version", { "sec-websocket-version": undefined }, "400 invalid version"],
    ["of an old version", { "sec-websocket-version": "8" }, "400 invalid version"],
  ])("%s is refused", (_name, change, answer) => {
    expect(ask({ ...good, ...change })).toBe(answer);
  });

  test("that is no GET is refused", () => {
    expect(ask(good, { method: "POST" })).toBe("405 request method must be GET");
  });
});

describe("origins", () => {
  const check = (
    origin: string | undefined,
    rules: { sameOrigin?: boolean; allowedOrigins?: readonly string[] },
    secure = false,
    host = "broker.test:8443",
  ) => {
    const headers = { ...good, host, ...(origin !== undefined && { origin }) };
    return (
      refusalOf({ method: "GET", url: "/", headers }, secure, { ...anyOrigin, ...rules })?.reason ?? "welcome"
    );
  };

  test("are nobody's business without a rule, and not those of programs", () => {
    expect(check("http://evil.test", {})).toBe("welcome");
    expect(check(undefined, { sameOrigin: true, allowedOrigins: ["https://a.test"] })).toBe("welcome");
    expect(check("", { sameOrigin: true })).toBe("welcome");
  });

  test.each([
    ["http://broker.test:8443", false, "broker.test:8443", true],
    ["http://BROKER.test:8443", false, "broker.TEST:8443", true],
    ["https://broker.test:8443", true, "broker.test:8443", true],
    ["https://broker.test", true, "broker.test:443", true],
    ["https://broker.test:443", true, "broker.test", true],
    ["http://broker.test", false, "broker.test:80", true],
    ["http://[::1]:8443", false, "[::1]:8443", true],
    ["https://broker.test:8443", false, "broker.test:8443", false],
    ["http://broker.test:8443", true, "broker.test:8443", false],
    ["http://broker.test:8444", false, "broker.test:8443", false],
    ["http://other.test:8443", false, "broker.test:8443", false],
    ["null", false, "broker.test:8443", false],
    ["broker.test:8443", false, "broker.test:8443", false],
  ])("%s (over TLS: %s) at %s, as the same origin: %s", (origin, secure, host, welcome) => {
    expect(check(origin, { sameOrigin: true }, secure, host) === "welcome").toBe(welcome);
  });

  test("may be listed, with scheme, host and port", () => {
    const allowedOrigins = ["https://a.test", "http://b.test:8080", "not a URL"];
    const listed = (origin: string) => check(origin, { allowedOrigins });
    expect([listed("https://a.test"), listed("https://A.TEST:443"), listed("http://b.test:8080")]).toEqual([
      "welcome",
      "welcome",
      "welcome",
    ]);
    expect(listed("http://a.test")).toBe("origin not allowed: not in the allowed list");
    expect(listed("https://a.test:444")).toBe("origin not allowed: not in the allowed list");
    expect(listed("http://b.test")).toBe("origin not allowed: not in the allowed list");
    expect(listed("not a URL")).toBe("origin not allowed: not a URL");
  });

  test("must keep both rules where both are set", () => {
    const rules = { sameOrigin: true, allowedOrigins: ["http://other.test"] };
    expect(check("http://broker.test:8443", rules)).toBe("origin not allowed: not in the allowed list");
    expect(check("http://other.test", rules)).toBe("origin not allowed: not same origin");
  });
});

test("cookies offer credentials", () => {
  const names = { jwtCookie: "j", userCookie: "u", passCookie: "p", tokenCookie: null };
  const offered = (cookie: string | undefined) => credentialsFromCookies({ cookie }, names);
  expect(offered(undefined)).toEqual({});
  expect(offered("u=ann; p=a=b ;j=eyJ.x.y; t=token; null=x; nothing")).toEqual({
    user: "ann",
    password: "a=b",
    jwt: "eyJ.x.y",
  });
  expect(offered('u="quoted name"; p=')).toEqual({ user: "quoted name", password: "" });
  expect(offered(`u=${Buffer.from("jürgen").toString("latin1")}`)).toEqual({ user: "jürgen" });
});

describe("the client's address", () => {
  const trusted = new AddressRanges(["10.0.0.0/8", "2001:db8:ffff::/48"]);
  test.each([
    ["the peer's, whatever it claims, where it is no trusted proxy", "192.0.2.1", "192.0.2.7", "192.0.2.1"],
    ["what a trusted proxy says", "10.0.0.1", "192.0.2.7", "192.0.2.7"],
    ["what the last trusted proxy says", "10.0.0.1", "192.0.2.7, 10.0.0.2", "192.0.2.7"],
    ["not what the client has put there before", "10.0.0.1", "203.0.113.9 , 192.0.2.7", "192.0.2.7"],
    ["an IPv6 address", "2001:db8:ffff::1", "2001:db8::1", "2001:db8::1"],
    ["the proxy's, where it says nothing", "10.0.0.1", undefined, "10.0.0.1"],
    ["the proxy's, where it says no address", "10.0.0.1", "unknown", "10.0.0.1"],
    ["the proxy's, where it says an address with a port", "10.0.0.1", "192.0.2.7:80", "10.0.0.1"],
    ["the last that is one", "10.0.0.1", "x, 10.0.0.3", "10.0.0.3"],
  ])("is %s", (_what, peer, header, expected) => {
    expect(clientAddress({ "x-forwarded-for": header }, peer, trusted)).toBe(expected);
  });
});
