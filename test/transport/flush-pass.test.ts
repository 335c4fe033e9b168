import { describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import { FlushPass } from "../../src/transport/flush-pass.ts";
import { Outbound } from "../../src/transport/outbound.ts";
import { ScriptedSink } from "./parts.ts";

function make() {
  const pass = new FlushPass(new Clock(), new BufferPool());
  const peer = () => {
    const sink = new ScriptedSink();
    const limits = { pendingBytesMax: 1e9, highWaterMarkBytes: 1e9 };
    return { sink, outbound: new Outbound(sink, pass, limits, () => {}) };
  };
  return { pass, a: peer(), b: peer() };
}

describe("a pass", () => {
  test("within a pass is part of it", () => {
    const { pass, a } = make();
    pass.run(() => {
      pass.run(() => a.outbound.appendText("inner"));
      expect(a.sink.writes).toEqual([]);
      a.outbound.appendText(" outer");
    });
    expect(a.sink.writes.map(String)).toEqual(["inner outer"]);
  });

  test("ends with a flush even if its work throws", () => {
    const { pass, a } = make();
    const work = () =>
      pass.run(() => {
        a.outbound.appendText("said before");
        throw new Error("a mistake");
      });
    expect(work).toThrow("a mistake");
    expect(a.sink.text).toBe("said before");
    pass.run(() => a.outbound.appendText(", and after"));
    expect(a.sink.text).toBe("said before, and after");
  });

  test("runs what was put off before it flushes, and what that puts off too", () => {
    const { pass, a } = make();
    const order: string[] = [];
    pass.run(() => {
      pass.defer("decide", () => {
        order.push("deferred");
        a.outbound.appendText("x");
        pass.defer("decide", () => order.push("deferred again"));
      });
      order.push("work");
    });
    expect(order).toEqual(["work", "deferred", "deferred again"]);
    expect(a.sink.text).toBe("x");
  });

  test("flushes what a flush leads to", () => {
    const { pass, a, b } = make();
    a.sink.takes = () => {
      b.outbound.appendText("answer");
      pass.defer("decide", () => b.outbound.appendText(", later"));
      return true;
    };
    pass.run(() => a.outbound.appendText("question"));
    expect(b.sink.text).toBe("answer, later");
  });

  test("that gathers a great deal flushes on the way", () => {
    const { pass, a } = make();
    const block = Buffer.alloc(512 * 1024);
    pass.run(() => {
      for (let count = 0; count < 100; count++) a.outbound.append(block);
      expect(a.sink.received.length).toBeGreaterThan(20 * 1024 * 1024);
    });
    expect(a.sink.received.length).toBe(100 * block.length);
  });

  test("that flushes within a flush loses nobody", () => {
    const { pass, a, b } = make();
    const block = Buffer.alloc(512 * 1024);
    a.sink.takes = () => {
      a.sink.takes = () => true;
      // Enough to make the pass flush on the way, from inside the flush of another.
      for (let count = 0; count < 40; count++) b.outbound.append(block);
      return true;
    };
    pass.run(() => a.outbound.appendText("x"));
    expect(b.sink.received.length).toBe(40 * block.length);
    expect(b.outbound.pendingBytes).toBe(0);
  });
});

describe("what is put off outside a pass", () => {
  test("comes in a microtask", async () => {
    const { pass } = make();
    let done = false;
    pass.defer("decide", () => (done = true));
    expect(done).toBe(false);
    await Promise.resolve();
    expect(done).toBe(true);
  });
});
