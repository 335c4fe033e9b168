/** The text of the code base, and what its rules ask of it: imports, words, code without comments. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Text by path from the root. */
export type Files = ReadonlyMap<string, string>;

/** Gives what breaks the rule, as `file: what`. */
export type Rule = (files: Files) => string[];

/** Files that break a rule once, and what the rule says of them. */
export type Violation = readonly [files: Readonly<Record<string, string>>, fault: string];

/** Two tests for each rule: the code base keeps it, and a planted violation is found. */
export function holdRules(
  files: Files,
  rules: Readonly<Record<string, Rule>>,
  planted: Readonly<Record<string, Violation>>,
): void {
  it.each(Object.keys(rules))("%s", (rule) => {
    expect(rules[rule]?.(files)).toEqual([]);
  });

  it("has a planted violation for each rule", () => {
    expect(Object.keys(planted).sort()).toEqual(Object.keys(rules).sort());
  });

  it.each(Object.entries(planted))("finds a violation: %s", (rule, [violation, fault]) => {
    expect(rules[rule]?.(new Map(Object.entries(violation)))).toEqual([fault]);
  });
}

export function readAll(...folders: readonly string[]): Files {
  const files = new Map<string, string>();
  const open = [...folders];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith(".")) open.push(path);
      else if (/\.(ts|mjs|js|c|h)$/.test(entry.name)) files.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return files;
}

/** Relative imports as paths from the root, packages by their name. */
export function importsOf(files: Files, ...folders: readonly string[]): { file: string; target: string }[] {
  return [...files].flatMap(([file, text]) => {
    if (!folders.some((folder) => file.startsWith(folder)) || !file.endsWith(".ts")) return [];
    const uncommented = stripped(text, true);
    const matches = uncommented.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g);
    return [...matches].map(([, name = ""]) => ({
      file,
      target: name.startsWith(".") ? normalize(join(dirname(file), name)).replaceAll("\\", "/") : name,
    }));
  });
}

export function found(files: Files, folders: readonly string[], pattern: RegExp): string[] {
  return [...files].flatMap(([file, text]) => {
    if (!file.endsWith(".ts") || !folders.some((folder) => file.startsWith(folder))) return [];
    return [...stripped(text, false).matchAll(pattern)].map(([word]) => `${file}: ${word}`);
  });
}

/** Code without comments, and without what stands in strings, templates and regular expressions. */
export function stripped(text: string, keepsStrings: boolean): string {
  const piece =
    /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)|(?<=[(,=:[!&|?{};\n]\s*|return\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|[{}]/g;
  // What a template is interrupted by ends at its brace, after which the template goes on.
  const braces: ("template" | "code")[] = [];
  let code = "";
  let at = 0;
  const rest = /(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)/y;
  for (piece.lastIndex = 0; ; ) {
    const match = piece.exec(text);
    if (match === null) return code + text.slice(at);
    const [word] = match;
    code += text.slice(at, match.index);
    at = piece.lastIndex;
    if (word === "{") braces.push("code");
    if (word === "{" || (word === "}" && braces.pop() !== "template")) {
      code += word;
      continue;
    }
    if (keepsStrings && /^["']/.test(word)) code += word;
    else code += " ";
    if (word.startsWith("`") && word.endsWith("${")) braces.push("template");
    if (word !== "}") continue;
    rest.lastIndex = at;
    const more = rest.exec(text)?.[0] ?? "";
    if (more.endsWith("${")) braces.push("template");
    at += more.length;
    piece.lastIndex = at;
  }
}
