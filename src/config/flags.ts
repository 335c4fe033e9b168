/** The command line: nats-server's flags in Go's syntax, with the same meaning, and Frond's own commands. */
import { nearestWord } from "../base/edit-distance.ts";
import { isValidSubject, wireFromText } from "../subjects/subject.ts";
import type { TlsOptions } from "./tls-options.ts";
import { unsupportedFlags } from "./unsupported-keys.ts";

/** What flags say about options; what is missing was not said. A zero value takes an option back to its default. */
export interface FlagOverrides {
  readonly host?: string;
  readonly port?: number;
  readonly serverName?: string;
  readonly clientAdvertise?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly httpPort?: number;
  readonly httpsPort?: number;
  readonly pidFile?: string;
  readonly portsFileDir?: string;
  readonly logFile?: string;
  readonly logFileSizeBytesMax?: number;
  readonly logTime?: boolean;
  readonly logTimeUtc?: boolean;
  readonly debug?: boolean;
  readonly trace?: boolean;
  readonly traceVerbose?: boolean;
  readonly maxTracedBytes?: number;
  readonly tls?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCaCert?: string;
  readonly tlsVerify?: TlsOptions["verify"];
  readonly jetstream?: boolean;
  readonly storeDir?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Signals as nats-server names them for its `-sl` flag. */
type SignalName = "SIGKILL" | "SIGINT" | "SIGTERM" | "SIGUSR1" | "SIGUSR2" | "SIGHUP";

export type Command =
  | {
      readonly command: "run" | "test";
      readonly configFile: string | null;
      /** With `test`: a file that a broker with `configFile` may be asked to reload; null: none. */
      readonly reloadFile: string | null;
      readonly overrides: FlagOverrides;
      readonly warnings: readonly string[];
    }
  | { readonly command: "help" | "help-tls" | "version" }
  /** `target`: a process id, the path of a pid file, or the start of process ids with `*` behind it; null for the only one. */
  | { readonly command: "signal"; readonly signal: SignalName; readonly target: string | null }
  | {
      readonly command: "explain";
      readonly subject: string;
      readonly account: string | null;
      readonly url: string;
      /** Ask also whether this user may publish and subscribe. */
      readonly user?: string;
    }
  | { readonly command: "store-check"; readonly directory: string }
  /** Nothing to do but say so. An unknown flag shows the usage and exits with 0, as nats-server does. */
  | {
      readonly command: "error";
      readonly message: string;
      readonly showsUsage: boolean;
      readonly exitCode: 0 | 1;
    };

type FlagKind = "boolean" | "verify" | "integer" | "string";
type FlagValue = boolean | number | string;

interface Flag {
  readonly kind: FlagKind;
  /** One for all the spellings of a flag. */
  readonly name: string;
}

const monitorUrlDefault = "http://127.0.0.1:8222";

/** Spellings by kind; the first of each list names them all. */
const spellings: Readonly<Record<FlagKind, readonly (readonly string[])[]>> = {
  boolean: [
    ["help", "h"],
    ["version", "v"],
    ["help_tls"],
    ["t"],
    ["debug", "D"],
    ["trace", "V"],
    ["VV"],
    ["DV"],
    ["DVV"],
    ["logtime", "T"],
    ["logtime_utc"],
    ["tls"],
    ["s", "syslog"],
    ["js", "jetstream"],
    ["no_advertise"],
  ],
  // True, false or a word, which takes `=` as a boolean does.
  verify: [["tlsverify"]],
  integer: [
    ["port", "p"],
    ["http_port", "m"],
    ["https_port", "ms"],
    ["log_size_limit"],
    ["max_traced_msg_len"],
    ["profile"],
    ["connect_retries"],
  ],
  string: [
    ["config", "c"],
    ["test_reload"],
    ["addr", "a", "net"],
    ["server_name", "n", "name"],
    ["client_advertise"],
    ["user"],
    ["pass"],
    ["auth"],
    ["signal", "sl"],
    ["pid", "P"],
    ["ports_file_dir"],
    ["log", "l"],
    ["tlscert"],
    ["tlskey"],
    ["tlscacert"],
    ["r", "remote_syslog"],
    ["sd", "store_dir"],
    ["routes"],
    ["cluster", "cluster_listen"],
    ["cluster_advertise"],
    ["cluster_name"],
  ],
};

const flags: ReadonlyMap<string, Flag> = new Map(
  (Object.keys(spellings) as FlagKind[]).flatMap((kind) =>
    spellings[kind].flatMap((names) =>
      names.map((name): [string, Flag] => [name, { kind, name: names[0] as string }]),
    ),
  ),
);

const overrideNames: Readonly<Record<string, keyof FlagOverrides>> = {
  addr: "host",
  port: "port",
  server_name: "serverName",
  client_advertise: "clientAdvertise",
  user: "user",
  pass: "password",
  auth: "token",
  http_port: "httpPort",
  https_port: "httpsPort",
  pid: "pidFile",
  ports_file_dir: "portsFileDir",
  log: "logFile",
  log_size_limit: "logFileSizeBytesMax",
  logtime: "logTime",
  logtime_utc: "logTimeUtc",
  debug: "debug",
  trace: "trace",
  max_traced_msg_len: "maxTracedBytes",
  tls: "tls",
  tlscert: "tlsCert",
  tlskey: "tlsKey",
  tlscacert: "tlsCaCert",
  tlsverify: "tlsVerify",
  js: "jetstream",
  sd: "storeDir",
};

const signals: Readonly<Record<string, SignalName>> = {
  stop: "SIGKILL",
  quit: "SIGINT",
  term: "SIGTERM",
  reopen: "SIGUSR1",
  ldm: "SIGUSR2",
  reload: "SIGHUP",
};

/** A flag that can not be read, in Go's words. */
class FlagError extends Error {}

/** @param argv without the program's own name */
export function parseCommandLine(argv: readonly string[]): Command {
  try {
    const { values, rest } = parseFlags(argv);
    return commandOf(values, rest);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    return { command: "error", message: error.message, showsUsage: true, exitCode: 0 };
  }
}

function commandOf(values: ReadonlyMap<string, FlagValue>, rest: readonly string[]): Command {
  const word = rest[0]?.toLowerCase();
  if (values.get("version") === true) return { command: "version" };
  if (values.get("help") === true) return { command: "help" };
  if (values.get("help_tls") === true) return { command: "help-tls" };
  if (word === "version" || word === "help") return { command: word };
  if (word === "explain") return explainOf(rest.slice(1));
  if (word === "store") return storeCheckOf(rest.slice(1));
  if (word !== undefined)
    return failure(`unrecognized command: ${JSON.stringify(rest[0])}${commandAdvice(word)}`);
  const signal = values.get("signal");
  if (typeof signal === "string" && signal !== "") return signalOf(signal);

  const warnings: string[] = [];
  const diagnostics: string[] = [];
  for (const [name, value] of values) {
    const rule = unsupportedFlags[name];
    if (rule === undefined || value === false || value === 0 || value === "") continue;
    if (rule.severity === "error") diagnostics.push(`-${name} is not supported by Frond yet: ${rule.reason}`);
    else warnings.push(`-${name} is ignored: ${rule.reason}`);
  }
  if (diagnostics.length > 0) return failure(diagnostics.join("\n"));
  const isTest = values.get("t") === true;
  const reloadFile = textOf(values, "test_reload");
  if (reloadFile !== null && !isTest) return failure("--test_reload can only be used together with -t");
  return {
    command: isTest ? "test" : "run",
    configFile: textOf(values, "config"),
    reloadFile,
    overrides: overridesOf(values),
    warnings,
  };
}

function textOf(values: ReadonlyMap<string, FlagValue>, name: string): string | null {
  const value = values.get(name);
  return typeof value === "string" && value !== "" ? value : null;
}

/** The flags that stand for two or three go last, whatever the order on the line, so that they win. */
function overridesOf(values: ReadonlyMap<string, FlagValue>): FlagOverrides {
  const overrides: Mutable<FlagOverrides> = {};
  for (const [name, value] of values) {
    const option = overrideNames[name];
    if (option !== undefined) Object.assign(overrides, { [option]: value });
  }
  const debugAndTrace = values.get("DV");
  const all = values.get("DVV");
  const traceVerbose = values.get("VV");
  if (typeof debugAndTrace === "boolean")
    Object.assign(overrides, { debug: debugAndTrace, trace: debugAndTrace });
  if (typeof all === "boolean") Object.assign(overrides, { debug: all, trace: all, traceVerbose: all });
  if (typeof traceVerbose === "boolean") Object.assign(overrides, { trace: traceVerbose, traceVerbose });
  return overrides;
}

/** Go's syntax: one dash or two, `-flag value` or `-flag=value`, and `=` always for a boolean; the first word ends it. */
function parseFlags(argv: readonly string[]): { values: Map<string, FlagValue>; rest: readonly string[] } {
  const values = new Map<string, FlagValue>();
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] as string;
    if (argument === "--") return { values, rest: argv.slice(at + 1) };
    if (!argument.startsWith("-") || argument === "-") return { values, rest: argv.slice(at) };
    const body = argument.slice(argument.startsWith("--") ? 2 : 1);
    const equals = body.indexOf("=");
    if (body.startsWith("-") || equals === 0) throw new FlagError(`bad flag syntax: ${argument}`);
    const name = equals < 0 ? body : body.slice(0, equals);
    const flag = flags.get(name);
    if (flag === undefined) throw new FlagError(unknownFlag(name));
    let text = equals < 0 ? undefined : body.slice(equals + 1);
    if (flag.kind === "boolean" || flag.kind === "verify") text ??= "true";
    else text ??= argv[++at];
    if (text === undefined) throw new FlagError(`flag needs an argument: -${name}`);
    values.set(flag.name, flagValueOf(flag.kind, name, text));
  }
  return { values, rest: [] };
}

function unknownFlag(name: string): string {
  const nearest = nearestWord(name, flags.keys());
  const advice = nearest === null ? "" : `; did you mean -${nearest}?`;
  return `flag provided but not defined: -${name}${advice}`;
}

const words = ["explain", "store", "help", "version"];
const startAdvice = "a broker starts without a word: frond [flags]";
const stopAdvice = "to stop the broker that runs: frond -sl quit";
/** What those mean who know other programs. */
const advices: Readonly<Record<string, string>> = {
  start: startAdvice,
  run: startAdvice,
  serve: startAdvice,
  server: startAdvice,
  stop: stopAdvice,
  quit: stopAdvice,
  kill: stopAdvice,
  restart: `${stopAdvice}; ${startAdvice}`,
  reload: "for the broker that runs to read its file again: frond -sl reload",
  status: "a broker with -m 8222 says how it is at http://127.0.0.1:8222/healthz and /varz",
};

function commandAdvice(word: string): string {
  if (Object.hasOwn(advices, word)) return `; ${advices[word]}`;
  const nearest = nearestWord(word, words);
  return nearest === null ? "; frond -h lists what there is" : `; did you mean "${nearest}"?`;
}

function flagValueOf(kind: FlagKind, name: string, text: string): FlagValue {
  if (kind === "string") return text;
  if (kind === "verify" && text.toLowerCase() === "optional") return "optional";
  if (kind === "boolean" || kind === "verify") {
    if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
    if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false;
    throw new FlagError(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
  }
  const parts = /^([+-]?)(\d+|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.exec(text);
  const digits = parts?.[2] ?? "";
  // As Go has it, a leading zero means octal.
  const isOctal = /^0\d/.test(digits);
  const value = Number(isOctal ? `0o${digits.slice(1)}` : digits) * (parts?.[1] === "-" ? -1 : 1);
  if (parts === null || !Number.isSafeInteger(value)) {
    throw new FlagError(`invalid value ${JSON.stringify(text)} for flag -${name}: parse error`);
  }
  return value;
}

function signalOf(text: string): Command {
  const [name = "", target = "", ...more] = text.split("=");
  if (more.length > 0) return failure(`invalid signal parameters: [${more.join(" ")}]`);
  const signal = Object.hasOwn(signals, name) ? signals[name] : undefined;
  if (signal === undefined) {
    return failure(`unknown signal ${JSON.stringify(name)}: there are ${Object.keys(signals).join(", ")}`);
  }
  return { command: "signal", signal, target: target === "" ? null : target };
}

function storeCheckOf(words: readonly string[]): Command {
  const [verb, directory] = words;
  if (verb !== "check" || directory === undefined || words.length > 2)
    return failure("store needs a verb and a directory: frond store check <directory>");
  return { command: "store-check", directory };
}

/** `explain <subject> [--account A] [--url U]`; its flags may stand before and after the subject. */
function explainOf(words: readonly string[]): Command {
  let subject: string | null = null;
  let account: string | null = null;
  let user: string | null = null;
  let url = monitorUrlDefault;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const found = /^--?(account|url|user)(?:=(.*))?$/s.exec(word);
    if (found !== null) {
      const value = found[2] ?? words[++at];
      if (value === undefined || value === "") return failure(`explain: --${found[1]} needs a value`);
      if (found[1] === "account") account = value;
      else if (found[1] === "user") user = value;
      else url = value;
    } else if (word === "-h" || word === "-help" || word === "--help") {
      return { command: "help" };
    } else if (word.startsWith("-")) {
      return failure(`explain: unknown flag ${word}; there are --account, --user and --url`);
    } else if (subject === null) {
      subject = word;
    } else {
      return failure(
        `explain takes one subject, but got ${JSON.stringify(subject)} and ${JSON.stringify(word)}`,
      );
    }
  }
  if (subject === null)
    return failure("explain needs a subject: frond explain <subject> [--account A] [--url U]");
  if (!isValidSubject(wireFromText(subject)))
    return failure(`${JSON.stringify(subject)} is not a valid subject`);
  if (!isMonitorUrl(url))
    return failure(`explain: --url must be the monitoring URL, such as ${monitorUrlDefault}`);
  return { command: "explain", subject, account, url, ...(user !== null && { user }) };
}

function isMonitorUrl(text: string): boolean {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

function failure(message: string): Command {
  return { command: "error", message, showsUsage: false, exitCode: 1 };
}
