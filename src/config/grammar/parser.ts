/** From text in the NATS configuration grammar, with the files it includes, to a map of placed values. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { reasonOf } from "../../base/system-error.ts";
import { textFromWire, wireFromText } from "../../subjects/subject.ts";
import { LexicalError, Lexer } from "./lexer.ts";
import type { Item } from "./lexer.ts";
import type { ConfigNode, MapNode } from "./node.ts";
import { ConfigError, showPosition } from "./diagnostics.ts";
import type { SourcePosition } from "./diagnostics.ts";

/** Where `$NAME` looks when the file does not define it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ConfigError when the file cannot be read or breaks the grammar */
export function parseConfigFile(path: string, env: Environment): MapNode {
  return parseFile(path, { env, openNames: new Set(), openFiles: [] });
}

/**
 * @param name stands for the file in the places of problems; files are included relative to its directory
 * @throws ConfigError
 */
export function parseConfigText(text: string, name: string, env: Environment): MapNode {
  return new Parser(wireFromText(text), name, { env, openNames: new Set(), openFiles: [] }).parse();
}

/** @throws ConfigError that names the file and why it cannot be read */
function readConfigFile(path: string, position: SourcePosition | null): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw errorAt(position, `open ${path}: ${reasonOf(error)}`);
  }
}

function errorAt(position: SourcePosition | null, text: string): ConfigError {
  return new ConfigError([position === null ? text : `${showPosition(position)}: ${text}`]);
}

/** What the parsers of one configuration share. */
interface Session {
  readonly env: Environment;
  /** Environment variables whose text is being parsed, to find one that leads back to itself. */
  readonly openNames: Set<string>;
  /** The chain of files being included, for the same reason. */
  readonly openFiles: readonly string[];
}

interface MapContext {
  readonly kind: "map";
  readonly start: Item;
  readonly entries: Map<string, ConfigNode>;
  /** The key whose value comes next. */
  key: Item | null;
}

interface ArrayContext {
  readonly kind: "array";
  readonly start: Item;
  readonly elements: ConfigNode[];
}

const integerRange = { least: -(2n ** 63n), most: 2n ** 63n - 1n };
const unitPowers = "kmgtpe";
/** The name under which the text of an environment variable is parsed. */
const envKey = "value";

/** @param position where the file is included; null: it is the first */
function parseFile(path: string, session: Session, position: SourcePosition | null = null): MapNode {
  if (session.openFiles.includes(path))
    throw errorAt(position, `file includes itself: ${[...session.openFiles, path].join(" -> ")}`);
  const bytes = readConfigFile(path, position);
  const openFiles = [...session.openFiles, path];
  return new Parser(bytes.toString("latin1"), path, { ...session, openFiles }).parse();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #file: string;
  readonly #session: Session;
  readonly #contexts: (MapContext | ArrayContext)[] = [];

  constructor(wire: string, file: string, session: Session) {
    this.#lexer = new Lexer(wire, file);
    this.#file = file;
    this.#session = session;
  }

  parse(): MapNode {
    const start: Item = { kind: "map-start", text: "", file: this.#file, line: 1, column: 1 };
    const top: MapContext = { kind: "map", start, entries: new Map(), key: null };
    this.#contexts.push(top);
    for (let item = this.#next(); item.kind !== "end"; item = this.#next()) this.#take(item);
    if (top.key !== null) {
      throw errorAt(top.key, `the key "${textFromWire(top.key.text)}" has no value`);
    }
    return { ...placed(start), kind: "map", value: top.entries };
  }

  #next(): Item {
    try {
      return this.#lexer.next();
    } catch (error) {
      if (!(error instanceof LexicalError)) throw error;
      throw errorAt(error.position, error.message);
    }
  }

  #take(item: Item): void {
    switch (item.kind) {
      case "key":
        (this.#contexts.at(-1) as MapContext).key = item;
        return;
      case "map-start":
        this.#contexts.push({ kind: "map", start: item, entries: new Map(), key: null });
        return;
      case "array-start":
        this.#contexts.push({ kind: "array", start: item, elements: [] });
        return;
      case "map-end":
      case "array-end": {
        const context = this.#contexts.pop() as MapContext | ArrayContext;
        const position = placed(context.start);
        return this.#put(
          context.kind === "map"
            ? { ...position, kind: "map", value: context.entries }
            : { ...position, kind: "array", value: context.elements },
        );
      }
      case "variable":
        return this.#put({ ...this.#lookUp(item), ...placed(item) });
      case "include":
        return this.#mergeFile(item);
      default:
        return this.#put(scalarOf(item));
    }
  }

  /** Adds a value where the grammar stands; in a map it takes the place of its key, which is what people look for. */
  #put(node: ConfigNode): void {
    const context = this.#contexts.at(-1) as MapContext | ArrayContext;
    if (context.kind === "array") {
      context.elements.push(node);
      return;
    }
    const key = context.key as Item;
    context.key = null;
    context.entries.set(textFromWire(key.text), { ...node, ...placed(key) });
  }

  /** Innermost map first, then the environment. Only keys that stand before the reference are known. */
  #lookUp(item: Item): ConfigNode {
    const name = textFromWire(item.text);
    // An unquoted bcrypt hash looks like a variable and is none.
    if (/^2(?:a\$|[bxy]\$\d\d\$)/.test(name)) return { ...placed(item), kind: "string", value: `$${name}` };
    for (const context of this.#contexts.toReversed()) {
      const node = context.kind === "map" ? context.entries.get(name) : undefined;
      if (node === undefined) continue;
      node.isReferenced = true;
      return node;
    }
    const found = this.#lookUpEnvironment(name, item);
    if (found === null) {
      throw errorAt(item, `variable reference for '${name}' can not be found`);
    }
    return found;
  }

  #lookUpEnvironment(name: string, item: Item): ConfigNode | null {
    const { env, openNames } = this.#session;
    const failure = (reason: string): ConfigError =>
      errorAt(item, `variable reference for '${name}' could not be parsed: ${reason}`);
    if (openNames.has(name)) throw failure(`variable reference cycle for '${name}'`);
    const text = Object.hasOwn(env, name) ? env[name] : undefined;
    if (text === undefined) return null;
    openNames.add(name);
    try {
      const parser = new Parser(wireFromText(`${envKey}=${text}`), `$${name}`, this.#session);
      return parser.parse().value.get(envKey) ?? null;
    } catch (error) {
      throw error instanceof ConfigError ? failure(error.message) : error;
    } finally {
      openNames.delete(name);
    }
  }

  /** Its keys become keys of the map that the include stands in. */
  #mergeFile(item: Item): void {
    const name = textFromWire(item.text);
    const context = this.#contexts.at(-1) as MapContext;
    const included = parseFile(join(dirname(this.#file), name), this.#session, item);
    for (const [key, node] of included.value) context.entries.set(key, node);
  }
}

function placed(item: Item): { file: string; line: number; column: number; isReferenced: boolean } {
  return { file: item.file, line: item.line, column: item.column, isReferenced: false };
}

function scalarOf(item: Item): ConfigNode {
  const position = placed(item);
  switch (item.kind) {
    case "integer":
      return { ...position, kind: "integer", value: integerOf(item) };
    case "float":
      return { ...position, kind: "float", value: floatOf(item) };
    case "boolean":
      return { ...position, kind: "boolean", value: /^(?:true|on|yes)$/i.test(item.text) };
    case "datetime":
      return { ...position, kind: "datetime", value: datetimeOf(item) };
    default:
      return { ...position, kind: "string", value: textFromWire(item.text) };
  }
}

function integerOf(item: Item): bigint {
  const { text } = item;
  const parts = /^(-?\d+)(?:([kmgtpe])(|b|i|ib))?$/.exec(text.toLowerCase());
  if (parts === null) {
    throw errorAt(
      item,
      `expected integer, but got '${text}': units are k, kb, ki, kib and so on for m, g, t, p, e`,
    );
  }
  const [, digits = "", unit = "", bytes = ""] = parts;
  const power = BigInt(unitPowers.indexOf(unit) + 1);
  const value = BigInt(digits) * (unit === "" ? 1n : (bytes === "" ? 1000n : 1024n) ** power);
  if (value < integerRange.least || value > integerRange.most) {
    throw errorAt(item, `integer '${text}' is out of the range`);
  }
  return value;
}

function floatOf(item: Item): number {
  const value = Number(item.text);
  if (!Number.isFinite(value)) throw errorAt(item, `float '${item.text}' is out of the range`);
  return value;
}

function datetimeOf(item: Item): string {
  const { text } = item;
  const date = new Date(text);
  // An impossible day such as 30 February rolls over into the next month.
  if (Number.isNaN(date.getTime()) || date.toISOString().replace(".000Z", "Z") !== text) {
    throw errorAt(item, `expected Zulu formatted DateTime, but got '${text}'`);
  }
  return text;
}
