/** The rules of the code base that no compiler holds, each proven on a violation that is planted for it. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));

/** An import points to a folder of strictly lower rank, or stays at home. Files of src itself are the highest. */
const ranks: Readonly<Record<string, number>> = {
  base: 0,
  subjects: 1,
  protocol: 1,
  config: 2,
  transport: 3,
  auth: 3,
  broker: 3,
  store: 3,
  client: 4,
  leaf: 4,
  jetstream: 4,
  kv: 5,
  monitor: 5,
};
const topRank = 6;

/** Who alone may import a package. */
const owners: Readonly<Record<string, string>> = {
  "node:net": "src/transport/",
  "node:tls": "src/transport/",
  "node:http": "src/transport/",
  "node:https": "src/transport/",
  ws: "src/transport/",
  bcrypt: "src/auth/",
  pino: "src/server/logger.ts",
  lmdb: "src/store/",
  msgpackr: "src/store/",
};

/** What else would tell or take time. Reading the event loop's turns is no waiting, but it is listed all the same. */
const timeExceptions: Readonly<Record<string, readonly string[]>> = {
  "src/base/clock.ts": ["Date.now", "setTimeout", "setImmediate"],
  "src/base/deadlines.ts": ["setTimeout"],
  // A turn of the event loop between two reads, as a socket would have it: it takes no time and waits for none.
  "src/transport/in-process.ts": ["setImmediate"],
  // Rotated files are named by the time of day that their reader's watch shows, whatever a test has done to the clock.
  "src/server/logger.ts": ["new Date()"],
};

/** Written and tested, and waiting for their first use, of which they are struck off this list. */
const awaited: readonly string[] = [];

const linesMax = 500;
/** The threads of the store are loaded by their names. */
const entryPoints = [
  "src/index.ts",
  "src/cli/main.ts",
  "src/store/journal/sync-worker.ts",
  "src/store/lmdb/apply-worker.ts",
];

type Files = ReadonlyMap<string, string>;

/** Each rule gives what breaks it, as `file: what`. */
const rules: Readonly<Record<string, (files: Files) => string[]>> = {
  "imports point to lower ranks": (files) =>
    importsOf(files, "src/").flatMap(({ file, target }) => {
      if (!target.startsWith("src/")) return target.includes("/") ? [`${file}: imports ${target}`] : [];
      const [from, to] = [folderOf(file), folderOf(target)];
      return from === to || rankOf(to) < rankOf(from) ? [] : [`${file}: imports ${target}`];
    }),

  "every folder has a rank": (files) =>
    [...files.keys()]
      .filter(
        (file) => file.startsWith("src/") && folderOf(file) !== "" && ranks[folderOf(file)] === undefined,
      )
      .map((file) => `${file}: is in a folder without a rank`),

  "packages have owners": (files) =>
    importsOf(files, "src/", "bin/").flatMap(({ file, target }) => {
      const owner = owners[target];
      return owner === undefined || file.startsWith(owner) ? [] : [`${file}: imports ${target}`];
    }),

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
      file === "test/tidy.test.ts"
        ? []
        : [...text.matchAll(/\b(?:TODO|FIXME|XXX)\b/g)].map(([word]) => `${file}: ${word}`),
    ),

  "no enums, no default exports, no namespaces": (files) =>
    found(files, ["src/", "bin/", "test/"], /\benum [A-Z]|\bexport default\b|\bnamespace [A-Z]/g),

  "tests wait with patience, and are skipped with a reason": (files) =>
    found(
      files,
      ["test/"],
      /\b(?:it|test|describe)\.(?:skip|skipIf|runIf)\b|\bvi\.wait(?:For|Until)\b|\.poll\(/g,
    ).filter((fault) => !fault.startsWith("test/fixture/needs.ts: ")),

  "no file is dead": (files) =>
    unreachable(files)
      .filter((file) => !awaited.includes(file))
      .map((file) => `${file}: nobody imports it`),
};

/** For each rule, files that break it once, and what is said of them. */
const planted: Readonly<Record<string, readonly [files: Readonly<Record<string, string>>, fault: string]>> = {
  "imports point to lower ranks": [
    {
      "src/base/a.ts": 'import { b } from "./b.ts";\n',
      "src/broker/c.ts": 'import type { A } from "../base/a.ts";\nimport { d } from "../client/d.ts";\n',
    },
    "src/broker/c.ts: imports src/client/d.ts",
  ],
  "every folder has a rank": [{ "src/utils/a.ts": "" }, "src/utils/a.ts: is in a folder without a rank"],
  "packages have owners": [
    {
      "src/client/a.ts": 'const net = await import("node:net");\n',
      "src/transport/b.ts": 'import "node:net";\n',
    },
    "src/client/a.ts: imports node:net",
  ],
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
  "tests wait with patience, and are skipped with a reason": [
    {
      "test/a.test.ts": 'describe.skipIf(isOff)("a", body);\n',
      "test/fixture/needs.ts": 'test.skip("b", body);\n',
    },
    "test/a.test.ts: describe.skipIf",
  ],
  "no file is dead": [
    {
      "src/index.ts": 'export { a } from "./base/a.ts";\n',
      "src/base/a.ts": 'const b = import("./b.ts");\n',
      "src/base/b.ts": "",
      "src/base/c.ts": 'import "./a.ts";\n',
      "src/base/types.d.ts": "",
    },
    "src/base/c.ts: nobody imports it",
  ],
};

describe("the code base", () => {
  const files = readAll("src", "bin", "test", "bench");

  it("is there", () => {
    const count = (folder: string): number =>
      [...files.keys()].filter((file) => file.startsWith(folder)).length;
    expect(count("src/")).toBeGreaterThan(80);
    expect(count("test/")).toBeGreaterThan(80);
    for (const folder of ["src/base/", "src/client/", "src/protocol/", "bin/", "bench/"])
      expect([folder, count(folder) > 0]).toEqual([folder, true]);
    expect(entryPoints.filter((file) => !files.has(file))).toEqual([]);
    expect(importsOf(files, "src/").length).toBeGreaterThan(200);
  });

  it("needs its exceptions", () => {
    expect(awaited.filter((file) => !unreachable(files).includes(file))).toEqual([]);
    const idle = Object.entries(timeExceptions).flatMap(([file, words]) =>
      words.filter((word) => !(files.get(file) ?? "").includes(word)).map((word) => `${file}: ${word}`),
    );
    expect(idle).toEqual([]);
  });

  it.each(Object.keys(rules))("%s", (rule) => {
    expect(rules[rule]?.(files)).toEqual([]);
  });
});

describe("a violation is seen", () => {
  it("of every rule", () => {
    expect(Object.keys(planted).sort()).toEqual(Object.keys(rules).sort());
  });

  it.each(Object.entries(planted))("%s", (rule, [files, fault]) => {
    expect(rules[rule]?.(new Map(Object.entries(files)))).toEqual([fault]);
  });
});

function readAll(...folders: readonly string[]): Files {
  const files = new Map<string, string>();
  const open = [...folders];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith(".")) open.push(path);
      else if (/\.(ts|mjs|js|c|h)$/.test(entry.name)) files.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return files;
}

/** Relative imports as paths from the root, packages by their name. */
function importsOf(files: Files, ...folders: readonly string[]): { file: string; target: string }[] {
  return [...files].flatMap(([file, text]) => {
    if (!folders.some((folder) => file.startsWith(folder)) || !file.endsWith(".ts")) return [];
    const uncommented = stripped(text, true);
    const matches = uncommented.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g);
    return [...matches].map(([, name = ""]) => ({
      file,
      target: name.startsWith(".") ? normalize(join(dirname(file), name)).replaceAll("\\", "/") : name,
    }));
  });
}

/** Files of the product that no entry point leads to. */
function unreachable(files: Files): string[] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of importsOf(files, "src/", "bin/"))
    targets.set(file, [...(targets.get(file) ?? []), target]);
  const alive = new Set<string>();
  const open = entryPoints.filter((file) => files.has(file));
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (alive.has(file)) continue;
    alive.add(file);
    open.push(...(targets.get(file) ?? []));
  }
  const isProduct = (file: string): boolean => /^(src|bin)\/.*\.ts$/.test(file) && !file.endsWith(".d.ts");
  return [...files.keys()].filter((file) => isProduct(file) && !alive.has(file));
}

function found(files: Files, folders: readonly string[], pattern: RegExp): string[] {
  return [...files].flatMap(([file, text]) => {
    if (!file.endsWith(".ts") || !folders.some((folder) => file.startsWith(folder))) return [];
    return [...stripped(text, false).matchAll(pattern)].map(([word]) => `${file}: ${word}`);
  });
}

/** Code without comments, and without what stands in strings, templates and regular expressions. */
function stripped(text: string, keepsStrings: boolean): string {
  const piece =
    /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)|(?<=[(,=:[!&|?{};\n]\s*|return\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|[{}]/g;
  // What a template is interrupted by ends at its brace, after which the template goes on.
  const braces: ("template" | "code")[] = [];
  let code = "";
  let at = 0;
  const rest = /(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)/y;
  for (piece.lastIndex = 0; ; ) {
    const match = piece.exec(text);
    if (match === null) return code + text.slice(at);
    const [word] = match;
    code += text.slice(at, match.index);
    at = piece.lastIndex;
    if (word === "{") braces.push("code");
    if (word === "{" || (word === "}" && braces.pop() !== "template")) {
      code += word;
      continue;
    }
    if (keepsStrings && /^["']/.test(word)) code += word;
    else code += " ";
    if (word.startsWith("`") && word.endsWith("${")) braces.push("template");
    if (word !== "}") continue;
    rest.lastIndex = at;
    const more = rest.exec(text)?.[0] ?? "";
    if (more.endsWith("${")) braces.push("template");
    at += more.length;
    piece.lastIndex = at;
  }
}

function folderOf(file: string): string {
  const parts = file.split("/");
  return parts.length > 2 ? (parts[1] as string) : "";
}

function rankOf(folder: string): number {
  return folder === "" ? topRank : (ranks[folder] ?? topRank);
}
