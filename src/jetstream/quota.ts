/** How much more may be stored. Adding up what is used takes a while, so it is done when what was left is used up. */
export class Quota {
  readonly #most: () => number;
  readonly #used: () => number;
  #left = 0;

  /** @param most below 0 for no limit */
  constructor(most: () => number, used: () => number) {
    this.#most = most;
    this.#used = used;
  }

  /** Whether `bytes` may come; they count as used from then on. */
  take(bytes: number): boolean {
    const most = this.#most();
    if (most < 0) return true;
    if (bytes > this.#left) this.#left = most - this.#used();
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** The limit is another one. */
  forget(): void {
    this.#left = 0;
  }
}

export interface Quotas {
  readonly memory: Quota;
  readonly file: Quota;
}

/** Without any limit. */
export const unlimitedQuotas: Quotas = {
  memory: new Quota(
    () => -1,
    () => 0,
  ),
  file: new Quota(
    () => -1,
    () => 0,
  ),
};
