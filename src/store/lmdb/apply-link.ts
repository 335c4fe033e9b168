/** What the store and the apply worker say to one another, besides what stands in {@link Progress}. */
export interface ApplyWorkerData {
  /** Of `journal-*.log`. */
  readonly journalDirectory: string;
  readonly environmentPath: string;
  /** Of the store's `Progress`: groups up to `durable` are to be applied; those up to `applied` have been. */
  readonly progress: SharedArrayBuffer;
}

/** From the worker. */
export type ApplyReport =
  /** A transaction is committed and on disk. Segments before this one are not needed any more. */
  | { readonly kind: "applied"; readonly group: number; readonly segmentNumber: number }
  /** It could not be done (a full disk), and is tried again. */
  | { readonly kind: "delayed"; readonly reason: string }
  /** It can never be done. The worker has ended. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Everything is applied, the environment closed; the worker has ended. */
  | { readonly kind: "closed" };

/** To the worker, which is then woken: apply all that is durable, then close. */
export type ApplyMessage = { readonly kind: "close" };
