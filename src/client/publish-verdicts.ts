/** Whether clients may publish to a subject, remembered for all that share a permission set. */
import type { Permissions } from "../auth/permissions.ts";
import type { Message } from "../protocol/message.ts";
import { RouteCache } from "../subjects/route-cache.ts";

/** Whether a permission set lets a subject be published to, remembered by the subject's bytes. */
export class PublishVerdicts {
  readonly #seed: number;
  readonly #caches = new WeakMap<Permissions, RouteCache<boolean>>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  allows(permissions: Permissions, message: Message): boolean {
    let cache = this.#caches.get(permissions);
    if (cache === undefined) this.#caches.set(permissions, (cache = new RouteCache(this.#seed)));
    const { subjectBytes, subjectStart, subjectEnd } = message;
    const known = cache.lookup(subjectBytes, subjectStart, subjectEnd);
    if (known !== undefined) return known;
    const verdict = permissions.canPublish(message.subject);
    cache.store(subjectBytes, subjectStart, subjectEnd, verdict);
    return verdict;
  }
}
