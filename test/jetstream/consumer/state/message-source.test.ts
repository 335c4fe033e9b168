import { expect, it } from "vitest";
import { ConsumerWorld } from "../consumer-world.ts";

it("reads a message anew that was found by an earlier run and not taken", () => {
  const world = new ConsumerWorld();
  const consumer = world.consumer(world.filled(3));
  expect(world.pull({ batch: 1, max_bytes: 5 })).toHaveLength(1);
  const { message } = consumer.source;
  expect(message.seq).toBe(1);
  expect(message.isPassing).toBe(true);
  // Its bytes were used for something else meanwhile.
  message.bytes = Buffer.alloc(message.bytes.length, "?");
  expect(world.pull({ batch: 2 })).toMatchObject([
    { subject: "s.a", payload: "1" },
    { subject: "s.a", payload: "2" },
  ]);
});
