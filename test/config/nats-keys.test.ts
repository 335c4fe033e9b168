/** Every key that nats-server 2.15.3 knows (its `opts.go`), and what Frond makes of it. */
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/grammar/diagnostics.ts";
import { load, problemsOf } from "./helper.ts";
import { keyLists, wordsOf, type KeyList } from "./nats-keys.ts";

type Verdict = "supported" | "ignored" | "refused";

const verdicts: readonly Verdict[] = ["supported", "ignored", "refused"];

describe.each(Object.entries(keyLists))("%s", (_name, list) => {
  for (const verdict of verdicts) {
    test.each(wordsOf(list[verdict]))(`%s is ${verdict}`, (key) =>
      expect(verdictOf(list.wrap, key)).toBe(verdict),
    );
  }

  test("a key that nats-server does not know either is an error by name", () => {
    for (const key of ["authorisation", "max_pendin", "tlss"])
      expect(problemsOf(list.wrap(`${key}: 1`)).join("\n")).toMatch(
        new RegExp(`unknown field (name )?"${key}"`, "i"),
      );
  });
});

/** No key takes a date: one that is supported says so, and another says what it is. */
function verdictOf(wrap: KeyList["wrap"], key: string): Verdict | "unknown" {
  const { problems, warnings } = readingOf(wrap(`${key}: 2016-05-04T18:53:41Z`));
  if (/unknown field/i.test(problems)) return "unknown";
  if (problems.includes(`"${key}" is not supported by Frond yet`)) return "refused";
  if (warnings.includes(`"${key}" is ignored`)) return "ignored";
  return problems === "" ? "unknown" : "supported";
}

function readingOf(text: string): { problems: string; warnings: string } {
  try {
    return { problems: "", warnings: load(text).warnings.join("\n") };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { problems: error.diagnostics.join("\n"), warnings: error.warnings.join("\n") };
  }
}

const blocksOfOtherKinds: readonly [string, string][] = [
  [
    "cluster",
    `name listen port host net authorization routes tls cluster_advertise advertise no_advertise connect_retries
     connect_backoff permissions pool_size accounts compression ping_interval ping_max write_deadline write_timeout`,
  ],
  [
    "gateway",
    `name listen port host net authorization tls advertise connect_retries connect_backoff gateways reject_unknown
     reject_unknown_cluster write_deadline write_timeout ping_interval ping_max`,
  ],
  [
    "mqtt",
    `listen port host net tls authorization authentication no_auth_user ack_wait ackwait js_api_timeout api_timeout
     max_ack_pending max_pending max_inflight js_domain stream_replicas consumer_replicas consumer_memory_storage
     consumer_inactive_threshold consumer_auto_cleanup reject_qos2_publish downgrade_qos2_subscribe`,
  ],
];

describe.each(blocksOfOtherKinds)("%s, which takes no effect", (block, keys) => {
  test.each(wordsOf(keys))("%s is known", (key) => {
    expect(problemsOf(`${block} { ${key}: {} }`).join("\n")).not.toMatch(/unknown field/);
  });

  test("a key that nats-server does not know either is an error by name", () => {
    expect(problemsOf(`${block} { colour: blue }`)).toContainEqual(
      expect.stringContaining('unknown field "colour"'),
    );
  });
});

test.each([
  "authorisation { token: t }",
  "autorization { token: t }",
  "acounts { A { users: [{ user: a, password: b }] } }",
  "no_auth_usr: a",
])("no broker starts open because %s was misspelt", (text) => {
  expect(problemsOf(text)).toContainEqual(expect.stringContaining("unknown field"));
});
