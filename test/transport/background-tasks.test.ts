import { expect, test } from "vitest";
import { Clock, nextIteration } from "../../src/base/clock.ts";
import { BackgroundTasks } from "../../src/transport/background-tasks.ts";

const iteration = async () => new Promise<void>((resolve) => nextIteration(resolve));

function make(clock = new Clock()) {
  let passes = 0;
  const tasks = new BackgroundTasks(clock, (work) => {
    passes++;
    work();
  });
  return { tasks, passes: () => passes };
}

/** Keeps the thread for longer than an iteration's budget. */
function spin(): void {
  const clock = new Clock();
  const untilMs = clock.nowMs() + 2;
  while (clock.nowMs() < untilMs);
}

test("a slice runs once, as a pass, in a later iteration, whether time stands still or not", async () => {
  const clock = new Clock();
  clock.freeze();
  const { tasks, passes } = make(clock);
  let runs = 0;
  tasks.add(() => runs++);
  expect(runs).toBe(0);
  await iteration();
  await iteration();
  expect([runs, passes()]).toEqual([1, 1]);
});

test("tasks take turns, a slice each, and what a slice adds waits for another iteration", async () => {
  const { tasks } = make();
  const order: string[] = [];
  const task = (name: string, slices: number) => () => {
    order.push(name);
    if (slices > 1) tasks.add(task(name, slices - 1));
  };
  tasks.add(task("a", 3));
  tasks.add(task("b", 2));
  for (let count = 0; count < 4; count++) await iteration();
  expect(order.join(" ")).toBe("a b a b a");
});

test("an iteration ends when its budget is spent, and the next begins with those that had no turn", async () => {
  const { tasks } = make();
  const perIteration: string[][] = [[]];
  const task = (name: string, slices: number) => () => {
    (perIteration.at(-1) as string[]).push(name);
    spin();
    if (slices > 1) tasks.add(task(name, slices - 1));
  };
  tasks.add(task("a", 2));
  tasks.add(task("b", 1));
  for (let count = 0; count < 3; count++) {
    await iteration();
    perIteration.push([]);
  }
  expect(perIteration.slice(0, 3)).toEqual([["a"], ["b"], ["a"]]);
});

test("a slice that is called off does not run, nor does one that another calls off", async () => {
  const { tasks } = make();
  const ran: string[] = [];
  tasks.add(() => ran.push("never")).cancel();
  tasks.add(() => {
    ran.push("first");
    second.cancel();
  });
  const second = tasks.add(() => ran.push("second"));
  await iteration();
  await iteration();
  expect(ran).toEqual(["first"]);
});

test("a slice that throws tells the clock's owner, and the others still have their turn", async () => {
  const clock = new Clock();
  const faults: unknown[] = [];
  clock.onFault = (error) => void faults.push(error);
  const { tasks } = make(clock);
  const ran: string[] = [];
  tasks.add(() => {
    throw new Error("a mistake");
  });
  tasks.add(() => ran.push("other"));
  for (let count = 0; count < 2; count++) await iteration();
  expect([faults.length, ran]).toEqual([1, ["other"]]);
});
