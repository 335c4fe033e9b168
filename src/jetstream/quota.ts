/** How much more may be stored. Adding up what is used takes a while, so it is done when what was left is used up. */
export class Quota {
  #max: number;
  readonly #used: () => number;
  #left = 0;

  /** @param max in bytes; below 0 for no limit */
  constructor(max: number, used: () => number) {
    this.#max = max;
    this.#used = used;
  }

  /** Whether `bytes` may come; they count as used from then on. */
  take(bytes: number): boolean {
    if (this.#max < 0) return true;
    if (bytes > this.#left) this.#left = this.#max - this.#used();
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** On a reload. */
  setMax(max: number): void {
    this.#max = max;
    this.#left = 0;
  }
}

export interface Quotas {
  readonly memory: Quota;
  readonly file: Quota;
}

export function unlimitedQuotas(): Quotas {
  return { memory: new Quota(-1, () => 0), file: new Quota(-1, () => 0) };
}
