import { describe, expect, it } from "vitest";
import { infoLine } from "../../src/protocol/encoder.ts";
import { FakeWire } from "./simulation/fake-wire.ts";
import { World } from "./simulation/world.ts";

const quiet = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n';

describe("a client that is silent", () => {
  it("is pinged soon after it came, then when it has said nothing, and is closed when it does not answer", async () => {
    const world = new World(undefined, { pingIntervalMs: 10_000, pingMax: 2 });
    const place = world.connect();
    world.receive(place, quiet);
    await world.clock.advance("3s");
    expect(world.take(place)).toBe("PING\r\n");
    world.receive(place, "PONG\r\n");
    expect(world.peer(place).client.rttMs).not.toBe(null);
    await world.clock.advance("10s");
    expect(world.take(place)).toBe("PING\r\n");
    await world.clock.advance("10s");
    expect(world.take(place)).toBe("PING\r\n");
    await world.clock.advance("10s");
    expect(world.take(place)).toBe("-ERR 'Stale Connection'\r\n");
    expect(world.peer(place).closeReason).toBe("Stale Connection");
    expect(world.broker.stats.staleConnections).toBe(1);
  });

  it("is pinged at every interval although it answers each PING, and counts as idle all the time", async () => {
    const world = new World(undefined, { pingIntervalMs: 200, pingMax: 2 });
    const place = world.connect();
    world.receive(place, quiet);
    const { startMs } = world.peer(place).client;
    // The first is spread over a fifth.
    await world.clock.advance("240ms");
    for (let ping = 0; ping < 5; ping++) {
      expect(world.take(place)).toBe("PING\r\n");
      world.receive(place, "PONG\r\n");
      await world.clock.advance("200ms");
    }
    expect(world.peer(place).client.lastActivityMs).toBe(startMs);
  });

  it.each([
    ["SUB a 1\r\n", true],
    ["UNSUB 1\r\n", true],
    ["PUB a 0\r\n\r\n", true],
    ["PING\r\n", false],
  ])("is not pinged when it has said %j within the interval", async (said, countsAsActivity) => {
    const world = new World(undefined, { pingIntervalMs: 10_000, pingMax: 2 });
    const place = world.connect();
    world.receive(place, quiet);
    await world.clock.advance("3s");
    world.receive(place, "PONG\r\n");
    const { startMs } = world.peer(place).client;
    await world.clock.advance("2s");
    for (let time = 0; time < 4; time++) {
      world.take(place);
      world.receive(place, said);
      world.take(place);
      await world.clock.advance("9s");
      expect(world.take(place)).toBe("");
    }
    expect(world.peer(place).client.lastActivityMs > startMs).toBe(countsAsActivity);
  });

  it("is not pinged while it has something to say", async () => {
    const world = new World(undefined, { pingIntervalMs: 10_000, pingMax: 2 });
    const place = world.connect();
    world.receive(place, quiet);
    await world.clock.advance("3s");
    world.receive(place, "PONG\r\n");
    world.take(place);
    for (let second = 0; second < 60; second++) {
      world.receive(place, "PUB a 0\r\n\r\n");
      await world.clock.advance("1s");
    }
    expect(world.take(place)).toBe("");
  });
});

describe("a client that goes", () => {
  it("takes its connection out of its account, and leaves what it has done", () => {
    const world = new World();
    const [place, other] = [world.connect(), world.connect()];
    for (const each of [place, other]) world.receive(each, `${quiet}SUB a 1\r\n`);
    world.receive(place, "PUB a 2\r\nhi\r\n");
    const account = world.broker.accounts.get("$G");
    expect(account?.connectionCount).toBe(2);
    world.peer(place).connection.lost("Read Error");
    expect([account?.connectionCount, world.broker.sessions.size]).toEqual([1, 1]);
    expect(account?.endedTraffic).toEqual({ inMessages: 1, inBytes: 2, outMessages: 1, outBytes: 2 });
    expect(world.broker.closedSessions().map(({ reason }) => reason)).toEqual(["Read Error"]);
  });

  it("does nothing more, whatever it had said already", () => {
    const world = new World();
    const [place, listener] = [world.connect(), world.connect()];
    world.receive(listener, `${quiet}SUB > 1\r\n`);
    world.receive(place, `${quiet}PUB a 1\r\nx\r\n-ERR 'bye'\r\nPUB b 1\r\ny\r\n`);
    world.peer(place).connection.receive(Buffer.from("PUB c 1\r\nz\r\n"), 0, 12, true);
    expect(world.take(listener)).toBe("MSG a 1 1\r\nx\r\n");
  });

  it("is sent what it was owed before it went wrong", () => {
    const world = new World();
    const place = world.connect(new FakeWire(true));
    world.receive(place, `${quiet}SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\nNONSENSE\r\n`);
    world.drain();
    expect(world.take(place)).toMatch(
      /^MSG a 1 1\r\nx\r\nPONG\r\nINFO .*\r\n-ERR 'Unknown Protocol Operation'\r\n$/,
    );
    expect(world.peer(place).wire.ended).toBe(true);
  });
});

describe("lame duck", () => {
  it("is told to clients that understand it and have been heard", () => {
    const world = new World();
    const places = [quiet, quiet, quiet.replace('"protocol":1', '"protocol":0')].map((fields, at) => {
      const place = world.connect();
      world.receive(place, fields + (at === 1 ? "" : "PING\r\n"));
      world.take(place);
      return place;
    });
    for (const place of places) world.pass.run(() => world.peer(place).client.announceLameDuck());
    const [first = "", ...others] = places.map((place) => world.take(place));
    expect(first).toContain('"ldm":true');
    expect(first.startsWith(infoLine({}).slice(0, 5))).toBe(true);
    expect(others).toEqual(["", ""]);
  });
});

describe("payloads of any size", () => {
  it("arrive as they were sent, whether copied or not, stripped or not", () => {
    const world = new World();
    const places = [true, false, true].map((headers, at) => {
      const place = world.connect(new FakeWire(at === 2));
      world.receive(
        place,
        `CONNECT {"verbose":false,"headers":${headers}}\r\nSUB a.* ${at}\r\nSUB a.b ${at}${at}\r\n`,
      );
      return place;
    });
    const sender = world.connect();
    world.receive(sender, 'CONNECT {"verbose":false,"headers":true}\r\n');
    const block = "NATS/1.0\r\n\r\n";
    let expected = ["", "", ""];
    for (const size of [0, 1, 79, 80, 81, 2_033, 2_034, 2_047, 2_048, 2_049, 4_096, 65_536, 600_000]) {
      const payload = "p".repeat(size);
      const sizes = `${block.length} ${block.length + size}`;
      world.receive(sender, `HPUB a.b reply.to ${sizes}\r\n${block}${payload}\r\n`, size % 2 === 0);
      expected = expected.map((text, at) => {
        const frame = (sid: string): string =>
          at === 1
            ? `MSG a.b ${sid} reply.to ${size}\r\n${payload}\r\n`
            : `HMSG a.b ${sid} reply.to ${sizes}\r\n${block}${payload}\r\n`;
        return text + [frame(`${at}`), frame(`${at}${at}`)].join("");
      });
    }
    world.drain();
    for (const [at, place] of places.entries()) {
      // Of the two subscriptions either may come first.
      const sorted = (text: string): string[] => text.split(/(?=H?MSG a)/).sort();
      expect(sorted(world.written(place)).join("") === sorted(expected[at] as string).join("")).toBe(true);
    }
  });
});
