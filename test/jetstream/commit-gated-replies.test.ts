import { describe, expect, it } from "vitest";
import { viewBytes } from "../../src/base/bytes.ts";
import { Subscription } from "../../src/broker/subscriber.ts";
import { appendMessage } from "../../src/client/delivery.ts";
import { CommitGatedReplies } from "../../src/jetstream/commit-gated-replies.ts";
import { appendLinkMessage } from "../../src/leaf/delivery.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import { FlushPass } from "../../src/transport/flush-pass.ts";
import { Outbound } from "../../src/transport/outbound.ts";
import { World } from "./stream-world.ts";

/** A world whose disk is as fast as the test says. */
function slowWorld() {
  const world = new World();
  const observers: ((group: number) => void)[] = [];
  const groups = { last: 0, durable: 0 };
  Object.defineProperties(world.store, {
    lastGroup: { get: () => groups.last },
    durableGroup: { get: () => groups.durable },
  });
  world.store.observe = (observer) => {
    observers.push((group) => observer.onDurable(group));
    return () => {};
  };
  const answers = new CommitGatedReplies(world.host);
  return {
    world,
    answers,
    groups,
    sync: (group: number) => {
      groups.durable = group;
      for (const observer of observers) observer(group);
    },
  };
}

describe("answers", () => {
  it("wait for what they tell of, in their order", () => {
    const { world, answers, groups, sync } = slowWorld();
    const heard = world.listen("x.>");
    const say = (subject: string) => answers.publish(world.account, subject, Buffer.from(subject));
    groups.last = 1;
    say("x.1");
    groups.last = 2;
    say("x.2");
    answers.publishSoon(world.account, "x.soon", Buffer.from("x.soon"));
    groups.last = 3;
    say("x.3");
    world.endPass();
    expect(heard.messages.map(({ payload }) => payload)).toEqual(["x.soon"]);
    sync(2);
    expect(heard.messages.map(({ payload }) => payload)).toEqual(["x.soon", "x.1", "x.2"]);
    sync(3);
    say("x.4");
    expect(heard.messages).toHaveLength(4);
    world.endPass();
    expect(heard.messages.at(-1)?.payload).toBe("x.4");
  });

  it("may be of any size and number", () => {
    const { world, answers, groups, sync } = slowWorld();
    const heard = world.listen("x.>");
    const sizes = Array.from({ length: 5_000 }, (_, index) => (index % 500 === 0 ? 100_000 : index % 90));
    groups.last = 1;
    for (const round of [1, 2]) {
      for (const size of sizes)
        answers.publish(
          world.account,
          `x.${size}`,
          Buffer.alloc(size, "p"),
          Buffer.from("NATS/1.0\r\nA: 1\r\n\r\n"),
        );
      sync(round);
      groups.last = 2;
    }
    expect(heard.messages).toHaveLength(10_000);
    for (const [index, { subject, headers, payload }] of heard.messages.entries()) {
      const size = sizes[index % 5_000] as number;
      if (subject !== `x.${size}` || payload.length !== size || headers.length !== 18)
        throw new Error(`${index}: ${subject}, ${payload.length} bytes`);
    }
  });

  it.each(["client", "link"])("are not written over before they are sent to a %s", (kind) => {
    const { world, answers, groups, sync } = slowWorld();
    const pass = new FlushPass(world.clock, new BufferPool());
    const sent: string[] = [];
    const write = (pieces: readonly Buffer[]) => sent.push(Buffer.concat(pieces).latin1Slice()) > 0;
    const limits = { pendingBytesMax: 1e9, highWaterMarkBytes: 1e9 };
    const sink = { id: 1, write, makesProgress: true, holdsWrites: false };
    const outbound = new Outbound(sink, pass, limits, () => {});
    const subscription = new Subscription(world.service, "x", null, "1");
    world.service.listen(world.account, "x", null, (message) =>
      kind === "client"
        ? appendMessage(outbound, message, subscription, true, pass.viewsAllowed)
        : appendLinkMessage(outbound, message, [], true, pass.viewsAllowed),
    );
    pass.run(() => {
      for (const [at, letter] of ["a", "b", "c"].entries()) {
        groups.last = at + 1;
        answers.publish(world.account, "x", Buffer.alloc(3_000, letter));
        sync(at + 1);
      }
    });
    const name = kind === "client" ? "MSG x 1" : "LMSG x";
    const expected = ["a", "b", "c"].map((letter) => `${name} 3000\r\n${letter.repeat(3_000)}\r\n`);
    expect(sent.join("") === expected.join("")).toBe(true);
  });

  it("count in their digits", () => {
    const { world, answers } = slowWorld();
    const heard = world.listen("x");
    const seqs = [0, 9, 10, 99, 100, 1_073_741_823, 1_073_741_824, 4_294_967_296, Number.MAX_SAFE_INTEGER];
    const form = { account: world.account, waits: false, prefix: viewBytes(Buffer.from("<")) };
    const message = { reply: viewBytes(Buffer.from("..x..")), replyStart: 2, replyEnd: 3 };
    for (const seq of seqs) answers.acknowledge(form, message, seq, ">");
    world.endPass();
    expect(heard.messages.map(({ payload }) => payload)).toEqual(seqs.map((seq) => `<${seq}>`));
  });

  it("tell those who wait of every group, until theirs has come", () => {
    const { world, answers, groups, sync } = slowWorld();
    const told: string[] = [];
    const waiter = (name: string, awaitedGroup: number) => ({
      awaitedGroup,
      onDurable: () => told.push(name),
    });
    groups.last = 3;
    answers.wait(waiter("one", 1));
    answers.wait(waiter("three", 3));
    answers.wait(waiter("none", 0));
    world.endPass();
    expect(told).toEqual(["none"]);
    for (const group of [1, 2, 3, 4]) sync(group);
    expect(told.slice(1)).toEqual(["one", "three", "three", "three"]);
  });
});
