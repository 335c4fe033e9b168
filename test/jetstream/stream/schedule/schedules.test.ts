import { describe, expect, it } from "vitest";
import type { Stream } from "../../../../src/jetstream/stream/stream.ts";
import { contents, headersAt, World } from "../../stream-world.ts";

const target = "Nats-Schedule-Target: s.out";

function scheduling(): { world: World; stream: Stream; soon: (seconds: number) => string } {
  const world = new World();
  const stream = world.stream({ allow_msg_schedules: true, allow_msg_ttl: true });
  const soon = (seconds: number) => new Date(world.clock.wallMs() + seconds * 1_000).toISOString();
  return { world, stream, soon };
}

describe("a schedule", () => {
  it("sends its message once, and goes", async () => {
    const { world, stream, soon } = scheduling();
    const headers = [
      `Nats-Schedule: @at ${soon(5)}`,
      target,
      "Nats-Schedule-TTL: 1m",
      "A: 1",
      "Nats-Msg-Id: m",
    ];
    expect(world.outcome("s.one", "hello", headers)).toBe("1");
    expect(headersAt(stream, 1)?.at(-1)).toBe("Nats-Rollup: sub");
    await world.advance("4s");
    expect(contents(stream)).toEqual(["1 s.one hello"]);
    await world.advance("1002ms");
    expect(contents(stream)).toEqual(["2 s.out hello"]);
    expect(headersAt(stream, 2)).toEqual([
      "A: 1",
      "Nats-Scheduler: s.one",
      "Nats-Schedule-Next: purge",
      "Nats-TTL: 1m",
    ]);
    await world.advance("61s");
    expect(contents(stream)).toEqual([]);
  });

  it("sends it again and again, also after a restart", async () => {
    const { world, stream } = scheduling();
    world.send("s.many", "tick", ["Nats-Schedule: @every 10s", target, "Nats-Schedule-Rollup: sub"]);
    await world.advance("11s");
    expect(contents(stream)).toEqual(["1 s.many tick", "2 s.out tick"]);
    expect(headersAt(stream, 2)?.slice(2)).toEqual(["Nats-Rollup: sub"]);
    expect(headersAt(stream, 2)?.[1]).toMatch(/^Nats-Schedule-Next: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    await world.advance("10s");
    expect(contents(stream)).toEqual(["1 s.many tick", "3 s.out tick"]);
    const again = world.restart(stream);
    await world.advance("10s");
    expect(contents(again)).toEqual(["1 s.many tick", "4 s.out tick"]);
  });

  it("may be ended, replaced and deleted", async () => {
    const { world, stream } = scheduling();
    const every = ["Nats-Schedule: @every 10s", target];
    world.send("s.a", "1", every);
    world.send("s.b", "1", every);
    world.send("s.c", "1", every);
    const ending = ["Nats-Scheduler: s.a", "Nats-Schedule-Next: purge"];
    expect(world.outcome("s.out", "last", ending)).toBe("4");
    world.send("s.b", "plain");
    world.send("s.c", "2", every);
    await world.advance("11s");
    expect(contents(stream)).toEqual(["2 s.b 1", "4 s.out last", "5 s.b plain", "6 s.c 2", "7 s.out 2"]);
    stream.messages.remove(6);
    await world.advance("20s");
    expect(stream.log.state.lastSeq).toBe(7);
  });

  it("may send what is on another subject by then", async () => {
    const { world, stream, soon } = scheduling();
    const headers = [`Nats-Schedule: @at ${soon(5)}`, target, "Nats-Schedule-Source: s.data"];
    world.send("s.one", "own", headers);
    world.send("s.data", "from there", ["B: 2"]);
    await world.advance("6s");
    expect(contents(stream)).toEqual(["2 s.data from there", "3 s.out from there"]);
    expect(headersAt(stream, 3)?.[0]).toBe("B: 2");
  });

  it("is refused when something is wrong with it", () => {
    const { world } = scheduling();
    const at = "Nats-Schedule: @at 2030-01-01T00:00:00Z";
    const ask = (...headers: string[]) => world.outcome("s.x", "", headers);
    expect(ask("Nats-Schedule: @some", target)).toBe("10189 message schedules pattern is invalid");
    expect(ask(at)).toBe("10190 message schedules target is invalid");
    for (const bad of ["s.x", "s.*", "other", "s..y"])
      expect(ask(at, `Nats-Schedule-Target: ${bad}`)).toBe("10190 message schedules target is invalid");
    expect(ask(at, target, "Nats-Schedule-TTL: 1")).toBe("1");
    expect(ask(at, target, "Nats-Schedule-TTL: x")).toBe("10191 message schedules invalid per-message TTL");
    expect(ask(at, target, "Nats-Schedule-Rollup: all")).toBe("10192 message schedules invalid rollup");
    expect(ask(at, target, "Nats-Rollup: all")).toBe("10192 message schedules invalid rollup");
    expect(ask(at, target, "Nats-Schedule-Source: s.out")).toBe("10203 message schedules source is invalid");
    expect(ask(at, target, "Nats-Schedule-Source: other")).toBe("10203 message schedules source is invalid");
    expect(ask(at, target, "Nats-Schedule-Time-Zone: UTC")).toBe(
      "10189 message schedules pattern is invalid",
    );
    expect(ask("Nats-Schedule: @daily", target, "Nats-Schedule-Time-Zone: Nowhere/X")).toBe(
      "10223 message schedules time zone is invalid",
    );
    expect(ask("Nats-Scheduler: s.y")).toBe("10212 message schedules invalid scheduler");
    expect(ask("Nats-Scheduler: s.y", "Nats-Schedule-Next: now")).toBe(
      "10212 message schedules invalid scheduler",
    );
    expect(ask("Nats-Scheduler: s.x", "Nats-Schedule-Next: purge")).toBe(
      "10212 message schedules invalid scheduler",
    );
    expect(world.outcome("s.plain")).toBe("2");
    expect(ask("Nats-Scheduler: s.plain", "Nats-Schedule-Next: purge")).toBe(
      "10212 message schedules invalid scheduler",
    );
    expect(ask("Nats-Scheduler: s.gone", "Nats-Schedule-Next: purge")).toBe("3");
    world.stream({ name: "T", subjects: ["t.>"] });
    expect(world.outcome("t.x", "", [at, "Nats-Schedule-Target: t.y"])).toBe(
      "10188 message schedules is disabled",
    );
  });
});
