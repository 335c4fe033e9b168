import { describe, expect, test } from "vitest";
import { Life, type LifeEvent, type LifeState, transitions } from "../../../src/jetstream/consumer/life.ts";

const events: readonly LifeEvent[] = ["created", "answered", "pause", "resume", "close"];

/** Events that lead to the state, the shortest way. */
function wayTo(state: LifeState): readonly LifeEvent[] {
  const ways: (readonly LifeEvent[])[] = [[]];
  for (const way of ways) {
    const life = lived(way);
    if (life.state === state) return way;
    if (way.length < 4) for (const event of events) ways.push([...way, event]);
  }
  throw new Error(`nothing leads to ${state}`);
}

function lived(way: readonly LifeEvent[]): Life {
  const life = new Life();
  for (const event of way) life.on(event);
  return life;
}

describe("the life of a consumer", () => {
  const states = Object.keys(transitions) as LifeState[];

  test.each(states)("from %s, each event leads where the table says", (state) => {
    for (const event of events) {
      const life = lived(wayTo(state));
      const next = transitions[state][event];
      expect([event, life.on(event), life.state]).toEqual([event, next !== undefined, next ?? state]);
    }
  });

  test("delivers in one state only", () => {
    expect(states.filter((state) => lived(wayTo(state)).delivers)).toEqual(["delivering"]);
  });

  test("nothing leads out of its end", () => {
    expect(states.filter((state) => lived(wayTo(state)).isClosed)).toEqual(["closed"]);
    expect(transitions.closed).toEqual({});
  });

  test("a pause that begins before the answer is out holds after it", () => {
    expect(lived(["created", "pause", "answered"]).state).toBe("paused");
    expect(lived(["created", "pause", "resume", "answered"]).state).toBe("delivering");
  });
});
