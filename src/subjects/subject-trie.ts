/**
 * A trie of subject patterns, one level a token. It stores values and finds, for a literal subject, every value whose
 * pattern matches: subscriptions of an account, permissions of a user, subjects that streams capture.
 *
 * Invariant: a node without children and values is not in the trie, except for the root.
 */

/** The trie goes down a pattern token by token, and the stack has an end: at about 4,000. Longer ones must not be inserted. */
export const patternTokensMax = 2_048;

/** A value remembers its place in its node, so that removing one of a hundred thousand equals costs the same as one of two. */
export interface TrieValue {
  /** Owned by the trie while the value is in it. */
  triePosition: number;
}

class Node<T extends TrieValue> {
  children: Map<string, Node<T>> | null = null;
  /** Patterns with `*` as the next token. */
  star: Node<T> | null = null;
  /** Patterns with `>` as the next and last token. */
  rest: T[] | null = null;
  /** Patterns that end here. */
  here: T[] | null = null;

  get empty(): boolean {
    return this.children === null && this.star === null && this.rest === null && this.here === null;
  }
}

export class SubjectTrie<T extends TrieValue> {
  readonly #root = new Node<T>();
  #size = 0;
  #lastTokenMattered = false;
  #tokensLookedAt = 0;

  get size(): number {
    return this.#size;
  }

  /** `pattern` must be valid and within {@link patternTokensMax}; a value is in at most one trie, once. */
  insert(pattern: string, value: T): void {
    const tokens = pattern.split(".");
    const last = tokens.length - 1;
    let node = this.#root;
    for (let at = 0; at <= last; at++) {
      const token = tokens[at] as string;
      if (token === ">" && at === last) {
        node.rest = append(node.rest, value);
        this.#size++;
        return;
      }
      node = childFor(node, token);
    }
    node.here = append(node.here, value);
    this.#size++;
  }

  /** @returns whether the value was there */
  remove(pattern: string, value: T): boolean {
    const removed = this.#remove(this.#root, pattern.split("."), 0, value);
    if (removed) this.#size--;
    return removed;
  }

  /** Appends to `found` every value whose pattern matches the literal `subject`. A subject with an empty token matches nothing. */
  match(subject: string, found: T[]): void {
    this.#lastTokenMattered = false;
    this.#tokensLookedAt = 0;
    const tokens = subject.split(".");
    for (const token of tokens) if (token.length === 0) return;
    this.#matchFrom(this.#root, tokens, 0, found);
  }

  /** Whether the last match could have come out otherwise, had only the last token of the subject been another one. */
  get lastTokenMattered(): boolean {
    return this.#lastTokenMattered;
  }

  /** The last match would have come out alike for every subject that begins with these tokens and has more of them. */
  get tokensLookedAt(): number {
    return this.#tokensLookedAt;
  }

  /** Whether a value that `counts` has a pattern that matches `subject`. A wildcard in `subject` is a token like any other. */
  matches(subject: string, counts: (value: T) => boolean): boolean {
    const tokens = subject.split(".");
    return !tokens.includes("") && findMatching(this.#root, tokens, 0, counts);
  }

  /** Whether some literal subject matches both `pattern` and the pattern of a value that `counts`. */
  collides(pattern: string, counts: (value: T) => boolean): boolean {
    const tokens = pattern.split(".");
    return !tokens.includes("") && findColliding(this.#root, tokens, 0, counts);
  }

  /** Every value, in no particular order. */
  *values(): Generator<T> {
    const open: Node<T>[] = [this.#root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node.here !== null) yield* node.here;
      if (node.rest !== null) yield* node.rest;
      if (node.star !== null) open.push(node.star);
      if (node.children !== null) for (const child of node.children.values()) open.push(child);
    }
  }

  /** Recursion is bounded by the number of tokens that patterns have, since it only descends into nodes that exist. */
  #matchFrom(node: Node<T>, tokens: string[], at: number, found: T[]): void {
    if (at === tokens.length) {
      if (node.here !== null) for (const value of node.here) found.push(value);
      return;
    }
    if (node.rest !== null) for (const value of node.rest) found.push(value);
    if (node.star === null && node.children === null) return;
    if (at >= this.#tokensLookedAt) this.#tokensLookedAt = at + 1;
    if (node.star !== null) this.#matchFrom(node.star, tokens, at + 1, found);
    if (node.children === null) return;
    if (at === tokens.length - 1) this.#lastTokenMattered = true;
    const child = node.children.get(tokens[at] as string);
    if (child !== undefined) this.#matchFrom(child, tokens, at + 1, found);
  }

  #remove(node: Node<T>, tokens: string[], at: number, value: T): boolean {
    const token = tokens[at];
    if (token === undefined) {
      if (!drop(node.here, value)) return false;
      if (node.here?.length === 0) node.here = null;
      return true;
    }
    if (token === ">" && at === tokens.length - 1) {
      if (!drop(node.rest, value)) return false;
      if (node.rest?.length === 0) node.rest = null;
      return true;
    }
    const child = token === "*" ? node.star : node.children?.get(token);
    if (child === null || child === undefined || !this.#remove(child, tokens, at + 1, value)) return false;
    if (!child.empty) return true;
    if (token === "*") node.star = null;
    else {
      node.children?.delete(token);
      if (node.children?.size === 0) node.children = null;
    }
    return true;
  }
}

// The walks below recurse once a level of the trie, and visit no node twice for one token: their cost is bounded by the
// patterns, whatever subject a peer sends.

function findMatching<T extends TrieValue>(
  node: Node<T>,
  tokens: readonly string[],
  at: number,
  counts: (value: T) => boolean,
): boolean {
  if (at === tokens.length) return node.here !== null && node.here.some(counts);
  if (node.rest !== null && node.rest.some(counts)) return true;
  const child = node.children?.get(tokens[at] as string);
  if (child !== undefined && findMatching(child, tokens, at + 1, counts)) return true;
  return node.star !== null && findMatching(node.star, tokens, at + 1, counts);
}

function findColliding<T extends TrieValue>(
  node: Node<T>,
  tokens: readonly string[],
  at: number,
  counts: (value: T) => boolean,
): boolean {
  if (at === tokens.length) return node.here !== null && node.here.some(counts);
  if (node.rest !== null && node.rest.some(counts)) return true;
  const token = tokens[at] as string;
  if (token === ">") return someChild(node, (child) => holds(child, counts));
  if (token === "*") return someChild(node, (child) => findColliding(child, tokens, at + 1, counts));
  const child = node.children?.get(token);
  if (child !== undefined && findColliding(child, tokens, at + 1, counts)) return true;
  return node.star !== null && findColliding(node.star, tokens, at + 1, counts);
}

function holds<T extends TrieValue>(node: Node<T>, counts: (value: T) => boolean): boolean {
  if (node.here !== null && node.here.some(counts)) return true;
  if (node.rest !== null && node.rest.some(counts)) return true;
  return someChild(node, (child) => holds(child, counts));
}

function someChild<T extends TrieValue>(node: Node<T>, test: (child: Node<T>) => boolean): boolean {
  if (node.star !== null && test(node.star)) return true;
  if (node.children === null) return false;
  for (const child of node.children.values()) if (test(child)) return true;
  return false;
}

function childFor<T extends TrieValue>(node: Node<T>, token: string): Node<T> {
  if (token === "*") return (node.star ??= new Node<T>());
  node.children ??= new Map();
  let child = node.children.get(token);
  if (child === undefined) {
    child = new Node<T>();
    node.children.set(token, child);
  }
  return child;
}

function append<T extends TrieValue>(values: T[] | null, value: T): T[] {
  if (values === null) {
    value.triePosition = 0;
    return [value];
  }
  value.triePosition = values.length;
  values.push(value);
  return values;
}

/** Moves the last value into the gap. */
function drop<T extends TrieValue>(values: T[] | null, value: T): boolean {
  if (values === null || values[value.triePosition] !== value) return false;
  const last = values.pop() as T;
  if (last !== value) {
    last.triePosition = value.triePosition;
    values[value.triePosition] = last;
  }
  value.triePosition = -1;
  return true;
}
