/**
 * Words that readers of NATS and of networking code would not know, and those that they do. An identifier is taken
 * apart at its capitals; a file name at its hyphens.
 */
import { describe, expect, it } from "vitest";
import { holdRules, readAll, type Rule, stripped, type Violation } from "./source-files.ts";

/** What to write instead; a pair of words counts where both stand side by side. */
const replacements: Readonly<Record<string, string>> = {
  crowded: "above its high-water mark",
  relief: "drain",
  outlet: "delivery",
  telling: "advisories",
  cohort: "fan-out group",
  nearness: "near miss",
  finding: "explanation",
  intake: "appender",
  ingest: "publish handler",
  incoming: "inbound message",
  door: "listener",
  gate: "authorizer, or handshaker",
  solicit: "dial",
  solicited: "dialed",
  solicitor: "dialing remote",
  solicitation: "dialing",
  acceptance: "accepting",
  removals: "removal overlay",
  orders: "mailbox",
  turn: "delivery budget, or event-loop iteration",
  pace: "rate limiter",
  room: "quota, or capacity",
  copies: "sourcing",
  places: "positions",
  problems: "diagnostics",
  terms: "settings",
  "shared run": "shared buffer",
  "durable answers": "commit-gated replies",
  "hold back": "stall",
  "message draft": "message",
};

/** Identifiers that are Node's, or that stand in the JSON of `/explainz`. */
const allowed: readonly string[] = ["IncomingHttpHeaders", "IncomingMessage", "findings"];

/** Words without an ordinary meaning may not stand in comments either. */
const inComments = /\b(?:crowded|outlets?|cohorts?|nearness)\b/gi;

const rules: Readonly<Record<string, Rule>> = {
  "identifiers use the words of the field": (files) =>
    [...files].flatMap(([file, text]) => {
      if (!/^(?:src|bin)\/.*\.ts$/.test(file)) return [];
      const names = new Set(stripped(text, false).match(/[A-Za-z_$][\w$]*/g));
      return [...names]
        .filter((name) => !allowed.includes(name))
        .flatMap((name) => complaints(wordsOf(name)).map((complaint) => `${file}: ${name}: ${complaint}`));
    }),

  "file names use the words of the field": (files) =>
    [...files.keys()]
      .filter((file) => /^(?:src|bin|test)\//.test(file))
      .flatMap((file) => complaints(file.split(/[/.-]/)).map((complaint) => `${file}: ${complaint}`)),

  "comments use the words of the field": (files) =>
    [...files].flatMap(([file, text]) =>
      /^(?:src|bin)\/.*\.ts$/.test(file)
        ? [...text.matchAll(inComments)].map(([word]) => `${file}: ${word}`)
        : [],
    ),
};

const planted: Readonly<Record<string, Violation>> = {
  "identifiers use the words of the field": [
    {
      "src/a.ts": "const returnRoom = a.constructor; // cohort\n",
      "src/b.ts": "const turnover = IncomingMessage;\n",
    },
    "src/a.ts: returnRoom: room is quota, or capacity",
  ],
  "file names use the words of the field": [
    { "src/a/shared-run.ts": "", "src/a/run.ts": "" },
    "src/a/shared-run.ts: shared run is shared buffer",
  ],
  "comments use the words of the field": [{ "src/a.ts": "/** A cohort. */\n" }, "src/a.ts: cohort"],
};

const files = readAll("src", "bin", "test");

describe("words", () => {
  it("are taken apart at capitals, digits and underscores", () => {
    expect(["#copyOf2Rooms", "JSONDraft", "max_pending"].map(wordsOf)).toEqual([
      ["copy", "of", "rooms"],
      ["json", "draft"],
      ["max", "pending"],
    ]);
  });

  it("need the exceptions that are listed", () => {
    expect(allowed.filter((name) => ![...files.values()].some((text) => text.includes(name)))).toEqual([]);
  });

  holdRules(files, rules, planted);
});

function wordsOf(name: string): string[] {
  return (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase());
}

function complaints(words: readonly string[]): string[] {
  return words.flatMap((word, at) => {
    const pair = `${word} ${words[at + 1] ?? ""}`;
    return [pair, word, word.replace(/s$/, "")]
      .filter((text) => Object.hasOwn(replacements, text))
      .slice(0, 1)
      .map((text) => `${text} is ${replacements[text]}`);
  });
}
