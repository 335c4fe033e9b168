import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCommandLine } from "../../src/config/flags.ts";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { parseConfigText } from "../../src/config/grammar/parser.ts";
import { ConfigError } from "../../src/config/grammar/diagnostics.ts";
import { configDigest } from "../../src/config/digest.ts";
import { plain } from "./helper.ts";
import { processorMs } from "../fixture/processor-time.ts";

/** Pieces that mean something to the grammar, so that what is drawn gets past the first character. */
const pieces = [
  [
    "a",
    "port",
    "users",
    "authorization",
    "accounts",
    "tls",
    "websocket",
    "mappings",
    "permissions",
    "publish",
  ],
  [
    "=",
    ":",
    " ",
    "\t",
    "\n",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    ";",
    "'",
    '"',
    "#",
    "//",
    "/",
    "(",
    "\n)\n",
    "\\",
  ],
  [
    "1",
    "-",
    "4222",
    "1.5",
    ".",
    "10k",
    "5mib",
    "9e",
    "2016-05-04T18:53:41Z",
    "127.0.0.1:80",
    "1h",
    "\\x41",
    "\\n",
  ],
  [
    "$a",
    "$X",
    "$2a$11$x",
    "true",
    "off",
    "include ",
    "x.conf",
    "é",
    "\u00a0",
    "\u2028",
    "\0",
    "\ufeff",
    "\ud800",
  ],
].flat();
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join("")),
);
const env = { X: "{ a: $Y, b: [1, 2] }", Y: "y" };

/** @returns whether it ran through; anything thrown but a ConfigError fails the test */
function survives(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.diagnostics.length).toBeGreaterThan(0);
    return false;
  }
}

describe("whatever it is given", () => {
  test("the parser ends, with a map or with a ConfigError", () => {
    fc.assert(
      fc.property(text, (given) => {
        survives(() => configDigest(parseConfigText(given, "a.conf", env)));
      }),
      { numRuns: 3_000 },
    );
  });

  test("so do the options made from it", () => {
    fc.assert(
      fc.property(text, (config) => {
        survives(() => optionsFromObject({ config }, env));
      }),
      { numRuns: 2_000 },
    );
  });

  test("and from an object", () => {
    const keys = [
      "port",
      "users",
      "tls",
      "websocket",
      "monitor",
      "accounts",
      "log",
      "mappings",
      "pingInterval",
      "foo",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.anything()), (given) => {
        survives(() => optionsFromObject(given, {}));
      }),
      { numRuns: 1_000 },
    );
  });

  test("and the command line is read", () => {
    const words = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "-p",
        "-p=1",
        "--",
        "-",
        "-D",
        "-c",
        "explain",
        "-t",
        "-sl",
        "help",
        "a.b",
        "--url",
        "-js",
      ),
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 6 }), (argv) => {
        expect(parseCommandLine(argv).command).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });
});

test("JSON means the same in it", () => {
  const key = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
  const scalar = fc.oneof(fc.boolean(), fc.integer(), fc.stringMatching(/^[a-zA-Z0-9 .:>*/é€-]{0,12}$/));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { maxKeys: 5 }),
      fc.constantFrom(undefined, 2),
      (object, indent) => {
        const json = JSON.stringify(object, null, indent);
        expect(plain(parseConfigText(json, "a.conf", {}))).toEqual(JSON.parse(json));
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a long file on one line takes no longer than on many", () => {
  const entries = Array.from({ length: 20_000 }, (_, at) => `key${at}: { a: [1, 2], b: "text" }`);
  const parsed = (text: string): ReturnType<typeof parseConfigText> => parseConfigText(text, "a.conf", {});
  const took = processorMs(() => {
    const one = parsed(`{ ${entries.join(", ")} }`);
    expect(one.value.size).toBe(20_000);
    expect(configDigest(one)).toBe(configDigest(parsed(entries.join("\n"))));
  });
  // A square of the length would take minutes.
  expect(took).toBeLessThan(20_000);
});
