/**
 * A fixed list of subject patterns, each perhaps qualified by a queue name: a question costs the tokens asked about,
 * however many patterns there are.
 *
 * Subjects asked about are text: a `*` in one is a token like any other, which a pattern's `*` or `>` covers.
 * A subject with an empty token matches nothing, as in routing.
 */
import { isValidSubject } from "../subjects/subject.ts";
import { SubjectTrie } from "../subjects/subject-trie.ts";

export interface Pattern {
  readonly subject: string;
  /** Null: the pattern is not about queue groups. */
  readonly queue: string | null;
}

interface Entry extends Pattern {
  triePosition: number;
}

export class PatternSet {
  readonly #trie = new SubjectTrie<Entry>();

  /** @throws RangeError naming the first pattern that is not a valid subject */
  constructor(patterns: readonly Pattern[]) {
    for (const { subject, queue } of patterns) {
      if (!isValidSubject(subject)) {
        throw new RangeError(`subject ${JSON.stringify(subject)} is not a valid subject`);
      }
      if (queue !== null && !isValidSubject(queue)) {
        throw new RangeError(`queue ${JSON.stringify(queue)} is not a valid queue`);
      }
      this.#trie.insert(subject, { subject, queue, triePosition: -1 });
    }
  }

  get size(): number {
    return this.#trie.size;
  }

  /** Whether a pattern without a queue matches. */
  has(subject: string): boolean {
    return this.#trie.matches(subject, isPlain);
  }

  /** Every pattern that matches, with and without a queue. */
  match(subject: string): Pattern[] {
    const found: Entry[] = [];
    this.#trie.match(subject, found);
    return found;
  }

  /** Whether some literal subject matches both `subject`, read as a pattern, and one of the patterns that `counts`. */
  collides(subject: string, counts: (pattern: Pattern) => boolean): boolean {
    return this.#trie.collides(subject, counts);
  }
}

function isPlain(pattern: Pattern): boolean {
  return pattern.queue === null;
}
