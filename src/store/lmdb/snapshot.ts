/**
 * LMDB as the main thread sees it: one read transaction, renewed when the applier has got further. In between nothing
 * moves, so what a log sees is the snapshot and, on top, the operations of all groups behind {@link appliedGroup}.
 * A transaction that is held keeps LMDB from using pages again: not for longer than the applier stands still.
 */
import type { Environment, ReadTransaction } from "./environment.ts";
import { endKey, keyKinds, prefixKey } from "./keys.ts";
import { Reads } from "./reads.ts";
import { decodeState, type StreamState } from "./stream-state.ts";
import { metaNames, readMeta } from "./stream-writer.ts";

/** Keeps operations until LMDB has them. */
export interface SnapshotFollower {
  /** The snapshot has moved; it holds all groups up to its `appliedGroup`. @returns whether anything is kept still */
  onRenewed(): boolean;
}

export class Snapshot {
  readonly reads: Reads;
  readonly #env: Environment;
  readonly #options: { transaction?: ReadTransaction } = {};
  readonly #followers = new Set<SnapshotFollower>();
  #appliedGroup = 0;
  #generation = 0;

  constructor(env: Environment) {
    this.#env = env;
    this.reads = new Reads(env, this.#options);
    this.#take();
  }

  /** It holds all groups up to this one, and nothing of those behind. */
  get appliedGroup(): number {
    return this.#appliedGroup;
  }

  /** Another number after each move. */
  get generation(): number {
    return this.#generation;
  }

  /** The first number that no stream has ever had. */
  get nextStreamId(): number {
    return Math.max(1, readMeta(this.reads, metaNames.nextStream));
  }

  *streams(): Generator<{ readonly id: number } & StreamState> {
    const start = Buffer.from([keyKinds.stream]);
    for (const { key, value } of this.reads.range({ start, end: endKey(start) }))
      yield { id: key.readUInt32BE(1), ...decodeState(value) };
  }

  /** Null: the snapshot has no such stream, or not yet. */
  stream(id: number): StreamState | null {
    const value = this.reads.get(prefixKey(keyKinds.stream, id));
    return value === undefined ? null : decodeState(value);
  }

  /** Moves to what the applier has committed. Nothing that was read by way of a range may be carried on. */
  renew(): void {
    this.#options.transaction?.done();
    this.#take();
    for (const follower of this.#followers) if (!follower.onRenewed()) this.#followers.delete(follower);
  }

  /** From now on, until it keeps nothing any more. */
  follow(follower: SnapshotFollower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: SnapshotFollower): void {
    this.#followers.delete(follower);
  }

  close(): void {
    this.#options.transaction?.done();
    delete this.#options.transaction;
    this.#followers.clear();
  }

  #take(): void {
    this.#env.resetReadTxn();
    this.#options.transaction = this.#env.useReadTransaction();
    this.#generation++;
    this.#appliedGroup = readMeta(this.reads, metaNames.applied);
  }
}
