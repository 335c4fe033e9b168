/** What a source writes is what is read again, whatever the publisher at the origin has put into the headers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseHeaders } from "../../../src/protocol/headers.ts";
import { DeliveredReply } from "../../../src/jetstream/sourcing/delivered-reply.ts";
import { sourceIndex } from "../../../src/jetstream/sourcing/origin-names.ts";
import {
  parseSourceHeader,
  readSourceHeader,
  SourceHeader,
} from "../../../src/jetstream/sourcing/source-header.ts";
import { Sourcing } from "../../../src/jetstream/sourcing/sourcing.ts";
import { ScriptedOrigin, TestHost, TestSink } from "./harness.ts";

const token = fc.stringMatching(/^[A-Za-z0-9_$-]{1,8}$/);
const filter = fc.array(fc.oneof(token, fc.constant("*")), { minLength: 1, maxLength: 4 });
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const transform = fc.record({ src: filter.map((tokens) => tokens.join(".")), dest: subject });

/** Lines that pretend to come from elsewhere, whole and in every way torn. */
const part = fc.oneof(
  fc.constantFrom(
    "\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    "\0",
    "é",
    "NATS/1.0",
    "A: b",
    "X 7 > > x",
    "S 7 > > x q",
  ),
  fc.constantFrom("Nats-Stream-Source", "nats-stream-source", "Nats-Stream-Source: S 7 > > x\r\n"),
  fc.constantFrom("Nats-Expected-Last-Sequence: 3\r\n", "Nats-Batch-Id: x", "Nats-Msg-Id: i"),
);
const forgedBlock = fc
  .array(part, { maxLength: 12 })
  .chain((parts) => fc.constantFrom("\r\n\r\n", "\r\n", "").map((end) => parts.join("") + end))
  .chain((lines) => fc.constantFrom("NATS/1.0\r\n", "NATS/1.0", "").map((first) => first + lines))
  .filter((block) => block !== "");

test("a line is read as it was written", () => {
  fc.assert(
    fc.property(
      token,
      fc.array(transform, { maxLength: 3 }),
      seq,
      subject,
      fc.option(token, { nil: "" }),
      (name, transforms, number, origin, identity) => {
        const index = sourceIndex({ name, subject_transforms: transforms });
        const line = new SourceHeader(index).line(number, origin, identity);
        expect(readSourceHeader(Buffer.from(`NATS/1.0\r\n${line}\r\n`, "latin1"))).toEqual({
          index,
          stream: name,
          seq: number,
          identity,
        });
      },
    ),
  );
});

test("what a source stores names its origin alone, whatever has been published there", async () => {
  const world = new TestHost();
  const origin = new ScriptedOrigin(world);
  const sink = new TestSink(world, { sources: [{ name: "ORIGIN" }] });
  new Sourcing(sink.dependencies()).start();
  await world.clock.advance(1);
  origin.answer();
  let number = 0;
  fc.assert(
    fc.property(forgedBlock, (headers) => {
      number++;
      origin.deliver(number, number, { subject: "k", headers });
      const stored = Buffer.from(sink.storedMessages.at(-1)?.headers ?? "", "latin1");
      expect(readSourceHeader(stored)).toMatchObject({ stream: "ORIGIN", seq: number });
      const named = parseHeaders(stored).fields.filter(([name]) => name === "Nats-Stream-Source");
      expect(named).toEqual([["Nats-Stream-Source", `ORIGIN ${number} > > k`]]);
      expect(stored.latin1Slice()).not.toMatch(/\r\nNats-(Expected|Batch)-/);
    }),
    { numRuns: 2_000 },
  );
  world.clock.close();
});

test("a reply that old headers hold is read as one that is delivered is", () => {
  const piece = fc.oneof(fc.stringMatching(/^[0-9]{1,10}$/), token, fc.constantFrom("", "-1", "1.5", "1e3"));
  fc.assert(
    fc.property(fc.array(piece, { minLength: 5, maxLength: 11 }), (tokens) => {
      const text = `$JS.ACK.${tokens.join(".")}`;
      const delivered = new DeliveredReply();
      const isDelivered = delivered.parse(Buffer.from(text), 0, text.length);
      const old = parseSourceHeader(text);
      if (isDelivered) expect(old).toMatchObject({ index: null, seq: delivered.streamSeq, identity: "" });
      if (old === null) expect(isDelivered).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

test("any text at all is read or refused", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part).map((parts) => parts.join("")),
      ),
      (text) => {
        const read = parseSourceHeader(text);
        expect(read === null || (Number.isInteger(read.seq) && read.seq >= 0)).toBe(true);
      },
    ),
  );
});
