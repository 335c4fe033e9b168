import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import { FlushPass } from "../../src/transport/flush-pass.ts";
import { Outbound, type OutboundLimits } from "../../src/transport/outbound.ts";
import { SharedBuffer } from "../../src/transport/shared-buffer.ts";
import { ScriptedSink } from "./parts.ts";

const generous: OutboundLimits = { pendingBytesMax: 1e9, highWaterMarkBytes: 1e9 };

function make(limits: OutboundLimits = generous) {
  const pass = new FlushPass(new Clock(), new BufferPool());
  const sink = new ScriptedSink();
  let overflows = 0;
  const outbound = new Outbound(sink, pass, limits, () => {
    overflows++;
    outbound.closed = true;
  });
  return { pass, sink, outbound, overflows: () => overflows };
}

describe("what is appended", () => {
  test("leaves in one write at the end of the pass", () => {
    const { pass, sink, outbound } = make();
    pass.run(() => {
      outbound.appendText("a");
      outbound.append(Buffer.from("bc"));
      expect(outbound.pendingBytes).toBe(3);
      expect(sink.writes).toEqual([]);
    });
    expect(sink.writes.map(String)).toEqual(["abc"]);
    expect(outbound.pendingBytes).toBe(0);
  });

  test("outside a pass leaves in a microtask", async () => {
    const { sink, outbound } = make();
    outbound.appendText("a");
    outbound.appendText("b");
    expect(sink.writes).toEqual([]);
    await Promise.resolve();
    expect(sink.writes.map(String)).toEqual(["ab"]);
  });

  test("waits behind a write that is not taken, and follows it", () => {
    const { pass, sink, outbound } = make();
    sink.takes = () => false;
    pass.run(() => outbound.appendText("first"));
    pass.run(() => outbound.appendText("second"));
    expect(outbound.pendingBytes).toBe(11);
    sink.take();
    pass.run(() => outbound.onWritten());
    sink.take();
    pass.run(() => outbound.onWritten());
    expect(sink.writes.map(String)).toEqual(["first", "second"]);
    expect(outbound.pendingBytes).toBe(0);
  });

  test("in large amounts leaves in writes of about a megabyte", () => {
    const { pass, sink, outbound } = make();
    sink.takes = () => false;
    pass.run(() => outbound.appendText("x"));
    pass.run(() => {
      for (let count = 0; count < 64; count++) outbound.append(Buffer.alloc(65_536, count));
    });
    while (sink.take()) pass.run(() => outbound.onWritten());
    const [, ...large] = sink.writes.map((write) => write.length);
    expect(Math.max(...large)).toBeLessThan(2 * 1024 * 1024);
    expect(large.reduce((sum, length) => sum + length, 0)).toBe(64 * 65_536);
  });

  test("of any size is taken", () => {
    const { pass, sink, outbound } = make();
    const big = Buffer.alloc(3_000_000, 7);
    pass.run(() => outbound.append(big));
    expect(sink.received.equals(big)).toBe(true);
  });
});

describe("views of the read chunk", () => {
  test("are free again when the kernel took them in the pass", () => {
    const { pass, sink, outbound } = make();
    const chunk = Buffer.from("hello");
    pass.run(() => {
      outbound.reserve(1);
      outbound.appendView(chunk, false);
    });
    expect(pass.takeChunkKept()).toBe(false);
    expect(sink.text).toBe("hello");
  });

  test("keep the chunk when it did not, until it has", () => {
    const { pass, sink, outbound } = make();
    sink.takes = () => false;
    pass.run(() => {
      outbound.reserve(1);
      outbound.appendView(Buffer.from("hello"), false);
    });
    expect(pass.takeChunkKept()).toBe(true);
    sink.take();
    pass.run(() => outbound.onWritten());
    expect(sink.text).toBe("hello");
  });

  test("are not taken any more while slow receivers keep sixteen chunks, and again when they let go", () => {
    const { pass, sink, outbound } = make();
    sink.takes = () => false;
    for (let count = 0; count < 16; count++) {
      expect(pass.viewsAllowed).toBe(true);
      pass.run(() => {
        outbound.reserve(1);
        outbound.appendView(Buffer.from("x"), false);
      });
    }
    expect(pass.viewsAllowed).toBe(false);
    outbound.close();
    expect(pass.viewsAllowed).toBe(true);
  });

  test("are not for a sink that holds what it is given", () => {
    const { sink, outbound } = make();
    expect(outbound.idle).toBe(true);
    sink.holdsWrites = true;
    expect(outbound.idle).toBe(false);
  });
});

describe("a peer that falls behind", () => {
  const limits = { pendingBytesMax: 1_000, highWaterMarkBytes: 750 };

  function appendView(outbound: Outbound, bytes: number): void {
    if (outbound.reserve(0)) outbound.appendView(Buffer.alloc(bytes), true);
  }

  test("is cut when more than its limit waits, and takes nothing from then on", () => {
    const { pass, sink, outbound, overflows } = make(limits);
    sink.takes = () => false;
    pass.run(() => appendView(outbound, 600));
    pass.run(() => appendView(outbound, 400));
    expect([overflows(), outbound.closed]).toEqual([0, false]);
    pass.run(() => appendView(outbound, 1));
    expect([overflows(), outbound.closed]).toEqual([1, true]);
    expect(outbound.reserve(1)).toBe(false);
  });

  test("is not cut for what one pass gathers while it takes everything", () => {
    const { pass, sink, outbound, overflows } = make(limits);
    pass.run(() => {
      for (let count = 0; count < 100; count++) appendView(outbound, 600);
    });
    expect(overflows()).toBe(0);
    expect(sink.received.length).toBe(60_000);
  });

  test("is cut for too many pieces, however small", () => {
    const { pass, sink, outbound, overflows } = make();
    sink.takes = () => false;
    pass.run(() => appendView(outbound, 1));
    pass.run(() => {
      for (let count = 0; count < 70_000 && !outbound.closed; count++) appendView(outbound, 1);
    });
    expect(overflows()).toBe(1);
  });

  test("is above its high-water mark at three quarters, and drained when it has taken a twelfth of that", () => {
    const { pass, sink, outbound } = make(limits);
    let relieved = 0;
    sink.takes = () => false;
    pass.run(() => appendView(outbound, 100));
    pass.run(() => appendView(outbound, 500));
    pass.enter();
    appendView(outbound, 200);
    expect(pass.backPressure.areAboveHighWaterMark).toBe(true);
    pass.backPressure.onReceiverDrain(outbound, () => relieved++);
    pass.leave();
    expect(pass.backPressure.areAboveHighWaterMark).toBe(false);
    // The 100 under way, and then the 700 behind them.
    sink.take();
    pass.run(() => outbound.onWritten());
    expect([outbound.pendingBytes, relieved]).toEqual([700, 0]);
    sink.take();
    pass.run(() => outbound.onWritten());
    expect([outbound.pendingBytes, relieved]).toEqual([0, 1]);
  });

  test("relieves those who wait when it is gone, and not those who gave up", () => {
    const { pass, sink, outbound } = make(limits);
    sink.takes = () => false;
    pass.run(() => appendView(outbound, 800));
    const told: string[] = [];
    const { backPressure } = pass;
    pass.run(() => {
      appendView(outbound, 1);
      backPressure.stall(7, () => told.push("impatient"));
    });
    backPressure.onReceiverDrain(outbound, () => told.push("patient"));
    backPressure.forget(7);
    pass.run(() => outbound.close());
    expect(told).toEqual(["patient"]);
    pass.run(() => backPressure.onReceiverDrain(outbound, () => told.push("late")));
    expect(told).toEqual(["patient", "late"]);
  });

  test("has its limits changed while it is open", () => {
    const { pass, sink, outbound, overflows } = make(limits);
    outbound.setLimits({ pendingBytesMax: 5_000, highWaterMarkBytes: 4_000 });
    sink.takes = () => false;
    pass.run(() => appendView(outbound, 4_500));
    expect(overflows()).toBe(0);
  });
});

describe("the end", () => {
  test("comes after everything that waits", () => {
    const { pass, sink, outbound } = make();
    let sent = false;
    sink.takes = () => false;
    pass.run(() => outbound.appendText("first "));
    outbound.appendText("last words");
    outbound.end(() => (sent = true));
    expect(outbound.reserve(1)).toBe(false);
    sink.take();
    pass.run(() => outbound.onWritten());
    expect(sent).toBe(false);
    sink.take();
    pass.run(() => outbound.onWritten());
    expect([sent, sink.text]).toEqual([true, "first last words"]);
  });

  test("comes at once when nothing waits", () => {
    const { outbound } = make();
    let sent = false;
    outbound.end(() => (sent = true));
    expect(sent).toBe(true);
  });

  test("never comes for a queue that is dropped", () => {
    const { pass, sink, outbound } = make();
    let sent = false;
    sink.takes = () => false;
    pass.run(() => outbound.appendText("x"));
    outbound.end(() => (sent = true));
    outbound.close();
    pass.run(() => outbound.onWritten());
    expect([sent, outbound.pendingBytes]).toEqual([false, 0]);
  });
});

/** One step of a pass: what is given to whom. */
const step = fc.record({
  to: fc.constantFrom("a", "b", "both"),
  how: fc.constantFrom("copy", "view", "lasting view"),
  bytes: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 2_000, max: 9_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 700_000 }) },
  ),
});

const passes = fc.array(
  fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    takesA: fc.boolean(),
    takesB: fc.boolean(),
    drainA: fc.nat(3),
    drainB: fc.nat(3),
  }),
  { maxLength: 25 },
);

test("every byte arrives once and in order, whatever is appended how and taken when", () => {
  fc.assert(
    fc.property(passes, (script) => {
      const pass = new FlushPass(new Clock(), new BufferPool());
      const peers = ["a", "b"].map(() => {
        const sink = new ScriptedSink();
        const outbound = new Outbound(sink, pass, generous, () => expect.unreachable());
        return { sink, outbound, expected: [] as Buffer[], expectedBytes: 0 };
      });
      const [a, b] = peers as [(typeof peers)[0], (typeof peers)[0]];
      let serial = 0;
      const check = () => {
        for (const { sink, outbound, expectedBytes } of peers)
          expect(sink.received.length + outbound.pendingBytes).toBe(expectedBytes);
      };
      for (const { steps, takesA, takesB, drainA, drainB } of script) {
        a.sink.takes = () => takesA;
        b.sink.takes = () => takesB;
        const chunk = Buffer.alloc(steps.reduce((sum, { bytes }) => sum + bytes, 0));
        let chunkAt = 0;
        let run: SharedBuffer | null = null;
        pass.enter();
        for (const { to, how, bytes } of steps) {
          const content = chunk
            .fill((serial++ % 250) + 1, chunkAt, chunkAt + bytes)
            .subarray(chunkAt, chunkAt + bytes);
          chunkAt += bytes;
          for (const peer of to === "both" ? peers : [to === "a" ? a : b]) {
            peer.expected.push(Buffer.from(content));
            peer.expectedBytes += bytes;
          }
          if (to === "both") {
            if (run === null || !run.hasCapacity(bytes)) run = new SharedBuffer(pass, bytes, 0);
            const start = run.at;
            content.copy(run.bytes, start);
            run.at += bytes;
            for (const { outbound } of peers)
              if (outbound.sharedBuffer !== run) outbound.joinSharedBuffer(run, start);
            continue;
          }
          const { outbound } = to === "a" ? a : b;
          outbound.reserve(0);
          if (how === "lasting view") outbound.appendView(Buffer.from(content), true);
          else if (how === "view" && outbound.idle && pass.viewsAllowed) outbound.appendView(content, false);
          else outbound.append(content);
        }
        pass.leave();
        check();
        // What nobody keeps is read into again.
        if (!pass.takeChunkKept()) chunk.fill(0xee);
        for (const [peer, times] of [
          [a, drainA],
          [b, drainB],
        ] as const)
          for (let count = 0; count < times && peer.sink.take(); count++)
            pass.run(() => peer.outbound.onWritten());
        check();
      }
      for (const { sink, outbound, expected } of peers) {
        sink.takes = () => true;
        while (sink.take()) pass.run(() => outbound.onWritten());
        expect(sink.received.equals(Buffer.concat(expected))).toBe(true);
        expect(outbound.pendingBytes).toBe(0);
      }
    }),
    { numRuns: 60 },
  );
});
