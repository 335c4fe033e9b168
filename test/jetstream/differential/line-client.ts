/** One plain connection that keeps messages as they came: header block and payload byte by byte, in latin1. */
import { connect, type Socket } from "node:net";
import { Changes } from "../../fixture/waiting.ts";

export interface Arrival {
  readonly subject: string;
  readonly reply: string;
  /** With its first line and without the empty line at its end; empty without headers. */
  readonly header: string;
  readonly payload: string;
}

export class LineClient {
  /** `-ERR` lines. */
  readonly errors: string[] = [];
  readonly #socket: Socket;
  readonly #inbox = `_R${Math.random().toString(36).slice(2)}`;
  readonly #takers = new Map<number, (arrival: Arrival) => void>();
  readonly #changes = new Changes();
  #pings = 0;
  #pongs = 0;
  #received = "";
  #lastSid = 0;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.setNoDelay(true);
    socket.on("data", (chunk: string) => {
      this.#received += chunk;
      this.#take();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#changes.notify();
    });
  }

  static async open(port: number, connectFields: object = {}): Promise<LineClient> {
    const socket = connect({ host: "127.0.0.1", port });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    });
    const client = new LineClient(socket);
    const fields = { verbose: false, headers: true, no_responders: true, protocol: 1, ...connectFields };
    client.send(`CONNECT ${JSON.stringify(fields)}\r\n`);
    await client.flush();
    return client;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  send(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Resolves when the broker has read all that was sent; rejects when the connection ends before. */
  flush(): Promise<void> {
    const pings = ++this.#pings;
    const what = (): string => `PONG; ${this.errors.join(", ")}`;
    this.send("PING\r\n");
    return this.#changes.until(() => {
      if (this.#pongs < pings && this.#closed) throw new Error(`closed while waiting for ${what()}`);
      return this.#pongs >= pings;
    }, what);
  }

  /** @returns how to end it */
  subscribe(subject: string, take: (arrival: Arrival) => void, queue = ""): () => void {
    const sid = ++this.#lastSid;
    this.#takers.set(sid, take);
    this.send(`SUB ${subject} ${queue} ${sid}\r\n`);
    return () => {
      this.#takers.delete(sid);
      this.send(`UNSUB ${sid}\r\n`);
    };
  }

  publish(subject: string, payload: string, header = "", reply = ""): void {
    if (header === "") {
      this.send(`PUB ${subject} ${reply} ${payload.length}\r\n${payload}\r\n`);
      return;
    }
    const block = `NATS/1.0\r\n${header}\r\n`;
    this.send(
      `HPUB ${subject} ${reply} ${block.length} ${block.length + payload.length}\r\n${block}${payload}\r\n`,
    );
  }

  /** The first answer; null when none comes in time. */
  async request(subject: string, payload = "", header = "", timeoutMs = 10_000): Promise<Arrival | null> {
    let first: Arrival | null = null;
    await this.gather(subject, payload, header, timeoutMs, (arrival) => {
      first = arrival;
      return true;
    });
    return first;
  }

  /** Answers until `isLast` says so, or until the time is over. @returns whether there was a last one */
  async gather(
    subject: string,
    payload: string,
    header: string,
    timeoutMs: number,
    isLast: (arrival: Arrival) => boolean,
  ): Promise<boolean> {
    const reply = `${this.#inbox}.${this.#lastSid}`;
    let unsubscribe = (): void => {};
    let timer: NodeJS.Timeout | undefined;
    const ended = await new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
      unsubscribe = this.subscribe(reply, (arrival) => {
        if (isLast(arrival)) resolve(true);
      });
      this.publish(subject, payload, header, reply);
    });
    clearTimeout(timer);
    unsubscribe();
    return ended;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(): void {
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end < 0) return;
      const line = this.#received.slice(0, end);
      if (!/^H?MSG /.test(line)) {
        this.#received = this.#received.slice(end + 2);
        this.#control(line);
        continue;
      }
      const words = line.split(" ");
      const total = Number(words.at(-1));
      if (this.#received.length < end + 2 + total + 2) return;
      const body = this.#received.slice(end + 2, end + 2 + total);
      this.#received = this.#received.slice(end + 2 + total + 2);
      const sizes = line.startsWith("H") ? 2 : 1;
      const headerBytes = sizes === 2 ? Number(words.at(-2)) : 0;
      this.#takers.get(Number(words[2]))?.({
        subject: words[1] ?? "",
        reply: words.length > 3 + sizes ? (words[3] ?? "") : "",
        header: body.slice(0, headerBytes).replace(/\r\n\r\n$/, ""),
        payload: body.slice(headerBytes),
      });
    }
  }

  #control(line: string): void {
    if (line === "PING") this.send("PONG\r\n");
    else if (line === "PONG") {
      this.#pongs++;
      this.#changes.notify();
    } else if (line.startsWith("-ERR")) this.errors.push(line);
  }
}
