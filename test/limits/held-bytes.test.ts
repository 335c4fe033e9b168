/** What waits for slow receivers costs about what it is, not all of the buffers that it came in. */
import { expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { composeMessage, Message } from "../../src/protocol/message.ts";
import { Subscription, type Subscriber } from "../../src/broker/subscriber.ts";
import { appendMessage } from "../../src/client/delivery.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import { FlushPass } from "../../src/transport/flush-pass.ts";
import { Outbound } from "../../src/transport/outbound.ts";
import { SharedBuffer } from "../../src/transport/shared-buffer.ts";

const mebibyte = 1024 * 1024;
const limits = { pendingBytesMax: 64 * mebibyte, highWaterMarkBytes: 48 * mebibyte };

/** Takes one write and keeps it. */
class StuckSink {
  readonly id = 1;
  readonly makesProgress = true;
  readonly holdsWrites = false;
  pieces: readonly Buffer[] = [];
  write(pieces: readonly Buffer[]): boolean {
    this.pieces = pieces;
    return false;
  }
}

function stuckPeer() {
  const pass = new FlushPass(new Clock(), new BufferPool());
  const sink = new StuckSink();
  let cut = false;
  const outbound = new Outbound(sink, pass, limits, () => (cut = true));
  pass.run(() => outbound.appendText("stuck"));
  return { pass, sink, outbound, isCut: () => cut };
}

const text = "MSG tick 1 5\r\nhello\r\n";

test("a small message that several receivers share keeps no buffer of its own, and is no piece of its own", () => {
  const { pass, sink, outbound, isCut } = stuckPeer();
  const count = 100_000;
  for (let each = 0; each < count; each++) {
    pass.run(() => {
      const run = new SharedBuffer(pass, text.length, 0);
      run.at += run.bytes.latin1Write(text, 0);
      outbound.joinSharedBuffer(run, 0);
    });
  }
  expect(isCut()).toBe(false);
  expect(outbound.pendingBytes).toBe(5 + count * text.length);
  let received = "";
  for (let writes = 0; outbound.pendingBytes > 0 && writes < 100; writes++) {
    expect(sink.pieces.length).toBeLessThan(200);
    received += Buffer.concat(sink.pieces).toString("latin1");
    pass.run(() => outbound.onWritten());
  }
  expect(received).toBe(`stuck${text.repeat(count)}`);
});

test("shared and own messages keep their order while they wait", () => {
  const { pass, sink, outbound } = stuckPeer();
  let expected = "stuck";
  for (let each = 0; each < 5_000; each++) {
    pass.run(() => {
      const run = new SharedBuffer(pass, 100, 0);
      const shared = `s${each} `.repeat((each % 20) + 1).slice(0, 100);
      run.at += run.bytes.latin1Write(shared, 0);
      if (each % 3 === 0) outbound.appendText(`a${each} `);
      outbound.joinSharedBuffer(run, 0);
      if (each % 5 === 0) outbound.appendText(`b${each} `);
      expected += `${each % 3 === 0 ? `a${each} ` : ""}${shared}${each % 5 === 0 ? `b${each} ` : ""}`;
    });
  }
  expect(outbound.pendingBytes).toBe(expected.length);
  let received = "";
  while (outbound.pendingBytes > 0) {
    received += Buffer.concat(sink.pieces).toString("latin1");
    pass.run(() => outbound.onWritten());
  }
  expect(received).toBe(expected);
});

test("a message that is a small part of a chunk does not keep the chunk", () => {
  const { pass, sink, outbound } = stuckPeer();
  const payload = Buffer.alloc(4_000, "x");
  const subscription = new Subscription({} as Subscriber, "a", null, "1");
  const chunk = Buffer.alloc(mebibyte);
  for (let each = 0; each < 3; each++) {
    const message = composeMessage(new Message(), "a", "", null, payload);
    message.bytes.copy(chunk, 5_000 * each);
    const placed = new Message();
    placed.setBytes(chunk);
    const shift = 5_000 * each;
    placed.subjectStart = shift + message.subjectStart;
    placed.subjectEnd = shift + message.subjectEnd;
    placed.tailStart = placed.replyStart = placed.replyEnd = shift + message.tailStart;
    placed.bodyStart = shift + message.bodyStart;
    placed.bodyEnd = shift + message.bodyEnd;
    placed.stable = true;
    pass.run(() => appendMessage(outbound, placed, subscription, true, true));
  }
  pass.run(() => outbound.onWritten());
  expect(sink.pieces.some(({ buffer }) => buffer === chunk.buffer)).toBe(false);
  expect(Buffer.concat(sink.pieces).toString("latin1")).toBe(
    `MSG a 1 4000\r\n${payload.toString("latin1")}\r\n`.repeat(3),
  );
});
