/** Publishers and receivers that move many messages fast, and notice the first one that is missing, twice there or out of order. */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { Changes, delay, handled } from "../fixture/waiting.ts";

export interface FlowOptions {
  readonly port: number;
  /** Fields of CONNECT. */
  readonly connect?: Readonly<Record<string, unknown>>;
}

/** How a receiver reads. It takes `burstBytes`, then nothing for `pauseMs`, and so on. */
export interface Pace {
  readonly burstBytes: number;
  readonly pauseMs: number;
}

/** A connection whose messages are counted, not kept. */
export class FlowClient {
  readonly socket: Duplex;
  received = 0;
  receivedBytes = 0;
  pongs = 0;
  /** What else was said: INFO, -ERR. */
  readonly lines: string[] = [];
  closed = false;
  /** How the time of a pause goes by. */
  wait: (ms: number) => Promise<void> = delay;
  /** The first thing that was wrong with the messages; null while all is well. */
  fault: string | null = null;
  /** By publisher: the number of its next message. */
  readonly #next = new Map<string, number>();
  #rest: Buffer = Buffer.alloc(0);
  /** Of the message under way, still to come: payload, then CRLF. */
  #skip = 0;
  #fill = 0;
  #pace: Pace | null = null;
  #burst = 0;
  #stopped = false;
  readonly #changes = new Changes();

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on("data", (chunk) => this.#onData(chunk));
    const end = (): void => {
      this.closed = true;
      this.#changes.notify();
    };
    socket.on("error", end);
    socket.on("close", end);
  }

  /** From now on reads at this pace; null: as fast as it comes. */
  setPace(pace: Pace | null): void {
    this.#pace = pace;
  }

  /** Reads nothing until {@link read}. */
  stopReading(): void {
    this.#stopped = true;
    this.socket.pause();
  }

  read(): void {
    this.#stopped = false;
    this.socket.resume();
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** How many messages of one publisher have come. */
  countOf(publisher: string): number {
    return this.#next.get(publisher) ?? 0;
  }

  /** Resolves when `ready` says so, asked whenever something has come. Rejects when the connection ends before. */
  until(ready: () => boolean, what: string): Promise<void> {
    const state = (): string =>
      `${this.received} received, ${this.closed ? "closed" : "open"}, fault: ${this.fault}, said: ${this.lines.slice(1).join(" | ")}`;
    const isReady = (): boolean => {
      if (ready()) return true;
      if (this.closed) throw new Error(`closed while waiting for ${what}; ${state()}`);
      return false;
    };
    return this.#changes.until(isReady, () => `${what}; ${state()}`);
  }

  untilClosed(): Promise<void> {
    return this.#changes.until(
      () => this.closed,
      () => "closed",
    );
  }

  /** Milliseconds that a PING takes to come back as PONG. */
  roundTrip(): Promise<number> {
    return handled(this.#roundTrip());
  }

  close(): void {
    this.socket.destroy();
  }

  async #roundTrip(): Promise<number> {
    const startMs = performance.now();
    const pongs = this.pongs + 1;
    this.write("PING\r\n");
    await this.until(() => this.pongs >= pongs, "PONG");
    return performance.now() - startMs;
  }

  #onData(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    this.#parse(chunk);
    this.#changes.notify();
    const pace = this.#pace;
    if (pace === null) return;
    this.#burst += chunk.length;
    if (this.#burst < pace.burstBytes) return;
    this.#burst = 0;
    this.socket.pause();
    void this.wait(pace.pauseMs).then(() => {
      if (!this.#stopped) this.socket.resume();
    });
  }

  #parse(chunk: Buffer): void {
    let bytes = chunk;
    let at = 0;
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = Buffer.alloc(0);
    } else at = this.#passOver(bytes, 0);
    while (at < bytes.length) {
      const next = this.#operation(bytes, at);
      if (next < 0) {
        this.#rest = Buffer.from(bytes.subarray(at));
        return;
      }
      at = this.#passOver(bytes, next);
    }
  }

  /** Compares what `bytes` have of the message under way. @returns the position behind it */
  #passOver(bytes: Buffer, from: number): number {
    let at = from;
    while (this.#skip > 2 && at < bytes.length) {
      const end = Math.min(at + this.#skip - 2, at + fillBytes, bytes.length);
      if (bytes.compare(filled(this.#fill), 0, end - at, at, end) !== 0)
        this.fault ??= `message ${this.received} is damaged: ${JSON.stringify(bytes.latin1Slice(at, Math.min(end, at + 60)))} is not all ${String.fromCharCode(this.#fill)}`;
      this.#skip -= end - at;
      at = end;
    }
    const left = Math.min(this.#skip, bytes.length - at);
    this.#skip -= left;
    return at + left;
  }

  /** @returns the position after it, or after the stamp of a message; -1 when it is not whole */
  #operation(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(0x0a, at);
    if (feed < 0) return -1;
    const line = bytes.latin1Slice(at, feed - 1);
    if (!line.startsWith("MSG ") && !line.startsWith("HMSG ")) {
      if (line === "PONG") this.pongs++;
      else if (line === "PING") this.write("PONG\r\n");
      else this.lines.push(line);
      return feed + 1;
    }
    if (feed + 1 + stampBytes > bytes.length) return -1;
    const size = Number(line.slice(line.lastIndexOf(" ") + 1));
    const stamp = bytes.latin1Slice(feed + 1, feed + 1 + stampBytes);
    this.#check(stamp);
    this.#skip = size - stampBytes + 2;
    this.#fill = fillOf(stamp);
    return feed + 1 + stampBytes;
  }

  #check(stamp: string): void {
    this.received++;
    const publisher = stamp.slice(0, 2);
    const number = Number(stamp.slice(2));
    const expected = this.#next.get(publisher) ?? 0;
    if (number !== expected) this.fault ??= `message ${expected} of ${publisher} expected, got ${stamp}`;
    this.#next.set(publisher, number + 1);
  }
}

/** Each payload begins with two characters for its publisher and ten digits that count its messages. */
export const stampBytes = 12;

/** The rest of a payload is one letter, which differs between publishers and from one message to the next. */
function fillOf(stamp: string): number {
  return 0x61 + ((stamp.charCodeAt(0) + stamp.charCodeAt(1) * 7 + Number(stamp.slice(2))) % 26);
}

const fillBytes = 65_536;
const fills = new Map<number, Buffer>();
function filled(letter: number): Buffer {
  const known = fills.get(letter) ?? Buffer.alloc(fillBytes, letter);
  fills.set(letter, known);
  return known;
}

export async function connectFlow({ port, connect: fields = {} }: FlowOptions): Promise<FlowClient> {
  return connectFlowOver(connect({ host: "127.0.0.1", port, noDelay: true }), fields);
}

/** As {@link connectFlow}, over whatever carries bytes. */
export async function connectFlowOver(
  socket: Duplex,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<FlowClient> {
  const client = new FlowClient(socket);
  const connectFields = { verbose: false, pedantic: false, headers: true, ...fields };
  await client.until(() => client.lines.length > 0, "INFO");
  client.write(`CONNECT ${JSON.stringify(connectFields)}\r\n`);
  await client.roundTrip();
  return client;
}

/** A connection with one subscription. */
export async function connectReceiver(port: number, subject: string, sid = "1"): Promise<FlowClient> {
  const client = await connectFlow({ port });
  client.write(`SUB ${subject} ${sid}\r\n`);
  await client.roundTrip();
  return client;
}

export interface Flood {
  readonly subject: string;
  readonly publisher: string;
  readonly count: number;
  /** Number of the first message; 0. */
  readonly from?: number;
  readonly payloadBytes: number;
  /** Written at once. */
  readonly chunkBytes?: number;
}

/** Publishes as fast as the socket takes it. Resolves when all is written, or the socket is closed; gives how many were. */
export async function flood(client: FlowClient, options: Flood): Promise<number> {
  const { subject, publisher, count, from = 0, payloadBytes, chunkBytes = 256 * 1024 } = options;
  const line = `PUB ${subject} ${payloadBytes}\r\n`;
  const messageBytes = line.length + payloadBytes + 2;
  const perChunk = Math.max(1, Math.floor(chunkBytes / messageBytes));
  let sent = 0;
  while (sent < count && !client.closed) {
    const now = Math.min(perChunk, count - sent);
    const chunk = Buffer.allocUnsafe(now * messageBytes);
    for (let index = 0; index < now; index++) {
      const at = index * messageBytes;
      chunk.latin1Write(line, at);
      const stamp = publisher + String(from + sent + index).padStart(10, "0");
      chunk.latin1Write(stamp, at + line.length);
      chunk.fill(fillOf(stamp), at + line.length + stampBytes, at + messageBytes - 2);
      chunk.latin1Write("\r\n", at + messageBytes - 2);
    }
    sent += now;
    if (!client.socket.write(chunk)) await drained(client);
  }
  return sent;
}

async function drained(client: FlowClient): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      client.socket.removeListener("drain", done);
      client.socket.removeListener("close", done);
      resolve();
    };
    client.socket.on("drain", done);
    client.socket.on("close", done);
    if (client.closed || !client.socket.writableNeedDrain) done();
  });
}
