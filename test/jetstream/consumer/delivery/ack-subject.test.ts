import fc from "fast-check";
import { expect, test } from "vitest";
import { AckSubject } from "../../../../src/jetstream/consumer/delivery/ack-subject.ts";
import { StoredMessage } from "../../../../src/store/contract.ts";

interface Numbers {
  deliveries: number;
  seq: number;
  consumerSeq: number;
  timeMs: number;
  timeNs: number;
  pending: number;
}

function textOf({ deliveries, seq, consumerSeq, timeMs, timeNs, pending }: Numbers): string {
  return `$JS.ACK.S.C.${deliveries}.${seq}.${consumerSeq}.${timeMs}${String(timeNs).padStart(6, "0")}.${pending}`;
}

function say(subject: AckSubject, numbers: Numbers): string {
  const stored = new StoredMessage();
  stored.seq = numbers.seq;
  stored.timeMs = numbers.timeMs;
  stored.timeNs = numbers.timeNs;
  subject.set(stored, numbers);
  return subject.viewed.bytes.latin1Slice(0, subject.end);
}

/** Around the places where a digit is gained or lost. */
const edge = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: -2, max: 2 }))
  .map(([digits, more]) => Math.max(0, 10 ** digits + more));
const ms = fc.oneof(edge, fc.constantFrom(0, 999, 1_000, 999_999_999, 1_000_000_000, 1_700_000_000_000));
const numbers = fc.record({
  deliveries: edge,
  seq: edge,
  consumerSeq: edge,
  timeMs: ms,
  timeNs: fc.oneof(fc.integer({ min: 0, max: 999_999 }), fc.constantFrom(0, 999_999)),
  pending: edge,
});
/** How one delivery differs from the one before: mostly it is the next of a run. */
const step = fc.record(
  {
    deliveries: fc.constantFrom(0, 0, 0, 1),
    seq: fc.constantFrom(1, 1, 1, 0, 2),
    consumerSeq: fc.constantFrom(1, 1, 1, 2),
    timeMs: fc.constantFrom(0, 0, 1, 1_000),
    timeNs: fc.constantFrom(0, 0, 1, 999),
    pending: fc.constantFrom(-1, -1, -1, 0, 1),
  },
  { requiredKeys: ["deliveries", "seq", "consumerSeq", "timeMs", "timeNs", "pending"] },
);

test("however the numbers change, it says what they are", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(numbers, fc.array(step, { maxLength: 40 })), { minLength: 1 }), (runs) => {
      const subject = new AckSubject("$JS.ACK.S.C.");
      for (const [start, steps] of runs) {
        let now: Numbers = start;
        expect(say(subject, now)).toBe(textOf(now));
        for (const by of steps) {
          now = {
            deliveries: now.deliveries + by.deliveries,
            seq: now.seq + by.seq,
            consumerSeq: now.consumerSeq + by.consumerSeq,
            timeMs: now.timeMs + by.timeMs,
            timeNs: (now.timeNs + by.timeNs) % 1_000_000,
            pending: Math.max(0, now.pending + by.pending),
          };
          expect(say(subject, now)).toBe(textOf(now));
        }
      }
    }),
  );
});

test("a run through many powers of ten", () => {
  const subject = new AckSubject("$JS.ACK.S.C.");
  for (let at = 1; at <= 12_000; at++) {
    const now = { deliveries: 1, seq: at, consumerSeq: at, timeMs: 1_700_000_000_000 + at, timeNs: at };
    expect(say(subject, { ...now, pending: 12_000 - at })).toBe(textOf({ ...now, pending: 12_000 - at }));
  }
});
