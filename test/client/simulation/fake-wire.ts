/** A carrier in memory: keeps what it is given, takes it when the test says so, and looks whether it was touched meanwhile. */
import type { Connection, Wire } from "../../../src/transport/connection.ts";

interface Write {
  readonly pieces: readonly Buffer[];
  readonly text: string;
}

export class FakeWire implements Wire {
  readonly holdsWrites: boolean;
  /** Everything written, one character a byte. */
  written = "";
  /** Whether a write is taken at once. */
  takesAtOnce = true;
  paused = true;
  ended = false;
  destroyed = false;
  /** The goodbye came before all was written that waited: the connection had been cut just before. */
  isCutShort = false;
  #isGone = false;
  #held: Write | null = null;
  #connection: Connection | null = null;

  constructor(holdsWrites: boolean) {
    this.holdsWrites = holdsWrites;
  }

  carry(connection: Connection): this {
    this.#connection = connection;
    return this;
  }

  write(pieces: readonly Buffer[]): boolean {
    if (this.#held !== null) throw new Error("a second write while one is under way");
    if (this.destroyed) throw new Error("a write after the end");
    if (pieces.length === 0 || pieces.some((piece) => piece.length === 0)) throw new Error("an empty write");
    const text = pieces.map((piece) => piece.latin1Slice()).join("");
    this.written += text;
    if (this.takesAtOnce && !this.holdsWrites) return true;
    this.#held = { pieces, text };
    return false;
  }

  /** Whether the peer has something to do: to read, or to close what was ended. */
  get waits(): boolean {
    return this.#held !== null || (this.ended && !this.#isGone);
  }

  /** The peer has read: the write that was held is done. After a goodbye it closes. */
  take(): void {
    const held = this.#held;
    if (held === null) {
      if (!this.ended || this.#isGone) return;
      this.#isGone = true;
      this.#connection?.lost("Client Closed");
      return;
    }
    if (held.pieces.map((piece) => piece.latin1Slice()).join("") !== held.text)
      throw new Error("what was written has been changed before it was sent");
    this.#held = null;
    if (!this.destroyed) this.#connection?.written();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
    const pendingBytes = this.#connection?.outbound.pendingBytes ?? 0;
    this.isCutShort = pendingBytes > (this.#held?.text.length ?? 0);
  }

  abort(): void {
    this.end();
  }

  destroy(): void {
    // Whoever was told goodbye had all of it before.
    if (!this.#isGone) this.destroyed = true;
    this.paused = true;
  }
}
