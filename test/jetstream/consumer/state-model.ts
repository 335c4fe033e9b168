/** What a consumer's state is to be, the slow way: lists that are searched. */

interface Out {
  readonly seq: number;
  readonly consumerSeq: number;
}

export class StateModel {
  out: Out[] = [];
  readonly again = new Map<number, number>();
  queue: number[] = [];
  next = 1;
  consumerSeq = 0;
  delivered = 0;
  floorConsumerSeq = 0;
  floorSeq = 0;

  deliver(): number {
    const seq = this.next++;
    this.out.push({ seq, consumerSeq: ++this.consumerSeq });
    this.delivered = seq;
    return seq;
  }

  redeliver(): number {
    const seq = this.queue.shift();
    if (seq === undefined) return 0;
    this.again.set(seq, (this.again.get(seq) ?? 0) + 1);
    this.consumerSeq++;
    return seq;
  }

  enqueue(seq: number): void {
    if (this.isOut(seq) && !this.queue.includes(seq)) this.queue.push(seq);
  }

  settle(seq: number): void {
    this.again.delete(seq);
    this.#release(seq);
  }

  exhaust(seq: number): void {
    this.#release(seq);
    this.again.set(seq, this.again.get(seq) ?? 0);
  }

  isOut(seq: number): boolean {
    return this.out.some((each) => each.seq === seq);
  }

  #release(seq: number): void {
    this.queue = this.queue.filter((each) => each !== seq);
    if (!this.isOut(seq)) return;
    const wasFirst = this.out[0]?.seq === seq;
    this.out = this.out.filter((each) => each.seq !== seq);
    const [first] = this.out;
    if (first === undefined) {
      this.floorConsumerSeq = this.consumerSeq;
      this.floorSeq = this.delivered;
    } else if (wasFirst) {
      this.floorConsumerSeq = first.consumerSeq - 1;
      this.floorSeq = first.seq - 1;
    }
  }
}
