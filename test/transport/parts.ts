import { Clock } from "../../src/base/clock.ts";
import { BufferPool } from "../../src/transport/buffer-pool.ts";
import {
  Connection,
  type ConnectionHandler,
  type ConnectionLimits,
  type Wire,
} from "../../src/transport/connection.ts";
import { FlushPass } from "../../src/transport/flush-pass.ts";
import type { Sink } from "../../src/transport/outbound.ts";

let lastId = 0;

/** Takes writes at once, or holds them until told; what it took is read when it is taken, as the kernel reads it. */
export class ScriptedSink implements Sink {
  readonly id = ++lastId;
  makesProgress = true;
  holdsWrites = false;
  /** Whether the next write is taken at once. */
  takes: () => boolean = () => true;
  held: readonly Buffer[] | null = null;
  readonly writes: Buffer[] = [];

  write(pieces: readonly Buffer[]): boolean {
    if (this.held !== null) throw new Error("a second write while one is under way");
    if (this.takes()) {
      this.writes.push(Buffer.concat(pieces));
      return true;
    }
    this.held = pieces;
    return false;
  }

  /** Takes what is held. The caller then tells the owner. @returns false when nothing was held */
  take(): boolean {
    if (this.held === null) return false;
    this.writes.push(Buffer.concat(this.held));
    this.held = null;
    return true;
  }

  get received(): Buffer {
    return Buffer.concat(this.writes);
  }

  get text(): string {
    return this.received.toString("latin1");
  }
}

/** A carrier under a connection, moved by hand. */
export class ScriptedWire extends ScriptedSink implements Wire {
  connection: Connection | null = null;
  reading = false;
  ended: { readonly code: number; readonly text: string } | null = null;
  destroyed = false;

  /** Takes the write under way, and says so. */
  drain(): void {
    if (this.take()) this.connection?.written();
  }

  pause(): void {
    this.reading = false;
  }

  resume(): void {
    this.reading = true;
  }

  end(code: number, text: string): void {
    this.ended = { code, text };
  }

  abort(code: number, text: string): void {
    this.end(code, text);
    this.destroy();
  }

  /** As every carrier does, says that it is lost. */
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.connection?.lost("Client Closed");
  }
}

/** Writes down what a session is told. */
export class ScriptedHandler implements ConnectionHandler {
  readonly id = ++lastId;
  readonly calls: string[] = [];
  onDataDo: (text: string) => void = () => {};
  onReleaseDo: () => void = () => {};
  onCloseDo: () => void = () => {};

  onGreet(): void {
    this.calls.push("greet");
  }

  onReady(): void {
    this.calls.push("ready");
  }

  onData(chunk: Buffer, start: number, end: number): void {
    const text = chunk.toString("latin1", start, end);
    this.calls.push(`data ${text.length > 20 ? `of ${text.length}` : text}`);
    this.onDataDo(text);
  }

  onRelease(): void {
    this.calls.push("release");
    this.onReleaseDo();
  }

  onClose(reason: string): void {
    this.calls.push(`close: ${reason}`);
    this.onCloseDo();
  }
}

/** One broker's worth of shared parts, with a clock that stands still. */
export class Bench {
  readonly clock = new Clock();
  readonly pass = new FlushPass(this.clock, new BufferPool());
  readonly faults: unknown[] = [];
  limits: ConnectionLimits = {
    pendingBytesMax: 1_000_000,
    highWaterMarkBytes: 750_000,
    writeDeadlineMs: 10_000,
  };

  constructor() {
    this.clock.freeze();
  }

  readonly context = () => ({
    pass: this.pass,
    clock: this.clock,
    limits: this.limits,
    onFault: (error: unknown) => void this.faults.push(error),
  });

  /** A connection that is greeted and ready. */
  connect(): { connection: Connection; wire: ScriptedWire; handler: ScriptedHandler } {
    const wire = new ScriptedWire();
    const handler = new ScriptedHandler();
    const connection = new Connection(() => wire, { address: "peer", port: 1 }, null, this.context());
    wire.connection = connection;
    connection.attach(handler);
    connection.greet();
    connection.ready();
    return { connection, wire, handler };
  }
}
