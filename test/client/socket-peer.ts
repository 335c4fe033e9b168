/** One plain socket to a broker, for tests that send and receive a lot: what came is read once, at a fence. */
import { connect, type Socket } from "node:net";
import { Changes, handled } from "../fixture/waiting.ts";

export class SocketPeer {
  readonly socket: Socket;
  closed = false;
  #chunks: string[] = [];
  /** The end of what came, for a PONG that is cut in two. */
  #tail = "";
  #pongs = 0;
  #pings = 0;
  readonly #changes = new Changes();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.#changes.notify();
    });
  }

  /** @param fields of CONNECT; null to say nothing */
  static async open(
    port: number,
    fields: object | null = { verbose: false, pedantic: false },
  ): Promise<SocketPeer> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const peer = new SocketPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    if (fields !== null) {
      peer.send(`CONNECT ${JSON.stringify(fields)}\r\n`);
      await peer.fence();
      peer.received();
    }
    return peer;
  }

  send(text: string | Uint8Array): void {
    if (typeof text === "string") this.socket.write(text, "latin1");
    else this.socket.write(text);
  }

  /** Resolves when the broker has done all that was sent here, and all that it sent before has come. */
  fence(): Promise<void> {
    this.send("PING\r\n");
    return handled(this.#answered());
  }

  /** Resolves with the answer to one more PING that was sent, or at the end of the connection. */
  async nextPong(): Promise<void> {
    const wanted = ++this.#pings;
    await this.#changes.until(
      () => this.#pongs >= wanted || this.closed,
      () => "PONG",
    );
  }

  async #answered(): Promise<void> {
    await this.nextPong();
    if (this.closed) throw new Error("closed while waiting for PONG");
  }

  /** What has come since the last time. */
  received(): string {
    const text = this.#chunks.join("");
    this.#chunks = [];
    return text;
  }

  close(): void {
    this.socket.destroy();
  }

  #take(text: string): void {
    this.#chunks.push(text);
    const seen = this.#tail + text;
    const pong = "PONG\r\n";
    let pongs = 0;
    let last = 0;
    for (let at = seen.indexOf(pong); at >= 0; at = seen.indexOf(pong, last)) {
      pongs++;
      last = at + pong.length;
    }
    // No payload of these tests holds a PONG.
    this.#tail = seen.slice(Math.max(last, seen.length - pong.length + 1));
    if (pongs === 0) return;
    this.#pongs += pongs;
    this.#changes.notify();
  }
}

/** The messages in what a peer received, as `<subject> <sid> <payload>`; payloads must hold no line break. */
export function messagesIn(received: string): string[] {
  const messages: string[] = [];
  const lines = received.split("\r\n");
  for (let at = 0; at < lines.length; at++) {
    const words = (lines[at] as string).split(" ");
    if (words[0] !== "MSG") continue;
    const payload = lines[++at] as string;
    if (payload.length !== Number(words.at(-1)))
      throw new Error(`${words.join(" ")} is followed by ${payload}`);
    messages.push(`${words[1]} ${words[2]} ${payload}`);
  }
  return messages;
}
