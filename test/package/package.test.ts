/** The package as `npm pack` makes it, used in another project by each way that there is to load it. */
import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { program, testWith } from "../fixture/needs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const sources = fileURLToPath(new URL("project/", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  dependencies: Record<string, string>;
};

/** What the project has installed beside Frond and what Frond depends on. */
const tools = ["nats", "@nats-io/transport-node", "typescript", "vitest", "@types/node"];
const jest = program("jest");

/** Test runners, each with the file that holds its recipe of docs/embedding.md. */
const recipes = { "node:test": "recipe.node.mjs", vitest: "recipe.spec.mjs", jest: "recipe.test.js" };
const embedding = readFileSync(join(root, "docs/embedding.md"), "utf8");

let project = "";

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "frond-project-"));
  writeFileSync(join(project, "package.json"), "{}");
  for (const name of await readdir(sources)) copyFileSync(join(sources, name), join(project, name));
  for (const kind of ["cts", "mts"]) copyFileSync(join(sources, "types.ts"), join(project, `types.${kind}`));
  for (const [runner, file] of Object.entries(recipes)) {
    const section = embedding.slice(embedding.indexOf(`\n### ${runner}\n`));
    writeFileSync(join(project, file), /```js\n([^]*?)```/.exec(section)?.[1] ?? "");
  }
  const frond = join(project, "node_modules/frond");
  mkdirSync(frond, { recursive: true });
  await run(root, "npm", ["pack", "--ignore-scripts", "--pack-destination", project]);
  const [archive = ""] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  await run(project, "tar", ["-xzf", archive, "-C", frond, "--strip-components", "1"]);
  for (const name of [...Object.keys(manifest.dependencies), ...tools]) {
    const path = join(project, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(root, "node_modules", name), path, "junction");
  }
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the packed package", () => {
  test("is loaded by require", async () => {
    expect(await run(project, process.execPath, ["required.cjs"])).toBe("done\n");
  });

  test("is loaded by import", async () => {
    expect(await run(project, process.execPath, ["imported.mjs"])).toBe("done\n");
  });

  test("may be loaded both ways in one program: clocks, errors and locks of one count for the other", async () => {
    expect(await run(project, process.execPath, ["both.mjs"])).toBe("done\n");
  });

  test("runs under node:test, as the recipe says", async () => {
    expect(await run(project, process.execPath, ["--test", recipes["node:test"]])).toMatch(/pass 1\b/);
  });

  testWith(jest, "runs under jest, CommonJS as is its default, also as the recipe says", async () => {
    const files = ["jest.test.js", recipes.jest];
    const output = await run(project, jest.path, ["--rootDir", project, ...files]);
    expect(output).toContain("2 passed, 2 total");
    expect(output).not.toContain("did not exit");
  });

  test("runs under vitest, also as the recipe says", async () => {
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const output = await run(project, process.execPath, [
      vitest,
      "run",
      "--root",
      project,
      "vitest.spec.mjs",
    ]);
    expect(output).toMatch(/Tests +1 passed/);
  });

  test.each([
    ["node16", "node16"],
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("has types for .cts, .mts and .ts: module %s, resolution %s", async (module, moduleResolution) => {
    const options = { module, moduleResolution, strict: true, noEmit: true, target: "es2022" };
    const files =
      moduleResolution === "bundler" ? ["types.ts", "types.mts"] : ["types.ts", "types.mts", "types.cts"];
    const config = join(project, `tsconfig.${module}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions: { ...options, types: ["node"] }, files }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    expect(await run(project, process.execPath, [tsc, "-p", config])).toBe("");
  });

  test("names no file that is missing, and holds no declarations that nothing reaches", async () => {
    const frond = join(project, "node_modules/frond");
    const files = await readdir(frond, { recursive: true });
    const { exports } = JSON.parse(readFileSync(join(frond, "package.json"), "utf8")) as {
      exports: { ".": Record<string, Record<string, string>> };
    };
    const named = Object.values(exports["."]).flatMap((conditions) => Object.values(conditions));
    expect(named.length).toBe(4);
    expect(named.filter((path) => !existsSync(join(frond, path)))).toEqual([]);
    expect(files.filter((name) => /\.d\.c?ts$/.test(name)).length).toBeLessThan(20);
  });
});

/** @returns all that the program printed; rejects with it when it fails */
async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  const ours = /^(?:VITEST|NODE_OPTIONS|NODE_ENV|TEST|npm_)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        cwd,
        env: { ...env, NO_COLOR: "1" },
        timeout: 100_000,
        shell: process.platform === "win32" && command === "npm",
      },
      (error, stdout, stderr) => {
        const output = stdout + stderr;
        if (error === null) resolve(output);
        else reject(new Error(`${command} ${args.join(" ")} failed: ${error.message}\n${output}`));
      },
    );
  });
}
