/** Which sequences of a log on disk have messages: what is told of a block apart from it is enough for most. */
import { isDense } from "../lmdb/block-summary.ts";
import type { Block } from "../lmdb/blocks.ts";
import type { DiskBlocks } from "./disk-blocks.ts";
import { indexFrom } from "../sorted-sequences.ts";
import type { LogView } from "./log-view.ts";

export class DiskGaps {
  readonly #view: LogView;
  readonly #blocks: DiskBlocks;

  constructor(view: LogView, blocks: DiskBlocks) {
    this.#view = view;
    this.#blocks = blocks;
  }

  /** How many messages are at or after `fromSeq`. */
  countFrom(fromSeq: number): number {
    const { removalOverlay, tail, hasBase } = this.#view;
    let count = 0;
    for (let at = tail.liveFrom(tail.indexFrom(fromSeq)); at < tail.end; at = tail.liveFrom(at + 1)) count++;
    if (!hasBase) return count;
    const from = Math.max(fromSeq, removalOverlay.floor + 1);
    const removed = this.#removedInOrder();
    let position = indexFrom(removed, 0, from);
    for (const summary of this.#blocks.summaries(from)) {
      if (summary.firstSeq < from) {
        const block = this.#blocks.of(summary);
        for (let at = block.indexFrom(from); at < block.count; at++) if (!block.isDead(at)) count++;
        while ((removed[position] ?? Infinity) <= summary.lastSeq) position++;
        continue;
      }
      count += summary.count - summary.deadCount;
      for (; (removed[position] ?? Infinity) <= summary.lastSeq; position++) count--;
    }
    return count;
  }

  /** Runs of messages without gaps from `fromSeq` on, ascending; two may follow one another directly. */
  *runs(fromSeq: number): Generator<readonly [from: number, through: number]> {
    const { removalOverlay, tail, hasBase } = this.#view;
    if (hasBase) {
      const from = Math.max(fromSeq, removalOverlay.floor + 1);
      const removed = this.#removedInOrder();
      for (const summary of this.#blocks.summaries(from)) {
        const position = indexFrom(removed, 0, summary.firstSeq);
        const isUntouched = (removed[position] ?? Infinity) > summary.lastSeq;
        if (isUntouched && isDense(summary) && summary.deadCount === 0)
          yield [Math.max(from, summary.firstSeq), summary.lastSeq];
        else yield* runsIn(this.#blocks.of(summary), from);
      }
    }
    for (let at = tail.liveFrom(tail.indexFrom(fromSeq)); at < tail.end; ) {
      const first = tail.seqAt(at);
      let last = first;
      for (
        at = tail.liveFrom(at + 1);
        at < tail.end && tail.seqAt(at) === last + 1;
        at = tail.liveFrom(at + 1)
      )
        last++;
      yield [first, last];
    }
  }

  /** Removed one by one, but not in the snapshot yet. */
  #removedInOrder(): number[] {
    const { removalOverlay } = this.#view;
    return [...removalOverlay.seqs].filter((seq) => seq > removalOverlay.floor).sort((a, b) => a - b);
  }
}

function* runsIn(block: Block, fromSeq: number): Generator<readonly [from: number, through: number]> {
  let first = 0;
  let last = -1;
  for (let at = block.indexFrom(fromSeq); at < block.count; at++) {
    if (block.isDead(at)) continue;
    const live = block.seqAt(at);
    if (live !== last + 1 || last === -1) {
      if (last !== -1) yield [first, last];
      first = live;
    }
    last = live;
  }
  if (last !== -1) yield [first, last];
}
