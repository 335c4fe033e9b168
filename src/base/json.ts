/** JSON as Go writes it, so that what compares or searches the text of nats-server's answers finds the same here. */

/** What Go's `encoding/json` escapes beyond the standard, to be safe within HTML and JavaScript. */
const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** @param indented by two spaces */
export function encodeJson(value: unknown, indented: boolean): string {
  const text = indented ? JSON.stringify(value, null, 2) : JSON.stringify(value);
  // None of these occurs in JSON but inside strings.
  return text.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] as string);
}
