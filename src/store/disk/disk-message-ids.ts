/** Message ids of a log on disk: the snapshot's, and those noted since. */
import { decodeMessageIds, type NotedId } from "../lmdb/lists.ts";
import { endKey, keyKinds, messageIdsKey, prefixKey } from "../lmdb/keys.ts";
import type { LogView } from "./log-view.ts";

interface PendingId extends NotedId {
  readonly group: number;
}

export class DiskMessageIds {
  readonly #view: LogView;
  #pending: PendingId[] = [];
  #forgottenMs = 0;

  constructor(view: LogView) {
    this.#view = view;
  }

  note(id: string, seq: number, atMs: number, group: number): void {
    this.#pending.push({ id, seq, atMs, group });
  }

  forget(beforeMs: number): void {
    this.#forgottenMs = Math.max(this.#forgottenMs, beforeMs);
  }

  /** Noted at `sinceMs` or later, oldest first. */
  *since(sinceMs: number): Generator<NotedId> {
    const { id: streamId, snapshot } = this.#view;
    const fromMs = Math.max(0, Math.ceil(sinceMs), this.#forgottenMs);
    const range = {
      start: messageIdsKey(streamId, fromMs, 0),
      end: endKey(prefixKey(keyKinds.messageIds, streamId)),
    };
    for (const { value } of snapshot.reads.range(range))
      for (const noted of decodeMessageIds(value)) if (noted.atMs >= fromMs) yield noted;
    for (const { id, seq, atMs } of this.#pending) if (atMs >= fromMs) yield { id, seq, atMs };
  }

  /** The snapshot has moved. */
  trim(): void {
    const { appliedGroup } = this.#view.snapshot;
    const left = this.#pending.findIndex(({ group }) => group > appliedGroup);
    this.#pending = left === -1 ? [] : this.#pending.slice(left);
  }
}
