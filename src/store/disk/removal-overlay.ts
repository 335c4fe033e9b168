/** Messages that were removed, as long as the snapshot has them still, or will have them when it moves. */

const nothing: ReadonlySet<number> = new Set();

export class RemovalOverlay {
  #seqs: number[] = [];
  #subjects: string[] = [];
  #groups: number[] = [];
  #start = 0;
  readonly #all = new Set<number>();
  /** Up to here they are in `#bySubject`. */
  #indexed = 0;
  readonly #bySubject = new Map<string, Set<number>>();
  /** Floors of removals from the front: sequence and group, both ascending. */
  #floors: { readonly seq: number; readonly group: number }[] = [];

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#floors.length === 0;
  }

  /** Up to here everything was removed, other than one by one; 0: nothing was. */
  get floor(): number {
    return this.#floors.at(-1)?.seq ?? 0;
  }

  /** One by one. */
  get seqs(): ReadonlySet<number> {
    return this.#all;
  }

  has(seq: number): boolean {
    return this.#all.has(seq);
  }

  add(seq: number, subject: string, group: number): void {
    this.#seqs.push(seq);
    this.#subjects.push(subject);
    this.#groups.push(group);
    this.#all.add(seq);
  }

  addFloor(seq: number, group: number): void {
    if (this.#floors.at(-1)?.group === group) this.#floors.pop();
    this.#floors.push({ seq, group });
  }

  /** One by one, of one subject. */
  of(subject: string): ReadonlySet<number> {
    this.#catchUp();
    return this.#bySubject.get(subject) ?? nothing;
  }

  /** Of those that were removed one by one. */
  subjects(): Iterable<string> {
    this.#catchUp();
    return this.#bySubject.keys();
  }

  /** Groups up to this one are in the snapshot. */
  trim(appliedGroup: number): void {
    while (this.#start < this.#seqs.length && (this.#groups[this.#start] as number) <= appliedGroup)
      this.#forgetFirst();
    if (this.#start * 2 > this.#seqs.length) this.#close();
    const keep = this.#floors.findIndex(({ group }) => group > appliedGroup);
    this.#floors = keep === -1 ? [] : this.#floors.slice(keep);
  }

  #forgetFirst(): void {
    const at = this.#start++;
    const seq = this.#seqs[at] as number;
    this.#all.delete(seq);
    if (at >= this.#indexed) return;
    const subject = this.#subjects[at] as string;
    const seqs = this.#bySubject.get(subject);
    seqs?.delete(seq);
    if (seqs?.size === 0) this.#bySubject.delete(subject);
  }

  #catchUp(): void {
    for (let at = Math.max(this.#indexed, this.#start); at < this.#seqs.length; at++) {
      const subject = this.#subjects[at] as string;
      const seqs = this.#bySubject.get(subject);
      if (seqs === undefined) this.#bySubject.set(subject, new Set([this.#seqs[at] as number]));
      else seqs.add(this.#seqs[at] as number);
    }
    this.#indexed = this.#seqs.length;
  }

  #close(): void {
    this.#seqs = this.#seqs.slice(this.#start);
    this.#subjects = this.#subjects.slice(this.#start);
    this.#groups = this.#groups.slice(this.#start);
    this.#indexed = Math.max(0, this.#indexed - this.#start);
    this.#start = 0;
  }
}
