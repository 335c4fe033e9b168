import { describe, expect, test } from "vitest";
import { Phases } from "../../src/base/phases.ts";

describe("phases", () => {
  test("run in their order, whatever was added first, and each in the order of adding", () => {
    const phases = new Phases();
    const order: string[] = [];
    for (const phase of ["announce", "commit", "decide", "input"] as const)
      for (const at of [1, 2]) phases.add(phase, () => order.push(`${phase} ${at}`));
    phases.run();
    expect(order).toEqual(
      ["input", "decide", "commit", "announce"].flatMap((phase) => [`${phase} 1`, `${phase} 2`]),
    );
    expect(phases.isEmpty).toBe(true);
  });

  test("begin only when those before them have nothing to do, however deep it was added", () => {
    const phases = new Phases();
    const order: string[] = [];
    const note = (text: string) => () => void order.push(text);
    phases.add("commit", note("commit"));
    phases.add("decide", () => {
      order.push("decide");
      phases.add("decide", () => {
        order.push("decide more");
        phases.add("input", note("input"));
        phases.add("decide", note("decide most"));
      });
    });
    phases.add("announce", () => {
      order.push("announce");
      phases.add("announce", note("announce more"));
      phases.add("commit", note("commit again"));
    });
    phases.run();
    expect(order).toEqual([
      ...["decide", "decide more", "input", "decide most", "commit"],
      ...["announce", "commit again", "announce more"],
    ]);
  });

  test("lose no other batch when work throws", () => {
    const phases = new Phases();
    const order: string[] = [];
    phases.add("decide", () => {
      throw new Error("a mistake");
    });
    phases.add("commit", () => order.push("commit"));
    expect(() => phases.run()).toThrow("a mistake");
    expect(phases.isEmpty).toBe(false);
    phases.run();
    expect(order).toEqual(["commit"]);
  });
});
