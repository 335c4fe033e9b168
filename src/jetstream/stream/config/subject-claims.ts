/**
 * Which subjects belong to a stream, so that no other takes them. It is asked with patterns, and quick with many
 * thousands of streams.
 */
import { SubjectTrie, type TrieValue } from "../../../subjects/subject-trie.ts";

interface Claim extends TrieValue {
  readonly owner: object;
}

export class SubjectClaims {
  readonly #trie = new SubjectTrie<Claim>();
  readonly #claims = new Map<string, Claim>();

  /** @param subject valid, and overlapping nothing that is claimed */
  add(subject: string, owner: object): void {
    const claim = { owner, triePosition: -1 };
    this.#trie.insert(subject, claim);
    this.#claims.set(subject, claim);
  }

  /** Does nothing if the subject is not claimed by `owner`. */
  remove(subject: string, owner: object): void {
    const claim = this.#claims.get(subject);
    if (claim === undefined || claim.owner !== owner) return;
    this.#trie.remove(subject, claim);
    this.#claims.delete(subject);
  }

  /** Whether some literal subject matches both `subject` and what somebody other than `owner` has claimed. */
  overlaps(subject: string, owner: object | null): boolean {
    return this.#trie.collides(subject, (claim) => claim.owner !== owner);
  }
}
