import { describe, expect, test } from "vitest";
import { JsonFieldError, JsonFields } from "../../src/base/json-fields.ts";

const read = (json: string): JsonFields => JsonFields.parse(json);

describe("fields of a JSON object", () => {
  test("are read by type, and absent ones are as the reader says", () => {
    const fields = read('{"s":"text","f":true,"n":-7,"l":["a","b"],"o":{"s":"inner"}}');
    expect([fields.text("s"), fields.flag("f"), fields.integer("n")]).toEqual(["text", true, -7]);
    expect([fields.texts("l"), fields.object("o")?.text("s"), fields.has("s")]).toEqual([
      ["a", "b"],
      "inner",
      true,
    ]);
    expect([fields.text("x", "kept"), fields.flag("x"), fields.integer("x", 3)]).toEqual(["kept", false, 3]);
    expect([fields.texts("x"), fields.object("x"), fields.has("x")]).toEqual([null, null, false]);
  });

  test("match in any case, and of several the last that is not null counts", () => {
    expect(read('{"Name":"a","NAME":"b","name":null}').text("name")).toBe("b");
  });

  test.each([
    ["", "not valid JSON"],
    ["{", "not valid JSON"],
    ["null", "not a JSON object"],
    ["[]", "not a JSON object"],
    ['"a"', "not a JSON object"],
  ])("%j is refused as a whole", (json, text) => {
    expect(() => read(json)).toThrow(new JsonFieldError(text));
  });

  test.each<[string, (fields: JsonFields) => unknown, string]>([
    ["5", (fields) => fields.text("x"), "x must be a string"],
    ['"true"', (fields) => fields.flag("x"), "x must be true or false"],
    ["1.5", (fields) => fields.integer("x"), "x must be a whole number"],
    ['"1"', (fields) => fields.integer("x"), "x must be a whole number"],
    ['"a"', (fields) => fields.texts("x"), "x must be an array of strings"],
    ['["a",1]', (fields) => fields.texts("x"), "x must be an array of strings"],
    ["[]", (fields) => fields.object("x"), "x must be an object"],
  ])("a value %s of another type is refused by the field's name", (value, ask, text) => {
    expect(() => ask(read(`{"x":${value}}`))).toThrow(new JsonFieldError(text));
  });
});
