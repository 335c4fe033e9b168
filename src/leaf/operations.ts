/** What the other end of a link may say, as the parser hands it over. */

/** Subjects and queue names are wire strings. Offsets are into `bytes`, valid until the call returns unless `stable`. */
export interface LeafOperations {
  /**
   * LMSG or, with `headerBytes` above 0, HMSG. `bytes[tailStart, bodyEnd + 2)` is in the canonical form of a
   * {@link import("../protocol/message.ts").Message}, whatever the line was like.
   * @param queues the groups that the sender has chosen; only members of these may get it
   */
  onMessage(
    bytes: Buffer,
    subjectStart: number,
    subjectEnd: number,
    replyStart: number,
    replyEnd: number,
    tailStart: number,
    headerBytes: number,
    bodyStart: number,
    bodyEnd: number,
    stable: boolean,
    repeated: boolean,
    queues: readonly string[],
  ): void;
  /** LS+. @param weight members of the group; 1 without a queue */
  onInterest(subject: string, queue: string | null, weight: number): void;
  /** LS-. */
  onNoInterest(subject: string, queue: string | null): void;
  onConnect(json: Buffer): void;
  onInfo(json: Buffer): void;
  onPing(): void;
  onPong(): void;
  onError(text: string): void;
  /** Something came that {@link import("./parser.ts").LeafParser.expect} has not allowed yet. Throws. */
  onEarlyOperation(name: string): never;
}
