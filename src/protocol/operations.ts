/** The operations that a client may send, as the parser hands them over. */

/** What a session does with each operation. Offsets are into `bytes`, valid until the call returns unless `stable`. */
export interface OperationHandler {
  /**
   * PUB (`headerBytes` is -1) or HPUB. `bytes[tailStart, bodyEnd + 2)` is `[reply ]<sizes>\r\n<headers><payload>\r\n`;
   * without a reply, `replyStart` equals `replyEnd`. `repeated`: subject, reply and sizes are those of the publish
   * handed over just before.
   */
  onPublish(
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
  ): void;
  onSubscribe(subject: string, queue: string | null, sid: string): void;
  /** `max` is 0 when none was given or it could not be read. */
  onUnsubscribe(sid: string, max: number): void;
  onConnect(json: Buffer): void;
  onPing(): void;
  onPong(): void;
  onInfo(json: Buffer): void;
  onError(text: string): void;
  /**
   * The first operation is not CONNECT although the parser was told to expect that (`Parser.expectConnect`).
   * Either lets it through by returning, after which CONNECT is no longer expected, or throws.
   */
  onEarlyOperation(): void;
}
