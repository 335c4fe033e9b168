/** Routes by their subjects. */
import type { Route } from "./route.ts";

interface Entry {
  readonly route: Route;
  readonly tokens: readonly string[];
}

export class RouteTable {
  readonly #byFirst = new Map<string, Entry[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const tokens = route.pattern.split(".");
      const key = tokens.slice(0, 2).join(".");
      this.#byFirst.set(key, [...(this.#byFirst.get(key) ?? []), { route, tokens }]);
    }
  }

  find(tokens: readonly string[]): Route | null {
    const entries = this.#byFirst.get(tokens.slice(0, 2).join(".")) ?? [];
    return entries.find((entry) => matches(entry.tokens, tokens))?.route ?? null;
  }
}

function matches(pattern: readonly string[], tokens: readonly string[]): boolean {
  for (const [at, wanted] of pattern.entries()) {
    const token = tokens[at];
    if (token === undefined || token === "") return false;
    if (wanted === ">") return true;
    if (wanted !== "*" && wanted !== token) return false;
  }
  return pattern.length === tokens.length;
}
