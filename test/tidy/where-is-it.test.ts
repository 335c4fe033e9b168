/** The page that leads contributors from a behaviour to its code is true. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

const rows = [...read("docs/where-is-it.md").matchAll(/^\| .+? \| `(src\/[^`]+)` \| `([^`]+)` \|$/gm)].map(
  ([, file = "", name = ""]) => [file, name] as const,
);

test("docs/where-is-it.md answers at least twenty questions", () => {
  expect(rows.length).toBeGreaterThanOrEqual(20);
});

test.each(rows)("%s has %s", (file, name) => {
  expect(read(file)).toContain(name);
});
