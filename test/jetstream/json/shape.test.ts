import { describe, expect, test } from "vitest";
import {
  decode,
  durations,
  enumeration,
  object,
  objects,
  string,
  bool,
  int32,
  map,
  strings,
  time,
  uint64,
} from "../../../src/jetstream/json/shape.ts";
import { JsonError } from "../../../src/jetstream/json/json-parser.ts";

const inner = { name: string, count: uint64 };
const shape = object(
  "Request",
  {
    text: string,
    flag: bool,
    small: int32,
    big: uint64,
    at: time,
    list: strings,
    waits: durations,
    words: map,
    kind: enumeration(["one", "two"], { aliases: { uno: "one" } }),
    loud: enumeration(["old", "new"], { anyCase: true }),
    part: object("Part", inner),
    parts: objects("Part", inner),
  },
  { name: "Config", fields: { text: string } },
);

function read(text: string, strict = true): unknown {
  try {
    return decode(text, shape, strict);
  } catch (error) {
    if (error instanceof JsonError) return error.message;
    throw error;
  }
}

describe("what can be read", () => {
  const cases: [string, object][] = [
    ["", {}],
    ["  \n", {}],
    ["null", {}],
    ["{}", {}],
    ['{"text":"ä\\u00e4\\n"}', { text: "ää\n" }],
    ['{"TEXT":"a","Flag":true}', { text: "a", flag: true }],
    ['{"text":"a","text":"b"}', { text: "b" }],
    ['{"text":null,"part":null}', {}],
    ['{"big":18446744073709551615}', { big: 18_446_744_073_709_552_000 }],
    ['{"small":-2147483648}', { small: -2_147_483_648 }],
    ['{"at":"2024-01-02T03:04:05.5Z"}', { at: "2024-01-02T03:04:05.5Z" }],
    ['{"list":["a",null],"waits":[1,2]}', { list: ["a", ""], waits: [1, 2] }],
    [
      '{"words":{"a":"b","__proto__":"c"}}',
      {
        words: Object.fromEntries([
          ["a", "b"],
          ["__proto__", "c"],
        ]),
      },
    ],
    ['{"kind":"uno","loud":"NEW"}', { kind: "one", loud: "new" }],
    ['{"part":{"name":"a"},"parts":[{"count":1},{}]}', { part: { name: "a" }, parts: [{ count: 1 }, {}] }],
    ['{"text":"a"} {"flag":true}', { text: "a", flag: true }],
  ];
  test.each(cases)("%j", (text, expected) => expect(read(text)).toEqual(expected));

  test("unknown fields, where they are let pass", () => {
    expect(read('{"foo":{"bar":[1]},"text":"a"}', false)).toEqual({ text: "a" });
  });
});

describe("what can not, in Go's words", () => {
  const cases: [string, string][] = [
    ["{", "unexpected EOF"],
    ['{"text":"a', "unexpected EOF"],
    ["x", "invalid character 'x' looking for beginning of value at offset 1"],
    ["{text:1}", "invalid character 't' looking for beginning of object key string at offset 2"],
    ['{"text" 1}', "invalid character '1' after object key at offset 9"],
    ['{"text":1 2}', "invalid character '2' after object key:value pair at offset 11"],
    ['{"list":[1 2]}', "invalid character '2' after array element at offset 12"],
    ['{"flag":tru}', "invalid character '}' in literal true (expecting 'e') at offset 12"],
    ['{"big":-}', "invalid character '}' in numeric literal at offset 9"],
    ['{"big":1.}', "invalid character '}' after decimal point in numeric literal at offset 10"],
    ['{"text":"\\x"}', "invalid character 'x' in string escape code at offset 11"],
    ['{"text":"\n"}', "invalid character '\\n' in string literal at offset 10"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string at offset 2"],
    ['{"text":"a"} x', "invalid character 'x' looking for beginning of value at offset 14"],
    ['{"foo":1}', 'json: unknown field "foo"'],
    ["[]", "json: cannot unmarshal array into Go value of type server.Request"],
    ['"a"', "json: cannot unmarshal string into Go value of type server.Request"],
    ['{"text":1}', "json: cannot unmarshal number into Go struct field Request.Config.text of type string"],
    ['{"flag":"a"}', "json: cannot unmarshal string into Go struct field Request.flag of type bool"],
    [
      '{"small":2147483648}',
      "json: cannot unmarshal number 2147483648 into Go struct field Request.small of type int32",
    ],
    ['{"big":-1}', "json: cannot unmarshal number -1 into Go struct field Request.big of type uint64"],
    ['{"big":1.5}', "json: cannot unmarshal number 1.5 into Go struct field Request.big of type uint64"],
    ['{"list":"a"}', "json: cannot unmarshal string into Go struct field Request.list of type []string"],
    [
      '{"part":{"count":"a"}}',
      "json: cannot unmarshal string into Go struct field Part.part.count of type uint64",
    ],
    ['{"kind":"three"}', 'can not unmarshal "\\"three\\""'],
    [
      '{"at":"yesterday"}',
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    ['{"at":1}', "Time.UnmarshalJSON: input is not a JSON string"],
  ];
  test.each(cases)("%j", (text, problem) => expect(read(text)).toBe(problem));

  test("read whole, errors have no place, and there is one value", () => {
    expect(read("", false)).toBe("unexpected end of JSON input");
    expect(read("{n}", false)).toBe("invalid character 'n' looking for beginning of object key string");
    expect(read("{} {}", false)).toBe("invalid character '{' after top-level value");
  });

  test("however deep it is", () => {
    expect(read("[".repeat(100_000))).toBe("invalid character '[' exceeded max depth at offset 10001");
    expect(read('{"a":'.repeat(20_000))).toBe("invalid character '{' exceeded max depth at offset 50001");
    expect(read('[ {"a\\"" : '.repeat(6_000))).toBe(
      "invalid character '[' exceeded max depth at offset 55001",
    );
    expect(read("[".repeat(9_999))).toBe("unexpected EOF");
    expect(read('{"a":'.repeat(9_999))).toBe("unexpected EOF");
  });
});
