import { describe, expect, test } from "vitest";
import { Connection } from "../../src/transport/connection.ts";
import { Bench, ScriptedHandler, ScriptedWire } from "./parts.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

describe("the beginning", () => {
  test("greets once, then is ready, and only then reads", () => {
    const bench = new Bench();
    const wire = new ScriptedWire();
    const handler = new ScriptedHandler();
    const connection = new Connection(() => wire, { address: "peer", port: 1 }, null, bench.context());
    connection.attach(handler);
    connection.greet();
    connection.greet();
    expect([handler.calls, wire.reading]).toEqual([["greet"], false]);
    connection.ready();
    expect([handler.calls, wire.reading]).toEqual([["greet", "ready"], true]);
  });

  test("a session that closes in its greeting is never ready", () => {
    const bench = new Bench();
    const wire = new ScriptedWire();
    const handler = new ScriptedHandler();
    const connection = new Connection(() => wire, { address: "peer", port: 1 }, null, bench.context());
    connection.attach(handler);
    handler.onGreet = () => {
      connection.outbound.appendText("-ERR 'maximum connections exceeded'\r\n");
      connection.close("Maximum Connections Exceeded", 1008);
    };
    connection.greet();
    connection.ready();
    expect(handler.calls).toEqual(["close: Maximum Connections Exceeded"]);
    expect(wire.text).toBe("-ERR 'maximum connections exceeded'\r\n");
  });

  test("carries on over another wire, with what was said on the first", () => {
    const bench = new Bench();
    const clear = new ScriptedWire();
    const handler = new ScriptedHandler();
    const connection = new Connection(() => clear, { address: "peer", port: 1 }, null, bench.context());
    connection.attach(handler);
    handler.onGreet = () => connection.outbound.appendText("INFO");
    connection.greet();
    const encrypted = new ScriptedWire();
    const tls = {
      version: "1.3",
      cipher: "TLS_AES_128_GCM_SHA256",
      peerCertificate: null,
      handshakeFirst: false,
    };
    connection.carryOn(encrypted, tls);
    connection.ready();
    connection.outbound.appendText("PING");
    connection.outbound.flush();
    expect([clear.text, encrypted.text, clear.reading, encrypted.reading]).toEqual([
      "INFO",
      "PING",
      false,
      true,
    ]);
    expect(connection.tls).toBe(tls);
  });
});

describe("reading", () => {
  test("one chunk is one pass", () => {
    const { connection, wire, handler } = new Bench().connect();
    handler.onDataDo = () => {
      connection.outbound.appendText("a");
      connection.outbound.appendText("b");
      expect(wire.writes).toEqual([]);
    };
    connection.receive(bytes("--hello--"), 2, 7, false);
    expect(handler.calls.slice(2)).toEqual(["data hello"]);
    expect(wire.writes.map(String)).toEqual(["ab"]);
  });

  test("stops while anybody wants it to", () => {
    const { connection, wire } = new Bench().connect();
    connection.pauseReading();
    connection.pauseReading();
    connection.resumeReading();
    expect(wire.reading).toBe(false);
    connection.resumeReading();
    expect(wire.reading).toBe(true);
  });

  test("a mistake of the handler's is told to the owner, and the pass still ends", () => {
    const bench = new Bench();
    const { connection, wire, handler } = bench.connect();
    handler.onDataDo = () => {
      connection.outbound.appendText("said");
      throw new Error("a mistake");
    };
    connection.receive(bytes("x"), 0, 1, false);
    expect(bench.faults.map(String)).toEqual(["Error: a mistake"]);
    expect(wire.text).toBe("said");
  });
});

describe("the write deadline", () => {
  function startWrite() {
    const bench = new Bench();
    const peer = bench.connect();
    peer.wire.takes = () => false;
    peer.connection.outbound.appendText("x");
    peer.connection.outbound.flush();
    return { bench, ...peer };
  }

  test("cuts a peer that takes nothing", async () => {
    const { bench, handler, wire } = startWrite();
    await bench.clock.advance("9.9s");
    expect(handler.calls).not.toContain("close: Slow Consumer (Write Deadline)");
    await bench.clock.advance("0.2s");
    expect(handler.calls).toContain("close: Slow Consumer (Write Deadline)");
    expect([wire.destroyed, wire.ended]).toEqual([true, null]);
  });

  test("counts each write by itself", async () => {
    const { bench, connection, handler, wire } = startWrite();
    for (let count = 0; count < 5; count++) {
      await bench.clock.advance("8s");
      connection.outbound.appendText("y");
      wire.drain();
    }
    expect(handler.calls.filter((call) => call.startsWith("close"))).toEqual([]);
    await bench.clock.advance("10.1s");
    expect(handler.calls).toContain("close: Slow Consumer (Write Deadline)");
  });

  test("ends with the last write", async () => {
    const { bench, handler, wire } = startWrite();
    wire.drain();
    await bench.clock.advance("60s");
    expect(handler.calls.filter((call) => call.startsWith("close"))).toEqual([]);
  });
});

describe("the end", () => {
  test("closing sends what is queued, tells the session at once, and says goodbye last", () => {
    const { connection, wire, handler } = new Bench().connect();
    wire.takes = () => false;
    connection.outbound.appendText("under way");
    connection.outbound.flush();
    connection.outbound.appendText(" and queued");
    connection.close("Parse Error", 1002);
    expect(handler.calls.at(-1)).toBe("close: Parse Error");
    expect(wire.ended).toBeNull();
    wire.drain();
    wire.drain();
    expect(wire.text).toBe("under way and queued");
    expect(wire.ended).toEqual({ code: 1002, text: "Parse Error" });
  });

  test("what the peer still sends is read and dropped, even if reading was paused", () => {
    const { connection, wire, handler } = new Bench().connect();
    connection.pauseReading();
    connection.close("Parse Error", 1002);
    expect(wire.reading).toBe(true);
    connection.receive(bytes("more"), 0, 4, false);
    connection.resumeReading();
    connection.pauseReading();
    expect([handler.calls.at(-1), wire.reading]).toEqual(["close: Parse Error", true]);
  });

  test("a peer that does not go is let go after a moment", async () => {
    const bench = new Bench();
    const { connection, wire } = bench.connect();
    wire.takes = () => false;
    connection.outbound.appendText("never taken");
    connection.close("Kicked", 1011);
    await bench.clock.advance("0.9s");
    expect(wire.destroyed).toBe(false);
    await bench.clock.advance("0.2s");
    expect(wire.destroyed).toBe(true);
  });

  test("a peer that says no more is sent what it is owed", () => {
    const { connection, wire, handler } = new Bench().connect();
    wire.takes = () => false;
    connection.outbound.appendText("PONG");
    connection.outbound.flush();
    connection.ended();
    expect(handler.calls.at(-1)).toBe("close: Client Closed");
    wire.drain();
    expect([wire.text, wire.ended]).toEqual(["PONG", { code: 1000, text: "Client Closed" }]);
  });

  test("comes once, whatever follows", () => {
    const { connection, wire, handler } = new Bench().connect();
    connection.close("Kicked", 1011);
    connection.close("Parse Error", 1002);
    connection.destroy("Stale Connection");
    connection.ended();
    connection.lost("Read Error");
    expect(handler.calls.filter((call) => call.startsWith("close"))).toEqual(["close: Kicked"]);
    expect(wire.destroyed).toBe(true);
  });

  test("a lost peer is told nothing, and what waited is dropped", () => {
    const { connection, wire, handler } = new Bench().connect();
    wire.takes = () => false;
    connection.outbound.appendText("never");
    connection.outbound.flush();
    connection.lost("Read Error");
    wire.drain();
    expect([handler.calls.at(-1), wire.ended, connection.pendingBytes]).toEqual([
      "close: Read Error",
      null,
      0,
    ]);
  });

  test("too much waiting cuts without a word, at the end of the pass", () => {
    const bench = new Bench();
    const { connection, wire, handler } = bench.connect();
    wire.takes = () => false;
    const block = Buffer.alloc(700_000);
    bench.pass.run(() => connection.outbound.append(block));
    bench.pass.run(() => {
      connection.outbound.append(block);
      connection.outbound.append(block);
      expect(handler.calls.at(-1)).toBe("ready");
    });
    expect(handler.calls.at(-1)).toBe("close: Slow Consumer (Pending Bytes)");
    expect([wire.destroyed, wire.ended]).toEqual([true, null]);
  });

  test("limits may change while it is open", () => {
    const bench = new Bench();
    const { connection, wire, handler } = bench.connect();
    wire.takes = () => false;
    connection.setLimits({ pendingBytesMax: 100_000, highWaterMarkBytes: 75_000, writeDeadlineMs: 10_000 });
    const append = () => connection.outbound.append(Buffer.alloc(1_000));
    for (let count = 0; count < 100; count++) bench.pass.run(append);
    expect(handler.calls.at(-1)).toBe("ready");
    for (let count = 0; count < 70; count++) bench.pass.run(append);
    expect(handler.calls.at(-1)).toBe("close: Slow Consumer (Pending Bytes)");
  });
});
