import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { unsupported, unsupportedFlags } from "../../src/config/unsupported-keys.ts";
import { usageText } from "../../src/config/usage.ts";

const root = new URL("../../", import.meta.url);
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(new URL("docs/", root)).map((name) => `docs/${name}`),
  "bench/README.md",
].filter((name) => name.endsWith(".md"));

const textOf = (name: string): string => readFileSync(new URL(name, root), "utf8");
const configuration = textOf("docs/configuration.md");

/** Written by `npm run bench`, so that a checkout may be without it. */
const madeLater = new Set(["bench/RESULTS.md"]);

describe("documents", () => {
  test("there are some", () => {
    expect(documents).toContain("README.md");
    expect(documents).toContain("docs/configuration.md");
  });

  test.each(documents)("links of %s lead somewhere", (name) => {
    const links = [...textOf(name).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(
      (found) => found[1] as string,
    );
    const missing = links.filter((link) => {
      const file = new URL(link, new URL(name, root));
      return !existsSync(file) && !madeLater.has(fileURLToPath(file).slice(fileURLToPath(root).length));
    });
    expect(missing).toEqual([]);
  });

  test.each(["ARCHITECTURE.md", "CONTRIBUTING.md"])("source files that %s names are there", (name) => {
    const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
      .map((path) => `/${path.replaceAll("\\", "/")}`)
      .filter((path) => !path.startsWith("/node_modules/") && !path.startsWith("/dist/"));
    const named = [...textOf(name).matchAll(/`([\w/.-]+\.(?:ts|mjs))`/g)].map((found) => found[1] as string);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((file) => !sources.some((path) => path.endsWith(`/${file}`)))).toEqual([]);
  });

  test.each(Object.entries(unsupported))(
    "keys of a %s block that are not supported are named",
    (_block, keys) => {
      // Those that are refused for one reason belong together, and one of them stands for all.
      const refused = new Map<string, string[]>();
      const unnamed: string[] = [];
      for (const [key, { severity: support, reason }] of Object.entries(keys)) {
        if (support === "error") refused.set(reason, [...(refused.get(reason) ?? []), key]);
        else if (!isNamed(key)) unnamed.push(key);
      }
      for (const group of refused.values()) if (!group.some(isNamed)) unnamed.push(...group);
      expect(unnamed).toEqual([]);
    },
  );

  test("flags are named, supported or not", () => {
    const shown = [...usageText.matchAll(/(?<=[ ,])-([A-Za-z_]+)/g)].map((found) => found[1] as string);
    expect(shown.length).toBeGreaterThan(30);
    const unnamed = [...shown, ...Object.keys(unsupportedFlags)].filter(
      (flag) => !new RegExp(`\`-${flag}\\b`).test(configuration),
    );
    expect(unnamed).toEqual([]);
  });

  test("the example of a configuration is one", () => {
    const [, config = ""] = /```\n(server_name[^]*?)```/.exec(configuration) ?? [];
    const { options, warnings } = optionsFromObject({ config }, { ORDERS_PASSWORD: "secret" });
    expect(warnings).toEqual([]);
    expect(options.accounts.map(({ name }) => name)).toEqual(["$G", "SHOP", "AUDIT", "$SYS"]);
  });
});

function isNamed(key: string): boolean {
  return new RegExp(`\\b${key}\\b`).test(configuration);
}
