import { describe, expect, it } from "vitest";
import { FakeWire } from "./simulation/fake-wire.ts";
import { World } from "./simulation/world.ts";

const quiet = 'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n';

function msg(subject: string, sid: string, payload: string): string {
  return `MSG ${subject} ${sid} ${payload.length}\r\n${payload}\r\n`;
}

function pub(subject: string, payload: string): string {
  return `PUB ${subject} ${payload.length}\r\n${payload}\r\n`;
}

/** Clients that each say `lines` after CONNECT. */
function worldOf(...lines: string[]): World {
  const world = new World();
  for (const line of lines) world.receive(world.connect(), quiet + line);
  return world;
}

describe("clients that are sent the same bytes", () => {
  it("share them, whatever their patterns are", () => {
    const world = worldOf("SUB a.b 1\r\n", "SUB a.* 1\r\n", "SUB > 1\r\n", "SUB a.> 2\r\n", "");
    world.receive(4, pub("a.b", "x") + pub("a.c", "y"));
    expect([0, 1, 2, 3].map((place) => world.take(place))).toEqual([
      msg("a.b", "1", "x"),
      msg("a.b", "1", "x") + msg("a.c", "1", "y"),
      msg("a.b", "1", "x") + msg("a.c", "1", "y"),
      msg("a.b", "2", "x") + msg("a.c", "2", "y"),
    ]);
  });

  it("are counted one by one", () => {
    const world = worldOf("SUB a 1\r\n", "SUB a 1\r\n", "");
    world.receive(2, pub("a", "xyz") + pub("a", ""));
    const counts = [0, 1]
      .map((place) => world.peer(place).client)
      .map((client) => [
        client.outMessages,
        client.outBytes,
        [...client.subscriptions()].map(({ deliveredCount }) => deliveredCount),
      ]);
    expect(counts).toEqual([
      [2, 3, [2]],
      [2, 3, [2]],
    ]);
    expect([world.broker.stats.outMessages, world.broker.stats.outBytes]).toEqual([4, 6]);
  });

  it("leave out one that has ended in the middle of a read, and go on without it", () => {
    const world = worldOf("SUB a 1\r\n", "SUB a 1\r\n", "SUB a 1\r\n");
    world.receive(1, pub("a", "1") + "UNSUB 1\r\n" + pub("a", "2") + "SUB a 1\r\n" + pub("a", "3"));
    const all = ["1", "2", "3"].map((payload) => msg("a", "1", payload));
    expect([0, 1, 2].map((place) => world.take(place))).toEqual([
      all.join(""),
      `${all[0]}${all[2]}`,
      all.join(""),
    ]);
  });

  it("leave out one that wants no echo, without loss of what it got before", () => {
    const world = worldOf("SUB a 1\r\n", "SUB a 1\r\nSUB b.* 2\r\n", "SUB b.* 2\r\n");
    world.receive(1, 'CONNECT {"echo":false}\r\nSUB a 1\r\nSUB b.* 2\r\n');
    // Two cohorts in one pass: the second must not touch what the first has gathered for it.
    world.peer(1).wire.takesAtOnce = false;
    world.pass.run(() => {
      world.receive(0, pub("a", "1") + pub("a", "2"));
      world.receive(1, pub("b.x", "3"));
      world.receive(0, pub("a", "4"));
    });
    world.drain();
    expect([0, 1, 2].map((place) => world.take(place))).toEqual([
      msg("a", "1", "1") + msg("a", "1", "2") + msg("a", "1", "4"),
      msg("a", "1", "1") + msg("a", "1", "2") + msg("a", "1", "4"),
      msg("b.x", "2", "3"),
    ]);
  });

  it("count down for one whose end is set, without loss of what another cohort has gathered for it", () => {
    const world = worldOf("SUB a 1\r\nSUB b 2\r\nUNSUB 2 2\r\n", "SUB a 1\r\nSUB b 2\r\n", "");
    world.receive(2, pub("a", "1") + pub("b", "2") + pub("b", "3") + pub("b", "4") + pub("a", "5"));
    expect(world.take(0)).toBe(
      msg("a", "1", "1") + msg("b", "2", "2") + msg("b", "2", "3") + msg("a", "1", "5"),
    );
    expect(world.take(1)).toBe(
      msg("a", "1", "1") + msg("b", "2", "2") + msg("b", "2", "3") + msg("b", "2", "4") + msg("a", "1", "5"),
    );
  });

  it("get a message once, though one that is served by itself makes the pass flush", () => {
    const world = worldOf("SUB f 1\r\nSUB g 2\r\nUNSUB 1 100\r\n", "SUB f 1\r\n", "SUB f 1\r\n", "");
    const { gathered } = world.pass;
    let count = 0;
    // The first client's buffer, the run of the others, and then the first client's next buffer, in the middle of both.
    world.pass.gathered = () => gathered.call(world.pass, ++count === 3 ? 1024 ** 3 : 0);
    const [large, small, middling] = ["L".repeat(1_500), "S".repeat(100), "M".repeat(1_500)] as const;
    // The first client's buffer is full before the run is.
    world.receive(
      3,
      pub("g", large) + pub("g", large) + pub("f", small) + pub("f", middling) + pub("f", "z"),
    );
    const common = [small, middling, "z"].map((payload) => msg("f", "1", payload)).join("");
    expect(world.take(0)).toBe(msg("g", "2", large) + msg("g", "2", large) + common);
    expect(world.take(1)).toBe(common);
    expect(world.take(2)).toBe(common);
  });

  it("keep their order when some are served by other means in between", () => {
    const world = worldOf("SUB a 1\r\nSUB b q 7\r\n", "SUB a 1\r\nSUB c 2\r\n", "SUB a 1\r\n", "");
    const big = "B".repeat(5_000);
    world.receive(
      3,
      pub("a", "1") + pub("b", "2") + pub("c", big) + pub("a", "3") + pub("a", big) + pub("a", "4"),
    );
    const rest = msg("a", "1", "3") + msg("a", "1", big) + msg("a", "1", "4");
    expect(world.take(0)).toBe(msg("a", "1", "1") + msg("b", "7", "2") + rest);
    expect(world.take(1)).toBe(msg("a", "1", "1") + msg("c", "2", big) + rest);
    expect(world.take(2)).toBe(msg("a", "1", "1") + rest);
  });

  it("are told headers or not, each as it wants", () => {
    const world = new World();
    for (const headers of [true, true, false, false, true])
      world.receive(world.connect(), `CONNECT {"verbose":false,"headers":${headers}}\r\nSUB a 1\r\n`);
    world.receive(4, "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    const [full, stripped] = ["HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", msg("a", "1", "hi")];
    expect([0, 1, 2, 3, 4].map((place) => world.take(place))).toEqual([full, full, stripped, stripped, full]);
  });

  it("are told headers from the moment on that they can take them", () => {
    const world = new World();
    for (let place = 0; place < 3; place++) world.receive(world.connect(), "SUB a.* 1\r\n");
    const publish = "HPUB a.b 12 14\r\nNATS/1.0\r\n\r\nhi\r\n";
    world.receive(world.connect(), quiet + publish);
    // Another subject with the same receivers holds on to the plan.
    world.receive(3, publish.replace("a.b", "a.c"));
    for (let place = 0; place < 3; place++) world.take(place);
    world.receive(1, quiet);
    world.receive(3, publish);
    expect(world.take(0)).toBe(msg("a.b", "1", "hi"));
    expect(world.take(1)).toBe("HMSG a.b 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    expect(world.take(2)).toBe(msg("a.b", "1", "hi"));
  });

  it("do not wait for one of them that does not read", () => {
    const world = worldOf("SUB a 1\r\n", "", "");
    const slow = world.connect(new FakeWire(true));
    world.receive(slow, `${quiet}SUB a 1\r\n`);
    const payloads = Array.from({ length: 50 }, (_, at) => `${at}`);
    for (const payload of payloads) world.receive(1, pub("a", payload));
    const all = payloads.map((payload) => msg("a", "1", payload)).join("");
    expect(world.take(0)).toBe(all);
    expect(world.written(slow).length).toBeLessThan(all.length);
    world.drain();
    expect(world.take(slow)).toBe(all);
  });

  it("have one of them that does not read keep little more than what waits for it", () => {
    const world = worldOf("SUB a 1\r\n", "");
    const slow = world.connect(new FakeWire(true));
    world.receive(slow, `${quiet}SUB a 1\r\n`);
    const before = process.memoryUsage().arrayBuffers;
    // A pass for each, so that each has a run of its own.
    for (let sent = 0; sent < 20_000; sent++) world.receive(1, pub("a", "0123456789abcdef"));
    expect(world.peer(slow).connection.pendingBytes).toBe(20_000 * msg("a", "1", "0123456789abcdef").length);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  it("lose one that breaks away, and nothing else", () => {
    const world = worldOf("SUB a 1\r\n", "SUB a 1\r\n", "SUB a 1\r\n", "");
    world.pass.run(() => {
      world.receive(3, pub("a", "1"));
      world.peer(1).connection.lost("Read Error");
      world.receive(3, pub("a", "2"));
    });
    expect([world.take(0), world.take(2)]).toEqual([
      msg("a", "1", "1") + msg("a", "1", "2"),
      msg("a", "1", "1") + msg("a", "1", "2"),
    ]);
    expect(world.broker.accounts.get("$G")?.interest.size).toBe(2);
  });
});
