/** What the tests of configuration share: text in, plain values, options or problems out. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import type { FlagOverrides } from "../../src/config/flags.ts";
import { loadOptions } from "../../src/config/load.ts";
import type { LoadedOptions } from "../../src/config/load.ts";
import type { ConfigNode } from "../../src/config/grammar/node.ts";
import { parseConfigText } from "../../src/config/grammar/parser.ts";
import type { Environment } from "../../src/config/grammar/parser.ts";
import { ConfigError } from "../../src/config/grammar/diagnostics.ts";

const made: string[] = [];

afterAll(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** @returns the directory that the files, by relative path, were written to; removed after the tests of the file */
export function writeFiles(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "frond-config-"));
  made.push(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

export interface Given {
  readonly flags?: FlagOverrides;
  readonly env?: Environment;
}

/** Loads `text` from a file. Its path is cut off the front of warnings: they begin `1:1: …`. */
export function load(text: string, { flags = {}, env = {} }: Given = {}): LoadedOptions {
  const file = join(writeFiles({ "a.conf": text }), "a.conf");
  const loaded = loadOptions({ file, flags, env });
  return { ...loaded, warnings: loaded.warnings.map((warning) => withoutFile(warning, file)) };
}

/** @returns the problems for which `text` is refused, their file cut off; empty when it is not */
export function problemsOf(text: string, { flags = {}, env = {} }: Given = {}): readonly string[] {
  const file = join(writeFiles({ "a.conf": text }), "a.conf");
  return refusal(() => loadOptions({ file, flags, env })).map((problem) => withoutFile(problem, file));
}

/** @returns the problems of the ConfigError that `run` throws; empty when it throws none */
export function refusal(run: () => unknown): readonly string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics;
    throw error;
  }
}

/** Parses text to plain values; integers become numbers. */
export function parsed(text: string, env: Environment = {}): unknown {
  return plain(parseConfigText(text, "a.conf", env));
}

export function plain(node: ConfigNode): unknown {
  switch (node.kind) {
    case "map":
      return Object.fromEntries([...node.value].map(([key, value]) => [key, plain(value)]));
    case "array":
      return node.value.map(plain);
    case "integer":
      return Number(node.value);
    case "datetime":
      return new Date(node.value);
    default:
      return node.value;
  }
}

function withoutFile(text: string, file: string): string {
  return text.startsWith(`${file}:`) ? text.slice(file.length + 1) : text;
}
