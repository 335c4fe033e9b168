/** What the store and the sync worker say to one another, besides what stands in `Progress`. */
export interface SyncWorkerData {
  readonly progress: SharedArrayBuffer;
  /** The lock of which it answers for. */
  readonly directory: string;
  /** Null: as soon as something is written. */
  readonly intervalMs: number | null;
}

/** To the worker; seen when it is woken. */
export type SyncMessage =
  /** Groups are written to this descriptor from now on. */
  | { readonly kind: "segment"; readonly fd: number }
  /** Sync what is written, then end. */
  | { readonly kind: "close" };

export type SyncReport =
  | { readonly kind: "synced"; readonly group: number }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "closed" };
