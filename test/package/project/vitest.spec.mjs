import * as frond from "frond";
import { test } from "vitest";
import exercise from "./exercise.cjs";

test("a test under vitest has a broker", async () => {
  await exercise(frond);
});
