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
  #held: Write | null = null;
  #connection: Connection | null = null;

  constructor(holdsWrites: boolean) {
    this.holdsWrites = holdsWrites;
  }

  carry(connection: Connection): this {
    this.#connection = connection;
    return this;
  }

  get holding(): boolean {
    return this.#held !== null;
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

  /** The peer has read: the write that was held is done. */
  take(): void {
    const held = this.#held;
    if (held === null) return;
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
  }

  destroy(): void {
    this.destroyed = true;
    this.paused = true;
  }
}
