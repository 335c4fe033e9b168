/**
 * Which subjects belong to a stream, so that no other takes them: a tree of tokens that is asked with patterns, as a
 * broker may have many thousands of streams.
 */
import { tokensOf } from "../../subjects/subject.ts";

class Claim {
  readonly children = new Map<string, Claim>();
  /** Whose pattern ends here. */
  owner: object | null = null;
}

export class SubjectClaims {
  readonly #root = new Claim();

  /** @param subject valid, and overlapping nothing that is claimed */
  add(subject: string, owner: object): void {
    let claim = this.#root;
    for (const token of tokensOf(subject)) {
      let child = claim.children.get(token);
      if (child === undefined) {
        child = new Claim();
        claim.children.set(token, child);
      }
      claim = child;
    }
    claim.owner = owner;
  }

  remove(subject: string, owner: object): void {
    this.#remove(this.#root, tokensOf(subject), 0, owner);
  }

  /** Whether some literal subject matches both `subject` and what somebody other than `owner` has claimed. */
  overlaps(subject: string, owner: object | null): boolean {
    return search(this.#root, tokensOf(subject), 0, owner);
  }

  /** @returns whether nothing is left of the claim */
  #remove(claim: Claim, tokens: readonly string[], at: number, owner: object): boolean {
    const token = tokens[at];
    if (token === undefined) {
      if (claim.owner === owner) claim.owner = null;
    } else {
      const child = claim.children.get(token);
      if (child !== undefined && this.#remove(child, tokens, at + 1, owner)) claim.children.delete(token);
    }
    return claim.owner === null && claim.children.size === 0;
  }
}

function search(claim: Claim, tokens: readonly string[], at: number, owner: object | null): boolean {
  const token = tokens[at];
  if (token === undefined) return isOthers(claim, owner);
  if (token === ">") return hasOthersBelow(claim, owner);
  const rest = claim.children.get(">");
  if (rest !== undefined && isOthers(rest, owner)) return true;
  if (token === "*") {
    for (const [name, child] of claim.children)
      if (name !== ">" && search(child, tokens, at + 1, owner)) return true;
    return false;
  }
  for (const name of [token, "*"]) {
    const child = claim.children.get(name);
    if (child !== undefined && search(child, tokens, at + 1, owner)) return true;
  }
  return false;
}

function hasOthersBelow(claim: Claim, owner: object | null): boolean {
  for (const child of claim.children.values())
    if (isOthers(child, owner) || hasOthersBelow(child, owner)) return true;
  return false;
}

function isOthers(claim: Claim, owner: object | null): boolean {
  return claim.owner !== null && claim.owner !== owner;
}
