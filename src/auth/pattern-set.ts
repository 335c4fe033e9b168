/**
 * A fixed list of subject patterns, each perhaps qualified by a queue name, compiled into a trie with one level a
 * token: a question costs the tokens asked about, however many patterns there are.
 *
 * Subjects asked about are text: a `*` in one is a token like any other, which a pattern's `*` or `>` covers.
 * A subject with an empty token matches nothing, as in routing.
 */
import { isValidSubject } from "../subjects/subject.ts";

export interface Pattern {
  readonly subject: string;
  /** Null: the pattern is not about queue groups. */
  readonly queue: string | null;
}

class Node {
  children: Map<string, Node> | null = null;
  star: Node | null = null;
  /** Patterns that have `>` here. */
  rest: Pattern[] | null = null;
  /** Patterns that end here. */
  here: Pattern[] | null = null;
}

export class PatternSet {
  readonly #root = new Node();
  readonly size: number;

  /** @throws RangeError naming the first pattern that is not a valid subject */
  constructor(patterns: readonly Pattern[]) {
    for (const pattern of patterns) this.#add(pattern);
    this.size = patterns.length;
  }

  /** Whether a pattern without a queue matches. */
  has(subject: string): boolean {
    const tokens = tokensToMatch(subject);
    return tokens !== null && findPlain(this.#root, tokens, 0);
  }

  /** Every pattern that matches, with and without a queue. */
  match(subject: string): Pattern[] {
    const found: Pattern[] = [];
    const tokens = tokensToMatch(subject);
    if (tokens !== null) collect(this.#root, tokens, 0, found);
    return found;
  }

  /** Whether some literal subject matches both `subject`, read as a pattern, and one of the patterns that `counts`. */
  collides(subject: string, counts: (pattern: Pattern) => boolean): boolean {
    const tokens = tokensToMatch(subject);
    return tokens !== null && collidesFrom(this.#root, tokens, 0, counts);
  }

  #add(pattern: Pattern): void {
    if (!isValidSubject(pattern.subject)) {
      throw new RangeError(`subject ${JSON.stringify(pattern.subject)} is not a valid subject`);
    }
    if (pattern.queue !== null && !isValidSubject(pattern.queue)) {
      throw new RangeError(`queue ${JSON.stringify(pattern.queue)} is not a valid queue`);
    }
    let node = this.#root;
    for (const token of pattern.subject.split(".")) {
      if (token === ">") {
        (node.rest ??= []).push(pattern);
        return;
      }
      node = childFor(node, token);
    }
    (node.here ??= []).push(pattern);
  }
}

// The walks below recurse once a level of the trie, and visit no node twice for one token: their cost is bounded
// by the patterns, whatever subject a peer sends.

function findPlain(node: Node, tokens: readonly string[], at: number): boolean {
  if (at === tokens.length) return node.here !== null && node.here.some(isPlain);
  if (node.rest !== null && node.rest.some(isPlain)) return true;
  const child = node.children?.get(tokens[at] as string);
  if (child !== undefined && findPlain(child, tokens, at + 1)) return true;
  return node.star !== null && findPlain(node.star, tokens, at + 1);
}

function collect(node: Node, tokens: readonly string[], at: number, found: Pattern[]): void {
  if (at === tokens.length) {
    if (node.here !== null) found.push(...node.here);
    return;
  }
  if (node.rest !== null) found.push(...node.rest);
  const child = node.children?.get(tokens[at] as string);
  if (child !== undefined) collect(child, tokens, at + 1, found);
  if (node.star !== null) collect(node.star, tokens, at + 1, found);
}

function collidesFrom(
  node: Node,
  tokens: readonly string[],
  at: number,
  counts: (pattern: Pattern) => boolean,
): boolean {
  if (at === tokens.length) return node.here !== null && node.here.some(counts);
  if (node.rest !== null && node.rest.some(counts)) return true;
  const token = tokens[at] as string;
  if (token === ">") return someChild(node, (child) => holds(child, counts));
  if (token === "*") return someChild(node, (child) => collidesFrom(child, tokens, at + 1, counts));
  const child = node.children?.get(token);
  if (child !== undefined && collidesFrom(child, tokens, at + 1, counts)) return true;
  return node.star !== null && collidesFrom(node.star, tokens, at + 1, counts);
}

function holds(node: Node, counts: (pattern: Pattern) => boolean): boolean {
  if (node.here !== null && node.here.some(counts)) return true;
  if (node.rest !== null && node.rest.some(counts)) return true;
  return someChild(node, (child) => holds(child, counts));
}

function someChild(node: Node, test: (child: Node) => boolean): boolean {
  if (node.star !== null && test(node.star)) return true;
  if (node.children === null) return false;
  for (const child of node.children.values()) if (test(child)) return true;
  return false;
}

function childFor(node: Node, token: string): Node {
  if (token === "*") return (node.star ??= new Node());
  node.children ??= new Map();
  let child = node.children.get(token);
  if (child === undefined) {
    child = new Node();
    node.children.set(token, child);
  }
  return child;
}

function isPlain(pattern: Pattern): boolean {
  return pattern.queue === null;
}

/** Null when a token is empty: such a subject matches nothing. */
function tokensToMatch(subject: string): string[] | null {
  const tokens = subject.split(".");
  return tokens.includes("") ? null : tokens;
}
