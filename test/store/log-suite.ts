/** What any message log must do, whatever keeps it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SubjectFilter } from "../../src/subjects/filter.ts";
import { type NewMessage, type MessageLog, StoredMessage } from "../../src/store/contract.ts";
import { compareWithModel, LogModel, type ModelDraft, plainMessage } from "./log-model.ts";

export interface LogFixture {
  readonly log: MessageLog;
  /** Resolves when all that was decided is durable. */
  settle(): Promise<void>;
  /** Closes the log and opens it again; null for one that does not last. */
  readonly reopen: (() => Promise<void>) | null;
  close(): Promise<void>;
}

const epochMs = 1_700_000_000_000;

type Step =
  | { readonly do: "append"; readonly drafts: readonly Partial<ModelDraft>[]; readonly stepNs: number }
  | { readonly do: "remove" | "removeThrough" | "skip"; readonly part: number; readonly beyond: number }
  | { readonly do: "sweep"; readonly every: number }
  | { readonly do: "forget" | "settle" | "reopen" | "compare" }
  | { readonly do: "note"; readonly id: string }
  | { readonly do: "dueAdd" | "dueRemove"; readonly part: number; readonly inMs: number };

const subjects = fc.oneof(
  fc.constantFrom("a", "a.b", "a.b.c", "k.1", "\u00c3\u00a9.x"),
  fc.integer({ min: 0, max: 40 }).map((key) => `k.${key}`),
  fc.integer({ min: 0, max: 5000 }).map((key) => `many.${key}.of.them`),
);

const drafts = fc.record(
  {
    subject: subjects,
    headers: fc.constantFrom("", "", "NATS/1.0\r\nA: b\r\n\r\n"),
    payload: fc.oneof(
      { arbitrary: fc.constant(""), weight: 8 },
      { arbitrary: fc.string({ maxLength: 30 }), weight: 8 },
      { arbitrary: fc.constant("x".repeat(700)), weight: 8 },
      // Larger than a block.
      { arbitrary: fc.constant("y".repeat(33_000)), weight: 1 },
    ),
    gap: fc.oneof({ arbitrary: fc.constant(0), weight: 5 }, fc.integer({ min: 1, max: 3000 })),
    messageId: fc.oneof(fc.constant(null), fc.string({ minLength: 1, maxLength: 8 })),
    expiresMs: fc.oneof(fc.constant(0), fc.integer({ min: epochMs, max: epochMs + 100 })),
    wakesMs: fc.oneof(fc.constant(0), fc.integer({ min: epochMs, max: epochMs + 100 })),
  },
  { requiredKeys: ["subject"] },
);

const part = fc.double({ min: 0, max: 1, noNaN: true });

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      drafts: fc.oneof(
        fc.array(drafts, { maxLength: 5 }),
        fc.tuple(drafts, fc.integer({ min: 2, max: 90 })).map(([draft, count]) => Array(count).fill(draft)),
      ),
      stepNs: fc.constantFrom(0, 1, 250_000, 3_000_000),
    }),
    weight: 6,
  },
  fc.record({
    do: fc.constantFrom("remove" as const, "remove" as const, "removeThrough" as const, "skip" as const),
    part,
    beyond: fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, fc.integer({ min: 1, max: 9 })),
  }),
  fc.record({ do: fc.constant("sweep" as const), every: fc.integer({ min: 2, max: 7 }) }),
  fc.record({ do: fc.constantFrom("forget", "settle", "reopen", "compare") }),
  fc.record({ do: fc.constant("note" as const), id: fc.string({ minLength: 1, maxLength: 4 }) }),
  fc.record({
    do: fc.constantFrom("dueAdd" as const, "dueRemove" as const),
    part,
    inMs: fc.integer({ min: 1, max: 100 }),
  }),
) as fc.Arbitrary<Step>;

/** A log and its model, to which the same is done. */
class Pair {
  readonly fixture: LogFixture;
  readonly model = new LogModel();
  #timeMs = epochMs;
  #timeNs = 0;
  readonly #kept: { readonly bytes: Buffer; readonly was: string }[] = [];

  constructor(fixture: LogFixture) {
    this.fixture = fixture;
  }

  get log(): MessageLog {
    return this.fixture.log;
  }

  append(draft: Partial<ModelDraft>, stepNs = 1): number {
    this.#timeNs += stepNs;
    this.#timeMs += Math.floor(this.#timeNs / 1_000_000);
    this.#timeNs %= 1_000_000;
    const whole: ModelDraft = {
      subject: "a",
      headers: "",
      payload: "",
      gap: 0,
      messageId: null,
      expiresMs: 0,
      wakesMs: 0,
      ...draft,
      timeMs: this.#timeMs,
      timeNs: this.#timeNs,
    };
    const stored = draftOf(whole, whole.gap === 0 ? 0 : this.model.lastSeq + 1 + whole.gap);
    const seq = this.log.append(stored);
    stored.bytes.fill(0xee);
    expect(seq).toBe(this.model.append(whole));
    return seq;
  }

  keep(seq: number): void {
    const into = new StoredMessage();
    if (!this.log.read(seq, into)) return;
    this.#kept.push({ bytes: into.payload, was: into.payload.toString("latin1") });
  }

  async run(step: Step): Promise<void> {
    const { log, model } = this;
    if (step.do === "append") {
      for (const draft of step.drafts) this.append(draft, step.stepNs);
      this.keep(model.lastSeq);
    } else if (step.do === "remove") {
      const seq = this.#seqAt(step.part) + step.beyond;
      expect(log.remove(seq)).toBe(model.remove(seq));
    } else if (step.do === "removeThrough") {
      const seq = this.#seqAt(step.part) + step.beyond;
      expect(log.removeThrough(seq)).toBe(model.removeThrough(seq));
    } else if (step.do === "skip") {
      const timeMs = step.part < 0.5 ? 0 : this.#timeMs;
      log.skipTo(this.#seqAt(step.part) + step.beyond, timeMs, this.#timeNs);
      model.skipTo(this.#seqAt(step.part) + step.beyond, timeMs, this.#timeNs);
    } else if (step.do === "sweep") {
      for (const { seq } of model.messages.filter((_, at) => at % step.every > 0))
        expect(log.remove(seq)).toBe(model.remove(seq));
    } else if (step.do === "note") {
      log.noteMessageId(step.id, model.lastSeq, this.#timeMs);
      model.ids.push({ id: step.id, seq: model.lastSeq, atMs: this.#timeMs });
    } else if (step.do === "forget") {
      log.forgetMessageIds(this.#timeMs);
      model.forgetMessageIds(this.#timeMs);
    } else if (step.do === "dueAdd") {
      const deadline = { kind: "expires", atMs: epochMs + step.inMs, seq: this.#seqAt(step.part) } as const;
      log.addDeadline(deadline);
      model.addDeadline(deadline);
    } else if (step.do === "dueRemove") {
      const deadline = model.deadlines[Math.floor(step.part * (model.deadlines.length - 1))];
      if (deadline === undefined) return;
      log.removeDeadline(deadline);
      model.removeDeadline(deadline);
    } else if (step.do === "settle") {
      await this.fixture.settle();
      expect(log.durableSeq).toBe(model.lastSeq);
    } else if (step.do === "reopen") {
      await this.fixture.reopen?.();
    } else compareWithModel(log, model);
  }

  async finish(): Promise<void> {
    compareWithModel(this.log, this.model);
    await this.fixture.settle();
    compareWithModel(this.log, this.model);
    for (const { bytes, was } of this.#kept) expect(bytes.toString("latin1")).toBe(was);
    if (this.fixture.reopen === null) return;
    await this.fixture.reopen();
    compareWithModel(this.log, this.model);
  }

  #seqAt(place: number): number {
    return Math.round(place * this.model.lastSeq);
  }
}

function draftOf(from: ModelDraft, seq: number): NewMessage {
  const margin = 3;
  const body = Buffer.from(`${"-".repeat(margin)}${from.headers}${from.payload}---`, "latin1");
  return {
    subject: from.subject,
    bytes: body,
    bodyStart: margin,
    bodyEnd: body.length - margin,
    headerBytes: from.headers.length,
    timeMs: from.timeMs,
    timeNs: from.timeNs,
    seq,
    messageId: from.messageId,
    expiresMs: from.expiresMs,
    wakesMs: from.wakesMs,
  };
}

/** @param runs of random histories */
export function testMessageLog(name: string, open: () => Promise<LogFixture>, runs: number): void {
  async function within(body: (pair: Pair) => Promise<void> | void): Promise<void> {
    const pair = new Pair(await open());
    try {
      await body(pair);
      await pair.finish();
    } finally {
      await pair.fixture.close();
    }
  }

  describe(name, () => {
    test("any history leaves what the model has", async () => {
      const histories = fc.array(steps, { maxLength: 25, size: "max" });
      await fc.assert(
        fc.asyncProperty(histories, async (history) =>
          within(async (pair) => {
            for (const step of history) await pair.run(step);
          }),
        ),
        { numRuns: runs },
      );
    });

    test("nothing was ever stored", async () => {
      await within(({ log }) => {
        expect(log.state).toMatchObject({ messages: 0, firstSeq: 0, lastSeq: 0, subjectCount: 0 });
        expect(log.seqAtTime(0, 0)).toBe(1);
        expect(log.remove(1)).toBe(false);
        expect(log.nextDeadlineMs("expires")).toBe(Infinity);
        expect(log.subject("a")).toBeNull();
      });
    });

    test("everything goes, and it was nothing", async () => {
      await within(({ log, model }) => {
        expect(log.removeThrough(0)).toBe(model.removeThrough(0));
        expect(log.state).toMatchObject({ messages: 0, firstSeq: 1, lastSeq: 0 });
      });
    });

    test("a sequence is skipped, and when", async () => {
      await within((pair) => {
        pair.append({});
        for (const log of [pair.log, pair.model]) {
          log.skipTo(5, epochMs + 77, 654_321);
          log.skipTo(5, epochMs + 99, 1);
          log.skipTo(6);
        }
        expect(pair.log.state).toMatchObject({ lastSeq: 5, lastMs: epochMs + 77, lastNs: 654_321 });
      });
    });

    test("a first sequence is set before anything is stored", async () => {
      await within((pair) => {
        pair.log.skipTo(1000);
        pair.model.skipTo(1000);
        expect(pair.log.state).toMatchObject({ firstSeq: 1000, lastSeq: 999, messages: 0 });
        expect(pair.append({})).toBe(1000);
      });
    });

    test("everything goes, and sequences go on", async () => {
      await within((pair) => {
        for (let count = 0; count < 10; count++) pair.append({ subject: `k.${count}`, expiresMs: 5 });
        expect(pair.log.removeThrough(20)).toBe(pair.model.removeThrough(20));
        expect(pair.log.state).toMatchObject({ firstSeq: 21, lastSeq: 20, messages: 0, bytes: 0 });
        expect(pair.append({ subject: "k.1" })).toBe(21);
      });
    });

    test("payloads of every size", async () => {
      await within((pair) => {
        for (const size of [0, 1, 1023, 1024, 65_535, 65_536, 300_000, 1_048_576, 3_000_000, 0, 5])
          pair.keep(pair.append({ payload: "p".repeat(size), headers: "NATS/1.0\r\n\r\n" }));
      });
    });

    test("headers without a payload", async () => {
      await within((pair) => {
        const headers = "NATS/1.0\r\nA: b\r\n\r\n";
        pair.append({ headers }, 999_999);
        const into = new StoredMessage();
        expect(pair.log.read(1, into)).toBe(true);
        expect(into.headers?.toString()).toBe(headers);
        expect(into.payload.length).toBe(0);
        expect(plainMessage(into)).toMatchObject({ timeMs: epochMs, timeNs: 999_999 });
      });
    });

    test("sequences and gaps beyond 32 bits", async () => {
      await within((pair) => {
        pair.append({ gap: 5_000_000_000 });
        pair.append({ gap: 9_000_000_000_000, subject: "k.1" });
        pair.append({ subject: "k.2" });
        expect(pair.log.remove(pair.model.lastSeq - 1)).toBe(pair.model.remove(pair.model.lastSeq - 1));
      });
    });

    test("many subjects, most of them gone", async () => {
      await within((pair) => {
        for (let count = 0; count < 6000; count++)
          pair.append({ subject: `k.${(count * 7919) % 4000}`, payload: `value ${count}` });
        pair.append({ subject: "rare.1" });
        for (let count = 0; count < 1000; count++) pair.append({ subject: "a.b" });
        const rare = new SubjectFilter(["rare.*"]);
        const into = new StoredMessage();
        expect(pair.log.next(1, Infinity, rare, into) && into.seq).toBe(6001);
        expect(pair.log.last(Infinity, rare, into) && into.seq).toBe(6001);
        expect(pair.log.count(2, rare)).toBe(1);
        expect(pair.log.next(6002, Infinity, rare, into)).toBe(false);
        const kept = pair.model.messages.filter(({ seq }) => seq % 50 === 3);
        for (const { seq } of pair.model.messages)
          if (seq % 50 !== 3) expect(pair.log.remove(seq)).toBe(true);
        pair.model.messages = kept;
      });
    });

    test("deadlines and subjects may be taken away while they are gone through", async () => {
      await within((pair) => {
        for (let count = 0; count < 40; count++)
          pair.append({ subject: `k.${count}`, expiresMs: epochMs + (count % 7) });
        for (const deadline of pair.log.deadlines("expires", epochMs + 3)) {
          expect(pair.log.remove(deadline.seq)).toBe(pair.model.remove(deadline.seq));
          pair.log.removeDeadline(deadline);
          pair.model.removeDeadline(deadline);
        }
        expect(pair.log.nextDeadlineMs("expires")).toBe(epochMs + 4);
        for (const { lastSeq } of pair.log.subjects(new SubjectFilter(["k.*"])))
          expect(pair.log.remove(lastSeq)).toBe(pair.model.remove(lastSeq));
        expect(pair.log.state.subjectCount).toBe(0);
      });
    });
  });
}
