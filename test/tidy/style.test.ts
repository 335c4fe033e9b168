/** The rules of style that no compiler holds. */
import { describe, expect, it } from "vitest";
import { found, holdRules, readAll, type Rule, type Violation } from "./source-files.ts";

/** What else would tell or take time. Reading the event loop's turns is no waiting, but it is listed all the same. */
const timeExceptions: Readonly<Record<string, readonly string[]>> = {
  "src/base/clock.ts": ["Date.now", "setTimeout", "setImmediate"],
  "src/base/deadlines.ts": ["setTimeout"],
  // A turn of the event loop between two reads, as a socket would have it: it takes no time and waits for none.
  "src/transport/in-process.ts": ["setImmediate"],
  // Rotated files are named by the time of day that their reader's watch shows, whatever a test has done to the clock.
  "src/server/logger.ts": ["new Date()"],
};

const linesMax = 500;

const rules: Readonly<Record<string, Rule>> = {
  "files are short": (files) =>
    [...files].flatMap(([file, text]) => {
      const lines = text.split("\n").length - 1;
      return lines > linesMax ? [`${file}: has ${lines} lines`] : [];
    }),

  "nobody but the clock knows the time": (files) =>
    found(files, ["src/"], /\b(?:Date\.now|setTimeout|setInterval|setImmediate|new Date\(\))/g).filter(
      (fault) => {
        const [file = "", word = ""] = fault.split(": ");
        return !(timeExceptions[file] ?? []).some((allowed) => word.startsWith(allowed));
      },
    ),

  "nothing is written to the console": (files) => found(files, ["src/"], /\bconsole\b/g),

  "only the command owns the process": (files) =>
    found(files, ["src/"], /\bprocess\.(?:on|once|exit|exitCode|abort|kill)\b/g).filter(
      // Signal 0, which asks whether a process is there.
      (fault) =>
        fault !== "src/store/directory-lock.ts: process.kill" && !fault.startsWith("src/cli/main.ts: "),
    ),

  "types are known": (files) => found(files, ["src/", "bin/", "test/"], /\bany\b(?!\s*[(=.])/g),

  "nothing is left to do": (files) =>
    [...files].flatMap(([file, text]) =>
      file === "test/tidy/style.test.ts"
        ? []
        : [...text.matchAll(/\b(?:TODO|FIXME|XXX)\b/g)].map(([word]) => `${file}: ${word}`),
    ),

  "no enums, no default exports, no namespaces": (files) =>
    found(files, ["src/", "bin/", "test/"], /\benum [A-Z]|\bexport default\b|\bnamespace [A-Z]/g),

  "public options have docstrings": (files) =>
    [...files].flatMap(([file, text]) => {
      if (file !== "src/config/broker-options.ts") return [];
      const members = text.matchAll(/(\*\/\n)?^ +readonly (\w+)\??:/gm);
      return [...members].flatMap(([, doc, name]) => (doc === undefined ? [`${file}: ${name}`] : []));
    }),

  "tests wait with patience, and are skipped with a reason": (files) =>
    found(
      files,
      ["test/"],
      /\b(?:it|test|describe)\.(?:skip|skipIf|runIf)\b|\bvi\.wait(?:For|Until)\b|\.poll\(/g,
    ).filter((fault) => !fault.startsWith("test/fixture/needs.ts: ")),
};

const planted: Readonly<Record<string, Violation>> = {
  "files are short": [
    { "test/a.test.ts": "x\n".repeat(500), "test/b.test.ts": "x\n".repeat(501) },
    "test/b.test.ts: has 501 lines",
  ],
  "nobody but the clock knows the time": [
    { "src/base/clock.ts": "Date.now();", "src/broker/a.ts": "// Date.now()\nconst at = Date.now();\n" },
    "src/broker/a.ts: Date.now",
  ],
  "nothing is written to the console": [
    { "src/a.ts": 'const text = "console.log";\nconsole.log(text);\n', "bin/a.ts": "console.log();" },
    "src/a.ts: console",
  ],
  "only the command owns the process": [
    { "src/a.ts": 'process.on("exit", stop);\nprocess.version;\n', "bin/a.ts": "process.exit();" },
    "src/a.ts: process.on",
  ],
  "types are known": [
    { "src/a.ts": '/** any */\nconst a = `any ${(b as any).c}`;\nconst d = /any "/;\nPromise.any(e);\n' },
    "src/a.ts: any",
  ],
  "nothing is left to do": [{ "src/a.ts": "// TODO: more\n" }, "src/a.ts: TODO"],
  "no enums, no default exports, no namespaces": [
    { "src/a.ts": "export default 1;\n", "src/b.ts": "export { default as b } from './c.ts';\n" },
    "src/a.ts: export default",
  ],
  "public options have docstrings": [
    {
      "src/config/broker-options.ts":
        "export interface A {\n  /** A port. */\n  readonly port: number;\n  readonly host?: string;\n}\n",
    },
    "src/config/broker-options.ts: host",
  ],
  "tests wait with patience, and are skipped with a reason": [
    {
      "test/a.test.ts": 'describe.skipIf(isOff)("a", body);\n',
      "test/fixture/needs.ts": 'test.skip("b", body);\n',
    },
    "test/a.test.ts: describe.skipIf",
  ],
};

const files = readAll("src", "bin", "test", "bench");

describe("style", () => {
  it("needs the exceptions that are listed", () => {
    const idle = Object.entries(timeExceptions).flatMap(([file, words]) =>
      words.filter((word) => !(files.get(file) ?? "").includes(word)).map((word) => `${file}: ${word}`),
    );
    expect(idle).toEqual([]);
  });

  holdRules(files, rules, planted);
});
