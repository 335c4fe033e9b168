import { describe, expect, test } from "vitest";
import { type BrokerOptions, type BrokerProcess, startBroker } from "../fixture/broker-process.ts";
import { type RawClient, connectRaw } from "../fixture/raw-client.ts";
import { describeWith, signals } from "../fixture/needs.ts";

// What a process manager does to the broker, and what its clients see of it.

describeWith(signals(), "signals", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s ends the broker in order", async (name) => {
    await withBroker({}, async (broker) => {
      const client = await connectRaw(broker.port, { connect: { verbose: false } });
      broker.signal(name);
      await client.rest();
      expect(await broker.exited).toEqual({ code: 0, signal: null });
      await expect(connectRaw(broker.port).then((late) => late.line())).rejects.toThrow();
    });
  });

  test("SIGUSR2 with nobody connected ends the broker at once", async () => {
    await withBroker({}, async (broker) => {
      broker.signal("SIGUSR2");
      expect(await broker.exited).toEqual({ code: 0, signal: null });
    });
  });

  test("SIGUSR2 tells clients in INFO, and ends when their time is over", async () => {
    const config = 'lame_duck_duration: "30s", lame_duck_grace_period: "100ms"';
    await withBroker({ config }, async (broker) => {
      const client = await connectRaw(broker.port);
      await client.line();
      client.send('CONNECT {"verbose":false,"protocol":1}\r\n');
      await client.untilPong();
      // The INFO that follows the first PONG may still come.
      await client.untilPong();
      const old = await connectRaw(broker.port, { connect: { verbose: false, protocol: 0 } });
      broker.signal("SIGUSR2");
      expect(JSON.parse((await client.line()).slice("INFO ".length))).toMatchObject({ ldm: true });
      expect(await client.rest(10_000)).toBe("");
      expect(await old.rest(10_000)).toBe("");
      expect(await broker.exited).toEqual({ code: 0, signal: null });
    });
  });

  test("SIGHUP without a config file changes nothing", async () => {
    await withBroker({}, async (broker) => {
      const client: RawClient = await connectRaw(broker.port, { connect: { verbose: false } });
      broker.signal("SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await client.untilPong()).toEqual([]);
      client.close();
    });
  });
});

describe("starting", () => {
  test("a port that is taken ends the broker with an error", async () => {
    await withBroker({}, async (broker) => {
      await expect(startBroker({ port: broker.port })).rejects.toThrow(/exit code 1/);
    });
  });

  test("a config that is wrong ends the broker with the place of the mistake", async () => {
    await expect(startBroker({ config: "max_payload: 100\nno_such_option: 1\n" })).rejects.toThrow(
      /broker\.conf:2:\d+: .*no_such_option/,
    );
  });

  test("a monitoring port is in the ports file", async () => {
    await withBroker({ config: 'http: "127.0.0.1:-1"' }, async (broker) => {
      const response = await fetch(`http://127.0.0.1:${broker.monitorPort}/healthz`);
      expect(await response.json()).toMatchObject({ status: "ok" });
    });
  });
});

async function withBroker(
  options: BrokerOptions,
  body: (broker: BrokerProcess) => Promise<void>,
): Promise<void> {
  const broker = await startBroker(options);
  try {
    await body(broker);
  } finally {
    await broker.kill();
  }
}
