import { describe, expect, it } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { Broker } from "../../src/broker/broker.ts";
import { FakeSession, unlimited } from "../monitor/fixture.ts";

function brokerKeeping(max: number): Broker {
  return new Broker(new Clock(), max, () => 1);
}

function closeOne(broker: Broker, subscriptionCount: number): FakeSession {
  const session = new FakeSession(broker, broker.openAccount("A", unlimited));
  for (let at = 0; at < subscriptionCount; at++) session.subscribe(`s.${at}`);
  session.close("Client Closed");
  return session;
}

function kept(broker: Broker): [id: number, subscriptions: number][] {
  return broker
    .closedSessions()
    .map(({ session, subscriptions }): [number, number] => [session.id, subscriptions.length])
    .sort(([left], [right]) => left - right);
}

describe("ended sessions", () => {
  it("are kept as copies, the last so many of them", () => {
    const broker = brokerKeeping(3);
    const sessions = [2, 0, 1, 5, 4].map((count) => closeOne(broker, count));
    expect(kept(broker)).toEqual([
      [3, 1],
      [4, 5],
      [5, 4],
    ]);
    for (const { session } of broker.closedSessions()) expect(sessions).not.toContain(session);
  });

  it("are not kept when nobody wants them", () => {
    const broker = brokerKeeping(0);
    const seen: number[] = [];
    broker.observe({ onClose: ({ subscriptionCount }) => seen.push(subscriptionCount) });
    closeOne(broker, 2);
    expect(broker.closedSessions()).toEqual([]);
    expect(seen).toEqual([2]);
  });

  it("lose their subscriptions, oldest first, when those are too many", () => {
    const broker = brokerKeeping(10);
    closeOne(broker, 30_000);
    closeOne(broker, 0);
    closeOne(broker, 30_000);
    closeOne(broker, 10_000);
    closeOne(broker, 70_000);
    expect(kept(broker)).toEqual([
      [1, 0],
      [2, 0],
      [3, 30_000],
      [4, 10_000],
      [5, 0],
    ]);
    expect(broker.closedSessions().map(({ subscriptionCount }) => subscriptionCount)).toContain(70_000);
  });

  it("keep no certificates", () => {
    const broker = brokerKeeping(1);
    const tls = { version: "TLSv1.3", cipher: "C", handshakeFirst: false, peerCertificate: Buffer.alloc(1) };
    new FakeSession(broker, broker.openAccount("A", unlimited), { tls }).close("Client Closed");
    expect(broker.closedSessions()[0]?.session.tls).toEqual({ ...tls, peerCertificate: null });
  });
});
