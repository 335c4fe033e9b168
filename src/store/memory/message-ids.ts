/** Ids of messages in the order in which they were noted, for a log that keeps this in memory. */

export interface NotedMessageId {
  readonly id: string;
  readonly seq: number;
  readonly atMs: number;
}

export class MessageIds {
  #noted: NotedMessageId[] = [];
  /** Where `#noted` begins to be of use. */
  #start = 0;

  note(id: string, seq: number, atMs: number): void {
    this.#noted.push({ id, seq, atMs });
  }

  *since(sinceMs: number): Generator<NotedMessageId> {
    const noted = this.#noted;
    for (let at = this.#start; at < noted.length; at++) {
      const one = noted[at] as NotedMessageId;
      if (one.atMs >= sinceMs) yield one;
    }
  }

  forget(beforeMs: number): void {
    const noted = this.#noted;
    while (this.#start < noted.length && (noted[this.#start] as NotedMessageId).atMs < beforeMs)
      this.#start++;
    if (this.#start * 2 < noted.length) return;
    this.#noted = noted.slice(this.#start);
    this.#start = 0;
  }

  clear(): void {
    this.#noted = [];
    this.#start = 0;
  }
}
