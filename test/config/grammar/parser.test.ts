import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { configDigest } from "../../../src/config/digest.ts";
import { parseConfigFile, parseConfigText } from "../../../src/config/grammar/parser.ts";
import type { MapNode } from "../../../src/config/grammar/node.ts";
import { parsed, plain, refusal, writeFiles } from "../helper.ts";

function parse(text: string): MapNode {
  return parseConfigText(text, "a.conf", {});
}

describe("keys and separators", () => {
  const cases: [string, unknown][] = [
    ["a = 1", { a: 1 }],
    ["a: 1", { a: 1 }],
    ["a 1", { a: 1 }],
    ["a\t=\t1", { a: 1 }],
    ["a=1;b=2", { a: 1, b: 2 }],
    ["a=1, b=2", { a: 1, b: 2 }],
    ["a { b 1 }", { a: { b: 1 } }],
    ["a {\n b: 1\n c: 2\n}", { a: { b: 1, c: 2 } }],
    ["a {\n b\n :\n 1\n}", { a: { b: 1 } }],
    ["a { b: 1, c: 2; d: 3, }", { a: { b: 1, c: 2, d: 3 } }],
    ["{ a: 1, b: { c: [1, 2] } }", { a: 1, b: { c: [1, 2] } }],
    ['{"a": "x", "b": [true, 1.5]}', { a: "x", b: [true, 1.5] }],
    ["'quoted key': 1", { "quoted key": 1 }],
    ['"dotted.key" = 1', { "dotted.key": 1 }],
    ["a: 1\na: 2", { a: 2 }],
    ["a: 1\n}", { a: 1 }],
    ["a: 1 }\n# the end\n", { a: 1 }],
    ["", {}],
    ["\n\n  # nothing\n// here\n", {}],
    ["a: 1\r\nb: 2\r\n", { a: 1, b: 2 }],
    ["\ufeffa: 1", { a: 1 }],
    ["a:\u00a0{}", { a: "\u00a0{" }],
    ["a\u2003= 1", { a: 1 }],
    ["a:", { a: "" }],
    ["a: ,b: 1", { a: "", b: 1 }],
  ];
  test.each(cases)("%j", (text, expected) => {
    expect(parsed(text)).toEqual(expected);
  });
});

describe("values", () => {
  const cases: [string, unknown][] = [
    ["1", 1],
    ["-7", -7],
    ["0", 0],
    ["1.5", 1.5],
    ["-0.25", -0.25],
    ["8k", 8_000],
    ["8kb", 8_192],
    ["8Ki", 8_192],
    ["8KiB", 8_192],
    ["2m", 2_000_000],
    ["2MB", 2_097_152],
    ["1g", 1e9],
    ["1gib", 2 ** 30],
    ["3t", 3e12],
    ["3ti", 3 * 2 ** 40],
    ["1p", 1e15],
    ["1pb", 2 ** 50],
    ["1e", 1e18],
    ["-1k", -1000],
    ["true", true],
    ["Yes", true],
    ["ON", true],
    ["false", false],
    ["no", false],
    ["Off", false],
    ["trueish", "trueish"],
    ["2016-05-04T18:53:41Z", new Date("2016-05-04T18:53:41Z")],
    ["2s", "2s"],
    ["1h30m", "1h30m"],
    ["500ms", "500ms"],
    ["1m30s", "1m30s"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1:4222", "127.0.0.1:4222"],
    ["10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"],
    ["0.0.0.0:-1", "0.0.0.0:-1"],
    ["nats://a:b@host:4222/x#y?z{", "nats://a:b@host:4222/x#y?z{"],
    ["5kabc", "5kabc"],
    ["ab\\x41\\t", "abA\t"],
    ["it'", "it"],
    ["it's", "refused"],
    ['"a b # c // d"', "a b # c // d"],
    ['"tab\\tnew\\nquote\\"back\\\\x\\x41"', 'tab\tnew\nquote"back\\xA'],
    ['"\\xe2\\x82\\xac"', "€"],
    ["'raw \\t \"x\"'", 'raw \\t "x"'],
    ['"two\nlines"', "two\nlines"],
    ['"$notavariable"', "$notavariable"],
    [
      "$2a$11$W2zko751KUvVy59mUTWmpOdWjpEm5qhcCZRd05GjI/sSOT.xtiHyG",
      "$2a$11$W2zko751KUvVy59mUTWmpOdWjpEm5qhcCZRd05GjI/sSOT.xtiHyG",
    ],
    ["(\none\n  two ) (\n)\n", "\none\n  two ) (\n"],
    ["(\r\none\r\n)\r\n", "\r\none\r\n"],
    ["$2b$12$abcdefghijklmnopqrstuv", "$2b$12$abcdefghijklmnopqrstuv"],
    ["grün", "grün"],
    ["[]", []],
    ["[1]", [1]],
    ["[1, 2,]", [1, 2]],
    ["[1\n2\n]", [1, 2]],
    ["[ # why\n a // b\n , b\n]", "refused"],
    ["[a # why\n b // b\n c]", ["a", "b", "c"]],
    ["[{a: 1}, {a: 2}]", [{ a: 1 }, { a: 2 }]],
    ["[[1], [2, [3]]]", [[1], [2, [3]]]],
    ["{}", {}],
    ["{ # c\n b: 1 // d\n # e\n}", { b: 1 }],
  ];
  test.each(cases)("%j", (text, expected) => {
    if (expected === "refused") expect(() => parsed(`a: ${text}`)).toThrow();
    else expect(parsed(`a: ${text}`)).toEqual({ a: expected });
  });

  test("an integer keeps all of its 64 bits", () => {
    const most = parse("a: 9223372036854775807").value.get("a");
    expect(most?.value).toBe(9223372036854775807n);
    expect(parse("a: 7eb").value.get("a")?.value).toBe(7n * 2n ** 60n);
  });
});

describe("what breaks the grammar is refused, with its line", () => {
  const cases: [string, RegExp][] = [
    ["a: 1\n: 2", /^a\.conf:2:\d+: unexpected key separator/],
    ["a: 1 b", /^a\.conf:1:\d+: expected a new line after a value, but got "b"$/],
    ["a:\n1", /^a\.conf:1:\d+: expected a value but found a new line$/],
    ["a: {", /a map is not closed/],
    ["a: { b: 1", /expected a new line, "," or "}" after a value, but got the end of the file/],
    ["a: { b", /a map is not closed/],
    ["a: { b }", /expected a value but found "}"/],
    ["a: { b: 1 c: 2 }", /after a value, but got "c"/],
    ["a: [1, , 2]", /unexpected ","/],
    ["a: [1 2]", /expected "," or "]" after a value, but got "2"/],
    ["a: [1", /after a value, but got the end of the file/],
    ["a: [1,", /an array is not closed/],
    ["a: { b: 1 ]", /after a value, but got "]"/],
    ["a: [1 }", /after a value, but got "}"/],
    ["]", /unexpected "]" where a key should be/],
    ["a: 1\n\n/ no comment", /^a\.conf:3:\d+: unexpected "\/"/],
    ["a: 1\n} b: 2", /^a\.conf:2:1: unexpected "}"/],
    ["'abc", /a quote is not closed/],
    ['a: "abc\n', /^a\.conf:1:\d+: a quote is not closed/],
    ["a: 'abc", /a quote is not closed/],
    ["a: (\nabc\n", /a block is not closed/],
    ["a: (abc)\n", /a block is not closed/],
    ['a: "\\q"', /invalid escape "\\\\q"/],
    ['a: "\\x4"', /expected two hexadecimal digits/],
    ['a: "\\', /invalid escape/],
    ["a: .5", /a number starts with a digit/],
    ["a: 1.", /expected a digit after "\."/],
    ["a: -x", /expected a digit after "-"/],
    ["a: 2016-05-04", /a date is written/],
    ["a: 12-34", /a date is written/],
    ["a: 2016-02-30T00:00:00Z", /^a\.conf:1:4: expected Zulu formatted DateTime/],
    ["a: 9223372036854775808", /^a\.conf:1:4: integer '9223372036854775808' is out of the range$/],
    ["a: 10e\nb: 1", /^a\.conf:1:4: integer '10e' is out of the range$/],
    ["a: 5kbb", /^a\.conf:1:4: expected integer, but got '5kbb'/],
    ["a: 1\nb", /^a\.conf:2:1: the key "b" has no value$/],
    ["a\0b: 1", /NUL/],
    ["a: $b", /^a\.conf:1:5: variable reference for 'b' can not be found$/],
    ["a: { x: 1 }\nb: $x", /^a\.conf:2:5: variable reference for 'x' can not be found$/],
    ["include", /^a\.conf:1:1: the key "include" has no value/],
    ["include ", /expected the path of a file/],
    ["include {", /expected the path of a file/],
    ["include 'x", /a quote is not closed/],
  ];
  test.each(cases)("%j", (text, problem) => {
    const problems = refusal(() => parse(text));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
});

test("what is too large or too deep is refused", () => {
  expect(refusal(() => parse(`a: ${"9".repeat(400)}.5`))[0]).toMatch(
    /^a\.conf:1:4: float '.*' is out of the range$/,
  );
  for (const opener of ["[", "{a: ", "{\n"]) {
    const problem = refusal(() => parse(`${opener === "[" ? "a: " : ""}${opener.repeat(300)}`))[0];
    expect(problem).toMatch(/nested more than 200 deep/);
  }
  expect(parsed(`a: ${"[".repeat(150)}${"]".repeat(150)}`)).toBeDefined();
});

describe("variables", () => {
  test("are looked up from the innermost map outwards", () => {
    const text = "x: 1\na { x: 2, b { c: $x }, d: [$x, { e: $x }] }\nf: $x";
    expect(parsed(text)).toEqual({ x: 1, a: { x: 2, b: { c: 2 }, d: [2, { e: 2 }] }, f: 1 });
  });

  test("may stand for a whole map or array", () => {
    expect(parsed("p: { publish: a }\nusers: [{ permissions: $p }]\nq: $users")).toEqual({
      p: { publish: "a" },
      users: [{ permissions: { publish: "a" } }],
      q: [{ permissions: { publish: "a" } }],
    });
  });

  test("must be defined before", () => {
    expect(refusal(() => parse("a: $b\nb: 1"))).toEqual([
      "a.conf:1:5: variable reference for 'b' can not be found",
    ]);
  });

  test("come from the environment, parsed as values, when the file has none", () => {
    const env = {
      N: "4222",
      S: "'a b'",
      T: "true",
      M: "{ a: [1, 2] }",
      U: "$N",
      SIZE: "2mb",
      EMPTY: "",
      H: "$2a$11$x",
    };
    expect(parsed("n: $N\ns: $S\nt: $T\nm: $M\nu: $U\nsize: $SIZE\nempty: $EMPTY\nh: $H", env)).toEqual({
      n: 4222,
      s: "a b",
      t: true,
      m: { a: [1, 2] },
      u: 4222,
      size: 2_097_152,
      empty: "",
      h: "$2a$11$x",
    });
    expect(parsed("N: 1\na: $N", env)).toEqual({ N: 1, a: 1 });
  });

  test("from the environment that can not be parsed, or lead in a circle, are refused", () => {
    const env = { BAD: "a b", A: "$B", B: "$A", C: "$NOWHERE" };
    expect(refusal(() => parseConfigText("x: $BAD", "a.conf", env))[0]).toMatch(
      /^a\.conf:1:5: variable reference for 'BAD' could not be parsed: \$BAD:1:\d+: expected a new line/,
    );
    expect(refusal(() => parseConfigText("\nx: $A", "a.conf", env))[0]).toMatch(
      /^a\.conf:2:5: variable reference for 'A' .* variable reference cycle for 'A'$/,
    );
    expect(refusal(() => parseConfigText("x: $C", "a.conf", env))[0]).toMatch(
      /^a\.conf:1:5: .*'NOWHERE' can not be found/,
    );
    expect(refusal(() => parseConfigText("x: $toString", "a.conf", {}))[0]).toMatch(/can not be found/);
  });

  test("mark what they refer to", () => {
    const map = parse("used: 1\nunused: 2\na: $used");
    expect(map.value.get("used")?.isReferenced).toBe(true);
    expect(map.value.get("unused")?.isReferenced).toBe(false);
    expect(map.value.get("a")?.isReferenced).toBe(false);
  });
});

describe("includes", () => {
  test("are relative to the file they stand in, and merged where they stand", () => {
    const directory = writeFiles({
      "main.conf": "a: 1\ninclude 'sub/one.conf'\nb { include sub/two.conf\n c: 3 }\nlate: 2",
      "sub/one.conf": 'a: 2\nlate: 1\ninclude "deeper/three.conf"',
      "sub/two.conf": "c: 1\nd: $outer",
      "sub/deeper/three.conf": "three: 3",
    });
    const map = parseConfigFile(join(directory, "main.conf"), { outer: "5" });
    expect(plain(map)).toEqual({ a: 2, late: 2, three: 3, b: { c: 3, d: 5 } });
    expect(map.value.get("three")).toMatchObject({
      file: join(directory, "sub/deeper/three.conf"),
      line: 1,
      column: 1,
    });
  });

  test("see no variables of the including file, and give theirs to it", () => {
    const directory = writeFiles({
      "a.conf": "x: 1\ninclude b.conf\n",
      "b.conf": "y: $x",
      "c.conf": "include d.conf\nport: $p; include 'e.conf'; include e.conf;",
      "d.conf": "p: 4333",
      "e.conf": "z: 1",
    });
    expect(refusal(() => parseConfigFile(join(directory, "a.conf"), {}))).toEqual([
      `${join(directory, "b.conf")}:1:5: variable reference for 'x' can not be found`,
    ]);
    expect(plain(parseConfigFile(join(directory, "c.conf"), {}))).toEqual({ p: 4333, port: 4333, z: 1 });
  });

  test("that are missing, broken or circular are refused", () => {
    const directory = writeFiles({
      "missing.conf": "include nowhere.conf",
      "broken.conf": "include bad.conf",
      "bad.conf": "\na: [1",
      "self.conf": "include other.conf",
      "other.conf": "include self.conf",
    });
    const refused = (name: string): string =>
      refusal(() => parseConfigFile(join(directory, name), {}))[0] as string;
    expect(refused("missing.conf")).toBe(
      `${join(directory, "missing.conf")}:1:9: open ${join(directory, "nowhere.conf")}: no such file or directory`,
    );
    expect(refused("broken.conf")).toMatch(/bad\.conf:2:6: expected "," or "]"/);
    expect(refused("self.conf")).toMatch(
      /other\.conf:1:9: file includes itself: .*self\.conf -> .*other\.conf -> .*self\.conf$/,
    );
    expect(refused("none.conf")).toMatch(/^open .*none\.conf: no such file or directory$/);
    expect(refused(".")).toMatch(/is a directory$/);
  });
});

test("places are counted from 1, in lines and in bytes", () => {
  const map = parse(
    'first: 1\n  second: "x"\n\tthird { inner: [ a,\n   b ] }\n"quoted": 1\ngrün: 1, after: 2',
  );
  const place = (key: string): unknown => {
    const node = map.value.get(key);
    return [node?.line, node?.column];
  };
  expect(place("first")).toEqual([1, 1]);
  expect(place("second")).toEqual([2, 3]);
  expect(place("third")).toEqual([3, 2]);
  expect(place("quoted")).toEqual([5, 2]);
  expect(place("after")).toEqual([6, 11]);
  const third = map.value.get("third");
  const inner = third?.kind === "map" ? third.value.get("inner") : undefined;
  expect(inner).toMatchObject({ line: 3, column: 10 });
  const elements = inner?.kind === "array" ? inner.value : [];
  expect(elements.map(({ line, column }) => [line, column])).toEqual([
    [3, 19],
    [4, 4],
  ]);
});

test("the digest is nats-server's", () => {
  const digests: [string, string][] = [
    ["a = [1 ]", "af66e39a425017cd0ac450336908f445bbe0b84ff06991b9310eec01f6b485b5"],
    ['"', "refused"],
    ["a (\nfoo\n)\n", "085bf5372a9f0e1426a98e28abe44b23c58ef257a4f69af3176c339d83de4e0d"],
    ["a: 1\nb {c: $a}", "abe636c218a94f2f8c5fe79ba1e1c5cc7116e928ef383ebb5b52fbdcc9e742ec"],
    ["", "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"],
  ];
  for (const [text, digest] of digests) {
    if (digest === "refused") expect(() => parse(text)).toThrow();
    else expect(configDigest(parse(text))).toBe(`sha256:${digest}`);
  }
  // The order of keys does not matter, nor does how a value is written.
  expect(configDigest(parse("b: 1k\na: 'x'"))).toBe(configDigest(parse('{"a": "x", "b": 1000}')));
  expect(configDigest(parse("a: '<&>\u2028'"))).not.toBe(configDigest(parse("a: '<&>'")));
});
