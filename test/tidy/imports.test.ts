/** Where imports may point: down the ranks of folders, never in a circle, and to packages from their owners alone. */
import { describe, expect, it } from "vitest";
import { type Files, holdRules, importsOf, readAll, type Rule, type Violation } from "./source-files.ts";

/** An import points to a folder of strictly lower rank, or stays at home. */
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
  server: 6,
  "": 7,
  cli: 8,
};

/** The same within a folder that has folders of its own: a file is where the longest of these paths says. */
const innerRanks: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  store: { "": 0, journal: 1, memory: 1, lmdb: 2, disk: 3, check: 4 },
  jetstream: {
    "": 0,
    json: 0,
    "stream/config": 1,
    "consumer/config": 2,
    "metadata.ts": 3,
    "stream/message": 3,
    "stream/log": 3,
    direct: 3,
    "account.ts": 4,
    "stream/schedule": 4,
    "stream/retention": 4,
    sourcing: 4,
    "stream/publish": 5,
    "stream/batch": 6,
    stream: 7,
    consumer: 8,
    "stream-catalog.ts": 9,
    api: 10,
    backup: 11,
    "jetstream.ts": 12,
  },
};

/** Circles of files that are still to be cut. A circle that is gone is struck off this list. */
const circlesLeft: readonly string[] = [];

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

/** Written and tested, and waiting for their first use, of which they are struck off this list. */
const awaited: readonly string[] = [];

/** The threads of the store are loaded by their names. */
const entryPoints = [
  "src/index.ts",
  "src/cli/main.ts",
  "src/store/journal/sync-worker.ts",
  "src/store/lmdb/apply-worker.ts",
];

const rules: Readonly<Record<string, Rule>> = {
  "imports point to lower ranks": (files) =>
    importsOf(files, "src/").flatMap(({ file, target }) => {
      if (!target.startsWith("src/")) return target.includes("/") ? [`${file}: imports ${target}`] : [];
      return mayImport(file, target) ? [] : [`${file}: imports ${target}`];
    }),

  "every folder has a rank": (files) =>
    [...files.keys()]
      .filter((file) => file.startsWith("src/") && ranks[folderOf(file)] === undefined)
      .map((file) => `${file}: is in a folder without a rank`),

  "no file imports itself by way of others": (files) =>
    circlesIn(files).filter((circle) => !circlesLeft.includes(circle)),

  "packages have owners": (files) =>
    importsOf(files, "src/", "bin/").flatMap(({ file, target }) => {
      const owner = owners[target];
      return owner === undefined || file.startsWith(owner) ? [] : [`${file}: imports ${target}`];
    }),

  "no file is dead": (files) =>
    unreachable(files)
      .filter((file) => !awaited.includes(file))
      .map((file) => `${file}: nobody imports it`),
};

const planted: Readonly<Record<string, Violation>> = {
  "imports point to lower ranks": [
    {
      "src/base/a.ts": 'import { b } from "./b.ts";\n',
      "src/broker/c.ts": 'import type { A } from "../base/a.ts";\nimport { d } from "../client/d.ts";\n',
    },
    "src/broker/c.ts: imports src/client/d.ts",
  ],
  "every folder has a rank": [{ "src/utils/a.ts": "" }, "src/utils/a.ts: is in a folder without a rank"],
  "no file imports itself by way of others": [
    {
      "src/base/a.ts": 'import type { B } from "./b.ts";\nimport { c } from "./c.ts";\n',
      "src/base/b.ts": 'import { a } from "./a.ts";\n',
      "src/base/c.ts": "",
    },
    "src/base/a.ts: src/base/b.ts",
  ],
  "packages have owners": [
    {
      "src/client/a.ts": 'const net = await import("node:net");\n',
      "src/transport/b.ts": 'import "node:net";\n',
    },
    "src/client/a.ts: imports node:net",
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

const files = readAll("src", "bin", "test", "bench");

describe("imports", () => {
  it("are read from the whole code base", () => {
    const count = (folder: string): number =>
      [...files.keys()].filter((file) => file.startsWith(folder)).length;
    expect(count("src/")).toBeGreaterThan(80);
    expect(count("test/")).toBeGreaterThan(80);
    for (const folder of ["src/base/", "src/client/", "src/protocol/", "bin/", "bench/"])
      expect([folder, count(folder) > 0]).toEqual([folder, true]);
    expect(entryPoints.filter((file) => !files.has(file))).toEqual([]);
    expect(importsOf(files, "src/").length).toBeGreaterThan(200);
  });

  it("need the exceptions that are listed", () => {
    expect(awaited.filter((file) => !unreachable(files).includes(file))).toEqual([]);
    expect(circlesLeft.filter((circle) => !circlesIn(files).includes(circle))).toEqual([]);
  });

  it("may not point up or sideways within a folder either", () => {
    expect(mayImport("src/store/lmdb/a.ts", "src/store/journal/b.ts")).toBe(true);
    expect(mayImport("src/store/journal/a.ts", "src/store/memory/b.ts")).toBe(false);
    expect(mayImport("src/store/a.ts", "src/store/journal/b.ts")).toBe(false);
    expect(mayImport("src/jetstream/stream/a.ts", "src/jetstream/stream/config/b.ts")).toBe(true);
    expect(mayImport("src/jetstream/stream/config/a.ts", "src/jetstream/stream/b.ts")).toBe(false);
    expect(mayImport("src/jetstream/stream/a.ts", "src/jetstream/account.ts")).toBe(true);
    expect(mayImport("src/jetstream/quota.ts", "src/jetstream/account.ts")).toBe(false);
  });

  holdRules(files, rules, planted);
});

/** The folder in src; "" for files beside the folders. */
function folderOf(file: string): string {
  const [, folder = "", ...inner] = file.split("/");
  return inner.length === 0 ? "" : folder;
}

/** The path within its folder that says how high a file stands. */
function placeOf(file: string, places: Readonly<Record<string, number>>): string {
  let path = file.split("/").slice(2).join("/");
  while (path !== "" && places[path] === undefined) path = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  return path;
}

function mayImport(file: string, target: string): boolean {
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from !== to) return (ranks[to] ?? Infinity) < (ranks[from] ?? Infinity);
  const places = innerRanks[from];
  if (places === undefined) return true;
  const [place, other] = [placeOf(file, places), placeOf(target, places)];
  return place === other || (places[other] ?? Infinity) < (places[place] ?? Infinity);
}

/** Each circle once, as `first file: the others`; imports of types count as well (Tarjan's algorithm). */
function circlesIn(files: Files): string[] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of importsOf(files, "src/"))
    if (files.has(target)) targets.set(file, [...(targets.get(file) ?? []), target]);
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[] = [];
  const visit = (file: string): number => {
    const own = index.size;
    index.set(file, own);
    lowest.set(file, own);
    stack.push(file);
    let low = own;
    for (const target of targets.get(file) ?? []) {
      if (!index.has(target)) low = Math.min(low, visit(target));
      else if (stack.includes(target)) low = Math.min(low, index.get(target) as number);
    }
    lowest.set(file, low);
    if (low === own) {
      const [first, ...others] = stack.splice(stack.indexOf(file)).sort();
      if (others.length > 0) circles.push(`${first}: ${others.join(", ")}`);
    }
    return low;
  };
  for (const file of targets.keys()) if (!index.has(file)) visit(file);
  return circles;
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
