import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  anySizes,
  beginning,
  check,
  perform,
  play,
  scripts,
  settle,
  smallSizes,
  type Op,
  type Step,
} from "./simulation/script.ts";

/** More of the same with `FROND_LONG=1`. */
const isLong = process.env["FROND_LONG"] === "1";
const runs = isLong ? 4_000 : 200;
vi.setConfig({ testTimeout: isLong ? 300_000 : 20_000 });

describe("whatever clients do, each is sent what a server that delivers one by one would send", () => {
  it("with a few clients and messages of all sizes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(beginning, { minLength: 4, maxLength: 4 }),
        scripts({ peers: 4, sizes: anySizes, endings: false }),
        async (beginnings, script) => play(beginnings, script),
      ),
      { numRuns: runs },
    );
  });

  it("with clients coming and going", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(beginning, { minLength: 6, maxLength: 6 }),
        scripts({ peers: 6, sizes: smallSizes, endings: true }),
        async (beginnings, script) => play(beginnings, script),
      ),
      { numRuns: runs },
    );
  });

  it("with passes that are flushed early, at any moment", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(beginning, { minLength: 5, maxLength: 5 }),
        scripts({ peers: 5, sizes: smallSizes, endings: true }),
        fc.infiniteStream(fc.boolean()),
        async (beginnings, script, early) =>
          play(beginnings, script, ({ pass }) => {
            const { gathered } = pass;
            pass.gathered = (bytes) =>
              gathered.call(pass, early.next().value === true ? 17 * 1024 * 1024 : bytes);
          }),
      ),
      { numRuns: runs },
    );
  });

  it("with receivers that are slow, and cut when they are too slow", async () => {
    const limits = { pendingBytesMax: 24_000, highWaterMarkBytes: 18_000, writeDeadlineMs: 60_000 };
    let cut = 0;
    let held = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(beginning, { minLength: 5, maxLength: 5 }),
        scripts({ peers: 5, sizes: fc.oneof(smallSizes, fc.nat(9_000)), endings: true, slow: true }),
        async (beginnings, script) => {
          const world = perform(beginnings, plain(script), (made) => (made.limits = limits));
          for (const { connection } of world.peers) {
            // Somebody looks when a buffer is full, and one that holds such a message has 64 KiB.
            const bound = limits.pendingBytesMax + 64 * 1024;
            if (connection.pendingBytes > bound) throw new Error(`${connection.pendingBytes} bytes wait`);
            held += connection.stallCount;
          }
          await settle(world);
          check(world);
          cut += world.peers.filter(({ closeReason }) => closeReason?.startsWith("Slow Consumer")).length;
        },
      ),
      { numRuns: runs },
    );
    // It would prove little otherwise.
    expect(cut).toBeGreaterThan(runs / 20);
    expect(held).toBeGreaterThan(runs / 20);
  });
});

/**
 * Who is being cut does not hear why else it is closed, and whether it still counts as a responder is nobody's concern:
 * so neither is in the script.
 */
function plain(script: readonly Step[]): Step[] {
  const ops = (step: Extract<Step, { step: "read" }>): readonly Op[] =>
    step.ops
      .filter(({ op }) => op !== "quit" && op !== "too large")
      .map((op) => (op.op === "pub" ? { ...op, reply: "", headers: false } : op));
  return script.map((step) => (step.step === "read" ? { ...step, ops: ops(step) } : step));
}
