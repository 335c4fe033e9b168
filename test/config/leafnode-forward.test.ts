import { describe, expect, test } from "vitest";
import { optionsFromObject } from "../../src/config/embedding.ts";
import type { ForwardOptions } from "../../src/config/leafnode-options.ts";
import { load, problemsOf } from "./helper.ts";

const streams = 'server_name: edge\njetstream { store_dir: "/tmp/none" }';
const configOf = (forward: string, rest = streams): string =>
  `${rest}\nleafnodes { remotes: [{ url: "nats-leaf://hub", forward { ${forward} } }] }`;
const forwardOf = (forward: string): ForwardOptions | null | undefined =>
  load(configOf(forward)).options.leafnodes?.remotes[0]?.forward;

describe("forward", () => {
  test("is off unless it is asked for", () => {
    expect(
      load('leafnodes { remotes: [{ url: "nats-leaf://hub" }] }').options.leafnodes?.remotes[0],
    ).toMatchObject({ forward: null });
  });

  test("takes names of streams, and has its defaults", () => {
    expect(forwardOf("up: [A, B], down: C")).toEqual({
      up: [
        { stream: "A", as: "A", subjects: [] },
        { stream: "B", as: "B", subjects: [] },
      ],
      down: [{ stream: "C", as: "C", subjects: [] }],
      replicas: 1,
      hubDomain: null,
      backOffMsMax: 30_000,
      lagWarning: 1_000,
    });
  });

  test("takes more about a stream, and all its keys", () => {
    const text = `up: { stream: A, as: ALL_A, subjects: ["a.>", b] }, down: [{ stream: C, as: OUR_C }]
      replicas: 3, hub_domain: hub, back_off: "1m", lag_warning: 10`;
    expect(forwardOf(text)).toEqual({
      up: [{ stream: "A", as: "ALL_A", subjects: ["a.>", "b"] }],
      down: [{ stream: "C", as: "OUR_C", subjects: [] }],
      replicas: 3,
      hubDomain: "hub",
      backOffMsMax: 60_000,
      lagWarning: 10,
    });
  });

  test("the broker's domain is its own name unless it has one", () => {
    expect(load(configOf("up: A")).options.jetstream?.domain).toBe("edge");
    expect(load(configOf("up: A", "jetstream { domain: plant }")).options.jetstream?.domain).toBe("plant");
    expect(load(streams).options.jetstream?.domain).toBeNull();
  });

  test.each([
    ["up: A", "server_name: edge", /forward needs streams: add a jetstream block/],
    ["up: A", "jetstream: enabled", /forward needs a domain of this broker's own: set domain/],
    ["up: A", 'server_name: "a.b"\njetstream: enabled', /server_name "a\.b" can not be one/],
    ["up: A, hub_domain: edge", streams, /needs two domains: hub_domain "edge"/],
    ["up: A", `${streams}\naccounts { P { jetstream: enabled } }`, /add jetstream: enabled to it/],
    ["back_off: '3s'", streams, /forward names no stream: set up, down or both/],
    ["up: [A, A]", streams, /names the stream "A" more than once/],
    ["up: [A], down: [{ stream: B, as: A }]", streams, /names the stream "A" more than once/],
    ["up: [{ stream: A, as: X }, { stream: B, as: X }]", streams, /names the stream "X" more than once/],
    ["up: 'a.b'", streams, /invalid stream name "a\.b"/],
    ["up: [{ as: B }]", streams, /a forwarded stream needs a name/],
    ["up: [{ stream: A, subjects: 'a..b' }]", streams, /invalid subject "a\.\.b"/],
    ["down: [{ stream: A, subjects: a }]", streams, /takes none of its own/],
    ["up: A, replicas: 6", streams, /replicas value is too big: it may be at most 5/],
    ["up: A, hub_domain: 'a.b'", streams, /invalid hub_domain/],
    ["up: A, back_off: '-1s'", streams, /back_off can not be negative/],
    ["up: A, upp: B", streams, /unknown field "upp"/],
    ["up: 5", streams, /expected "up" to be an array, not/],
  ])("%s is refused after %s", (forward, rest, problem) => {
    expect(problemsOf(configOf(forward, rest)).join("\n")).toMatch(problem);
  });

  test("has typed options", () => {
    const { options } = optionsFromObject({
      serverName: "edge",
      jetstream: true,
      leafNodes: {
        remotes: [
          {
            urls: ["nats-leaf://hub"],
            forward: {
              up: ["A", { stream: "B", as: "ALL_B", subjects: ["b.>"] }],
              down: [{ stream: "C" }],
              replicas: 3,
              hubDomain: "hub",
              backOff: 5_000,
              lagWarning: 7,
            },
          },
        ],
      },
    });
    expect(options.leafnodes?.remotes[0]?.forward).toEqual({
      up: [
        { stream: "A", as: "A", subjects: [] },
        { stream: "B", as: "ALL_B", subjects: ["b.>"] },
      ],
      down: [{ stream: "C", as: "C", subjects: [] }],
      replicas: 3,
      hubDomain: "hub",
      backOffMsMax: 5_000,
      lagWarning: 7,
    });
  });
});
