/** Where options come from when a process is started: a file, flags and the environment. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completeOptions } from "./complete.ts";
import { configDigest } from "./digest.ts";
import { emptyDraft } from "./draft.ts";
import type { FlagOverrides } from "./flags.ts";
import type { Options } from "./options.ts";
import { applyFlags } from "./overrides.ts";
import { parseConfigFile } from "./grammar/parser.ts";
import type { Environment } from "./grammar/parser.ts";
import { ConfigError, Diagnostics } from "./grammar/diagnostics.ts";
import { diffOptions } from "./reload.ts";
import { readServer } from "./server.ts";

export interface LoadRequest {
  readonly file?: string | null;
  readonly flags?: FlagOverrides;
  /** For `$NAME` in the file. */
  readonly env: Environment;
}

export interface LoadedOptions {
  /** Frozen through and through. */
  readonly options: Options;
  readonly warnings: readonly string[];
  /** Whether a warning is one with which nats-server refuses a file under `-t` and on reload. */
  readonly hasMisuse: boolean;
  /** Whether streams are kept in a directory that nobody has named, which other brokers may use as well. */
  readonly hasDefaultStore?: boolean;
}

/** @throws ConfigError with all that is wrong */
export function loadOptions({ file = null, flags = {}, env }: LoadRequest): LoadedOptions {
  const draft = emptyDraft();
  const diagnostics = new Diagnostics();
  let digest: string | null = null;
  if (file !== null) {
    const map = parseConfigFile(file, env);
    digest = configDigest(map);
    if (map.value.size === 0) diagnostics.warnOfFile(`${file}: config has no values or is empty`);
    readServer(map, draft, diagnostics);
  }
  applyFlags(flags, draft, diagnostics);
  // Only a program that has the broker in it may mean to keep nothing.
  const hasDefaultStore = draft.jetstream.enabled && draft.storeDir === null;
  if (hasDefaultStore) {
    draft.storeDir = join(tmpdir(), "frond");
    diagnostics.warn(
      null,
      `Temporary storage directory used, data could be lost on system reboot: ${draft.storeDir}`,
    );
  }
  const options = completeOptions(draft, { file, digest }, diagnostics);
  return { options, warnings: diagnostics.warnings, hasMisuse: diagnostics.hasMisuse, hasDefaultStore };
}

export interface TestResult {
  /** 1 when a broker would not start, and when nats-server would find the file misused; 3 when a reload takes a restart. */
  readonly exitCode: 0 | 1 | 3;
  /** For standard error, line by line. */
  readonly lines: readonly string[];
}

/** What `-t` is to look at. */
export interface TestRequest extends LoadRequest {
  /** A file that a broker which runs with `file` may be asked to reload; null: none. */
  readonly reloadFile?: string | null;
}

/**
 * `-t`: all that a start checks, and with `reloadFile` all that a reload checks.
 *
 * @param program goes in front of the verdict
 */
export function testConfig(request: TestRequest, program: string): TestResult {
  if (request.file === undefined || request.file === null) {
    const missing = "must specify [-c, --config] option to check configuration file syntax";
    return { exitCode: 1, lines: [`${program}: ${missing}`] };
  }
  const current = tested(request, program);
  if (!("options" in current)) return current;
  const { options, warnings } = current;
  const lines = [
    ...warnings,
    `${program}: configuration file ${request.file} is valid (${options.configDigest})`,
  ];
  if (request.reloadFile === undefined || request.reloadFile === null) return { exitCode: 0, lines };
  const next = tested({ ...request, file: request.reloadFile }, program);
  if (!("options" in next)) return next;
  try {
    diffOptions(options, next.options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { exitCode: 3, lines: prefixed(program, error.diagnostics) };
  }
  const verdict = `${program}: configuration file ${request.reloadFile} can be reloaded`;
  return { exitCode: 0, lines: [...lines, ...next.warnings, verdict] };
}

function tested(request: LoadRequest, program: string): LoadedOptions | TestResult {
  try {
    const loaded = loadOptions(request);
    return loaded.hasMisuse ? { exitCode: 1, lines: prefixed(program, loaded.warnings) } : loaded;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { exitCode: 1, lines: prefixed(program, [...error.warnings, ...error.diagnostics]) };
  }
}

function prefixed(program: string, lines: readonly string[]): string[] {
  return lines.map((line, at) => (at === 0 ? `${program}: ${line}` : line));
}
