import { describe, expect, test } from "vitest";
import { decodeInfo } from "../../src/leaf/info.ts";

const permissionsOf = (info: object): unknown => decodeInfo(Buffer.from(JSON.stringify(info))).permissions;

describe("permissions that a hub tells", () => {
  test.each([
    ["nothing", {}, null],
    ["empty lists", { export: { allow: [] } }, { publish: { allow: null, deny: null } }],
    ["subjects", { export: { allow: ["a", "b.>"] } }, { publish: { allow: ["a", "b.>"] } }],
    ["white space alone, which allows nothing", { export: { allow: [" "] } }, { publish: { allow: [] } }],
    [
      "what is no subject, which allows nothing",
      { export: { allow: ["", "a..b", "a b c"] } },
      { publish: { allow: [] } },
    ],
    [
      "what is no subject beside one that is",
      { export: { allow: ["\t", "a"] } },
      { publish: { allow: ["a"] } },
    ],
    [
      "a queue behind a subject",
      { import: { allow: ["a q"] } },
      { subscribe: { allow: [{ subject: "a", queue: "q" }] } },
    ],
  ])("of %s", (_what, info, expected) => {
    if (expected === null) expect(permissionsOf(info)).toBeNull();
    else expect(permissionsOf(info)).toMatchObject(expected);
  });
});
