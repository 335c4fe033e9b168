import { describe, expect, it } from "vitest";
import { World } from "./simulation/world.ts";

const quiet = 'CONNECT {"verbose":false,"pedantic":false}\r\n';

describe("a client's subscriptions", () => {
  it("have no more tokens than the trie can go down, however long a line may be", () => {
    const world = new World(undefined, { maxControlLineBytes: 1_000_000 });
    const place = world.connect();
    const deep = (count: number): string => Array.from({ length: count }, () => "*").join(".");
    world.receive(place, `${quiet}SUB ${deep(2_048)} 1\r\n`);
    expect(world.take(place)).toBe("");
    for (const count of [2_049, 5_000, 100_000]) {
      world.receive(place, `SUB ${deep(count)} 2\r\nPUB ${deep(count).replaceAll("*", "a")} 0\r\n\r\n`);
      expect(world.take(place)).toBe(
        `-ERR 'Permissions Violation for Subscription to "${deep(count)}", too many tokens'\r\n`,
      );
    }
    const literal = deep(2_048).replaceAll("*", "a");
    world.receive(place, `PUB ${literal} 1\r\nx\r\n`);
    expect(world.take(place)).toBe(`MSG ${literal} 1 1\r\nx\r\n`);
    world.receive(place, "UNSUB 1\r\n");
    expect(world.broker.subscriptionCount).toBe(0);
  });

  it("are counted against the limit of the connection, and free their place", () => {
    const world = new World(undefined, { maxSubscriptions: 3 });
    const place = world.connect();
    world.receive(place, `${quiet}SUB a 1\r\nSUB a 2\r\nSUB a 3\r\nUNSUB 2 1\r\nSUB a 4\r\n`);
    expect(world.take(place)).toBe("-ERR 'maximum subscriptions exceeded'\r\n");
    // The second ends with its first delivery.
    world.receive(place, "PUB a 1\r\nx\r\nSUB a 4\r\nSUB a 5\r\n");
    expect(
      world
        .take(place)
        .split("\r\n")
        .filter((line) => /^(MSG|-)/.test(line))
        .sort(),
    ).toEqual(["-ERR 'maximum subscriptions exceeded'", "MSG a 1 1", "MSG a 2 1", "MSG a 3 1"]);
    expect(world.peer(place).client.subscriptionCount).toBe(3);
  });

  it("are gone with their client, from the account and from what others are sent", () => {
    const world = new World();
    const [leaving, staying] = [world.connect(), world.connect()];
    for (const place of [leaving, staying]) world.receive(place, `${quiet}SUB a q 1\r\nSUB b 2\r\n`);
    world.receive(leaving, "-ERR 'bye'\r\n");
    expect(world.peer(leaving).closeReason).toBe("Parse Error");
    expect(world.broker.subscriptionCount).toBe(2);
    world.receive(staying, "PUB a 1\r\nx\r\nPUB b 1\r\ny\r\n");
    expect(world.take(staying)).toBe("MSG a 1 1\r\nx\r\nMSG b 2 1\r\ny\r\n");
    expect(world.written(leaving)).toBe("");
    const [closed] = world.broker.closedSessions();
    expect(closed?.subscriptions.map(({ subject, queue, sid }) => [subject, queue, sid])).toEqual([
      ["a", "q", "1"],
      ["b", null, "2"],
    ]);
  });
});
