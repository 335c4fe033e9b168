/**
 * Each key of each block, changed by a reload and looked at from outside. The keys are those of the product's own
 * tables: one that is added there needs a row here.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import type { Block } from "../../src/config/grammar/fields.ts";
import { load, refusal } from "../config/helper.ts";
import { blocks, type Rows } from "./blocks.ts";
import { prove } from "./rows.ts";
import { startReloadable } from "./reloadable.ts";

/** Every table of keys that has been used, by the name of its block. */
const tables = vi.hoisted(() => new Map<string, Map<string, unknown>>());
vi.mock("../../src/config/grammar/fields.ts", async (original) => {
  const fields = await original<typeof import("../../src/config/grammar/fields.ts")>();
  return {
    ...fields,
    readBlock: (block: Block<unknown>, ...more: unknown[]) => {
      const keys = tables.get(block.name) ?? new Map<string, unknown>();
      for (const [key, reader] of Object.entries(block.keys)) if (!keys.has(key)) keys.set(key, reader);
      tables.set(block.name, keys);
      return (fields.readBlock as (...given: unknown[]) => void)(block, ...more);
    },
  };
});

/** A file with this row's key in its block. */
function textOf(block: string, key: string, value: string | null, beside: string): string {
  const line = value === null ? "" : `${key}: ${value}`;
  return blocks[block]?.text(`${line}\n${beside}\n`, key) ?? "";
}

// Each table is used once, whatever comes of it.
for (const [block, { rows }] of Object.entries(blocks))
  for (const [key, { from, to, beside }] of Object.entries(rows))
    refusal(() => load(textOf(block, key, from ?? to, beside)));

test("every block of the product is in the table", () => {
  const source = fileURLToPath(new URL("../../src/config/", import.meta.url));
  const names = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(`${source}${file}`, "utf8"))
    .flatMap((text) => [...text.matchAll(/Block<.*> = \{\s*name: "([^"]+)"|\{ name: "([^"]+)", keys: /g)])
    .map(([, first, second]) => first ?? second ?? "");
  expect([...tables.keys()].sort()).toEqual([...new Set(names)].sort());
  expect(Object.keys(blocks).sort()).toEqual([...tables.keys()].sort());
});

describe.each(Object.entries(blocks))("a key of the block: %s", (name, { rows }) => {
  test("has a row, or is another name for one that has", () => {
    const keys = [...(tables.get(name) ?? [])];
    const read = new Set(keys.filter(([key]) => key in rows).map(([, reader]) => reader));
    expect(keys.filter(([, reader]) => !read.has(reader)).map(([key]) => key)).toEqual([]);
    expect(Object.keys(rows).filter((row) => !keys.some(([key]) => key === row))).toEqual([]);
  });

  test.each(provable(rows))("%s", async (key, row) => {
    if (row.kind === "elsewhere") {
      expect(existsSync(fileURLToPath(new URL(`../../${row.file}`, import.meta.url)))).toBe(true);
      return;
    }
    await prove(row, startReloadable, (value) => textOf(name, key, value, row.beside));
  });
});

function provable(rows: Rows): [string, Rows[string]][] {
  return Object.entries(rows);
}
