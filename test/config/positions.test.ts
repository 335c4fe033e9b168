/** Every error of a configuration says where: file, line and column. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadOptions } from "../../src/config/load.ts";
import { refusal, writeFiles } from "./helper.ts";
import { keyLists, wordsOf } from "./nats-keys.ts";

const file = join(writeFiles({ "a.conf": "" }), "a.conf");

/** @returns the problems that do not begin with a line and a column of the file */
function withoutPlace(text: string): string[] {
  writeFileSync(file, text);
  const problems = refusal(() => loadOptions({ file, env: {} }));
  const lines = text.split("\n");
  return problems.filter((problem) => {
    const [, line, column] = /^(\d+):(\d+): [^]/.exec(problem.replace(`${file}:`, "")) ?? [];
    if (line === undefined || column === undefined) return true;
    const width = Buffer.byteLength(lines[Number(line) - 1] ?? "");
    return Number(line) > lines.length || Number(column) < 1 || Number(column) > width + 1;
  });
}

const values = [
  "5",
  "-1",
  "99999999999999999999",
  "1.5",
  "1e999.5",
  "true",
  "word",
  '"two words"',
  "[]",
  '["a", 5, {}]',
  "{}",
  "{ a: 1 }",
  "[{}]",
  "2016-05-04T18:53:41Z",
  "2016-02-30T18:53:41Z",
  "$nowhere",
  '"\\q"',
  "",
];

describe.each(Object.entries(keyLists))("%s", (_block, { wrap, supported, ignored, refused }) => {
  test("has a place for every value that it does not take", () => {
    for (const key of [...wordsOf(supported), ...wordsOf(ignored), ...wordsOf(refused), "colour"])
      for (const value of values) expect(withoutPlace(`\n${wrap(`${key}: ${value}`)}`)).toEqual([]);
  });
});

const together = [
  "max_payload: 2MB\nmax_pending: 1MB",
  'lame_duck_duration: "30s"\nlame_duck_grace_period: "40s"',
  "client_advertise: 'a b'",
  "\nno_auth_user: a",
  "no_auth_user: a\nauthorization { users: [{ user: b, password: c }] }",
  "system_account: NOPE",
  "jetstream: true\naccounts { $SYS { jetstream: true } }",
  "tls {}",
  "https: 8443",
  "http: 8222\nhttps: 8443",
  "websocket { port: 80 }",
  "websocket { port: 80, tls {} }",
  "websocket { port: 80, no_tls: true, allowed_origins: ['ftp://a'] }",
  "websocket { port: 80, no_tls: true, jwt_cookie: a }",
  "websocket { port: 80, no_tls: true, no_auth_user: a }",
  "websocket { port: 80, no_tls: true, headers { Host: a, Sec-WebSocket-X: b, 'c d': e } }",
  "websocket { port: 80, no_tls: true, authorization { user: a } }\nauthorization { users: [{ user: b }] }",
  "authorization { token: t }\naccounts { A { users: [{ user: a }] } }",
  "authorization { users: [{ user: a }, { user: a }] }",
  "leafnodes { port: 7422, advertise: 'a b' }",
  "leafnodes { port: 7422, authorization { account: NOPE } }",
  "leafnodes { port: 7422, tls {} }",
  "leafnodes { remotes: [{ url: a, account: NOPE }, { url: a, account: NOPE }, {}] }",
  "leafnodes { remotes: [{ url: a, forward { up: [x] } }] }",
  "jetstream: true\nleafnodes { remotes: [{ url: a, forward { up: [x] } }] }",
  "include nowhere.conf",
  "include a.conf",
  "a",
];

test.each(together)("a check of more than one key has a place: %j", (text) => {
  writeFileSync(file, text);
  expect(refusal(() => loadOptions({ file, env: {} }))).not.toEqual([]);
  expect(withoutPlace(text)).toEqual([]);
});

test("text that breaks the grammar anywhere has a place", () => {
  const whole = `# ü
server_name: "a\\tb", port = 4222
authorization {
  users [ { user: $NAME, password: 'x' }, { nkey: (
raw
)
 } ]
}
max_payload: 1MB; write_deadline: "2s"
include other.conf
`;
  fc.assert(
    fc.property(
      fc.nat(whole.length),
      fc.nat(6),
      fc.constantFrom(
        "",
        "{",
        "}",
        "[",
        "]",
        "(",
        '"',
        "'",
        "\n",
        "=",
        ",",
        "\\",
        "$",
        "/",
        "\0",
        "-",
        ".",
        "é",
      ),
      (at, length, put) => withoutPlace(whole.slice(0, at) + put + whole.slice(at + length)).length === 0,
    ),
    { numRuns: 500 },
  );
});
