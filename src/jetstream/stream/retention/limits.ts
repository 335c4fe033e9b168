/** What a stream may hold: what a new message is refused for, and what makes room for it. */
import { StoredMessage, storedBytes } from "../../../store/contract.ts";
import type { CurrentConfig } from "../config/stream-config.ts";
import type { FollowedLog } from "../log/followed-log.ts";

export class Limits {
  readonly #messages: FollowedLog;
  readonly #current: CurrentConfig;
  readonly #stored = new StoredMessage(true);
  /** Of the configuration; 0 for none. */
  #messagesMax = 0;
  #bytesMax = 0;
  #perSubjectMax = 0;
  #discardsNew = false;

  constructor(messages: FollowedLog, current: CurrentConfig) {
    this.#messages = messages;
    this.#current = current;
    this.#read();
  }

  /**
   * Why a message cannot be stored where new ones are discarded, in nats-server's words; null when it can. A message that
   * takes the place of another of its subject is let in. Source: nats-server `memStore.storeRawMsg`.
   *
   * @param bytes as counted by `storedBytes`
   */
  refusal(subject: string, bytes: number, isRollup: boolean): string | null {
    if (!this.#discardsNew) return null;
    const { log } = this.#messages;
    const { state } = log;
    const held = this.#perSubjectMax > 0 ? log.subject(subject) : null;
    const replaces = held !== null && held.count >= this.#perSubjectMax;
    if (replaces && this.#current.config.discard_new_per_subject === true && !isRollup)
      return "maximum messages per subject exceeded";
    if (this.#messagesMax > 0 && state.messages >= this.#messagesMax && !replaces)
      return "maximum messages exceeded";
    if (this.#bytesMax <= 0 || state.bytes + bytes <= this.#bytesMax) return null;
    return replaces && this.#bytesOf(held.firstSeq) >= bytes ? null : "maximum bytes exceeded";
  }

  /** Makes room after a message on `subject` was stored. */
  enforce(subject: string): void {
    if (this.#perSubjectMax > 0) this.#enforceSubject(subject);
    if (!this.#discardsNew) this.#enforceTotals();
  }

  /** Takes the configuration of now, and enforces it on all that is there. */
  onUpdated(): void {
    const before = this.#perSubjectMax;
    this.#read();
    const { log } = this.#messages;
    if (this.#perSubjectMax > 0 && (before === 0 || this.#perSubjectMax < before)) {
      const overLimit = [...log.subjects(null)].filter(({ count }) => count > this.#perSubjectMax);
      for (const { subject } of overLimit) this.#enforceSubject(subject);
    }
    if (!this.#discardsNew) this.#enforceTotals();
  }

  #read(): void {
    const { config } = this.#current;
    this.#messagesMax = Math.max(0, config.max_msgs);
    this.#bytesMax = Math.max(0, config.max_bytes);
    this.#perSubjectMax = Math.max(0, config.max_msgs_per_subject);
    this.#discardsNew = config.discard === "new";
  }

  #enforceSubject(subject: string): void {
    const { log } = this.#messages;
    let held = log.subject(subject);
    for (let left = (held?.count ?? 0) - this.#perSubjectMax; held !== null && left > 0; left--) {
      if (!this.#messages.remove(held.firstSeq)) return;
      if (left > 1) held = log.subject(subject);
    }
  }

  #enforceTotals(): void {
    const { state } = this.#messages.log;
    if (this.#messagesMax > 0)
      while (state.messages > this.#messagesMax) if (!this.#messages.remove(state.firstSeq)) break;
    if (this.#bytesMax > 0)
      while (state.bytes > this.#bytesMax && state.messages > 0)
        if (!this.#messages.remove(state.firstSeq)) break;
  }

  #bytesOf(seq: number): number {
    const { log } = this.#messages;
    const stored = this.#stored;
    if (!log.read(seq, stored)) return 0;
    const subjectBytes = stored.subjectEnd - stored.subjectStart;
    const payloadBytes = stored.bodyEnd - stored.bodyStart - stored.headerBytes;
    return storedBytes(log.kind, subjectBytes, stored.headerBytes, payloadBytes);
  }
}
