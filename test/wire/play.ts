/** Plays a transcript to a server over real sockets. */
import { connect, type Socket } from "node:net";
import { Changes, delay } from "../fixture/waiting.ts";
import { decode, encode, type Block, type Heard, type Subject, type Transcript } from "./transcript.ts";

/** Who has said nothing for so long has nothing to say. */
const quietMs = 12;
const quietWhenRewritingMs = 120;

/** @throws Error at the first thing that is heard otherwise than written, or not at all */
export async function check(transcript: Transcript, port: number, subject: Subject): Promise<void> {
  const clients = new Clients(transcript, port);
  try {
    for (const block of transcript.blocks) {
      await clients.perform(block);
      const hears = block.hears.filter(({ only }) => only === null || only === subject);
      const open = [...hears];
      for (const { client, text } of hears) {
        const heard = await (await clients.open(client)).next();
        const place = open.findIndex((other) => other.client === client && other.text === heard);
        if (place < 0 || (transcript.isOrdered && heard !== text))
          throw new Error(`${client} heard ${heard}\n   and not ${text}`);
        open.splice(place, 1);
      }
    }
    await delay(quietMs);
    const unheard = clients.rest();
    if (unheard.length > 0) throw new Error(`more was said: ${unheard.map(show).join("; ")}`);
  } finally {
    clients.close();
  }
}

/** The transcript with what the server says now. */
export async function rewrite(transcript: Transcript, port: number): Promise<Transcript> {
  const clients = new Clients(transcript, port);
  const blocks: Block[] = [];
  try {
    for (const block of transcript.blocks) {
      await clients.perform(block);
      await clients.quiet();
      blocks.push({ ...block, hears: clients.rest() });
    }
  } finally {
    clients.close();
  }
  return { ...transcript, blocks };
}

class Clients {
  readonly #transcript: Transcript;
  readonly #port: number;
  readonly #byName = new Map<string, Ear>();

  constructor(transcript: Transcript, port: number) {
    this.#transcript = transcript;
    this.#port = port;
  }

  async open(name: string): Promise<Ear> {
    let client = this.#byName.get(name);
    if (client === undefined) {
      client = new Ear(this.#transcript, this.#port);
      this.#byName.set(name, client);
      await client.greeted();
    }
    return client;
  }

  async perform({ waitMs, says }: Block): Promise<void> {
    if (waitMs > 0) await delay(waitMs);
    const [first] = says;
    if (first !== undefined) (await this.open(first.client)).say(says.map(({ text }) => text));
  }

  async quiet(): Promise<void> {
    let heard = -1;
    for (let now = this.#heard(); now !== heard; now = this.#heard()) {
      heard = now;
      await delay(quietWhenRewritingMs);
    }
  }

  /** What was said and nobody has listened to. */
  rest(): Heard[] {
    return [...this.#byName]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([client, ear]) => ear.rest().map((text): Heard => ({ client, only: null, text })));
  }

  close(): void {
    for (const client of this.#byName.values()) client.close();
  }

  #heard(): number {
    let count = 0;
    for (const client of this.#byName.values()) count += client.heardBytes;
    return count;
  }
}

class Ear {
  readonly #socket: Socket;
  readonly #transcript: Transcript;
  readonly #lines: string[] = [];
  #rest = "";
  readonly #changes = new Changes();
  #closed = false;
  #closing = false;
  #hasGreeted = false;
  heardBytes = 0;

  constructor(transcript: Transcript, port: number) {
    this.#transcript = transcript;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text: string) => this.#hear(text));
    this.#socket.on("error", () => {});
    const end = (): void => this.#end();
    this.#socket.on("end", end);
    this.#socket.on("close", end);
  }

  async greeted(): Promise<void> {
    await this.#until(() => this.#hasGreeted || this.#closed);
  }

  /** All at once: nats-server complains twice of a publish that comes in pieces. */
  say(texts: readonly string[]): void {
    const words = texts.filter((text) => text !== "<close>" && text !== "<end>");
    if (words.length > 0) this.#socket.write(words.map(encode).join(""), "latin1");
    if (texts.includes("<end>")) this.#socket.end();
    if (!texts.includes("<close>")) return;
    this.#closing = true;
    this.#socket.destroy();
  }

  async next(): Promise<string> {
    await this.#until(() => this.#lines.length > 0);
    return this.#lines.shift() as string;
  }

  rest(): string[] {
    return this.#lines.splice(0);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #until(ready: () => boolean): Promise<void> {
    await this.#changes.until(ready, () => `nothing heard; unfinished: ${decode(this.#rest)}`);
  }

  #hear(text: string): void {
    this.heardBytes += text.length;
    const lines = (this.#rest + text).split("\r\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const shown = this.#shown(line);
      if (shown !== null) this.#lines.push(shown);
    }
    this.#changes.notify();
  }

  #shown(line: string): string | null {
    if (line === "PING" && !this.#transcript.showsPings) return null;
    const json = /^INFO (\{.*\}) ?$/.exec(line);
    if (json === null) return decode(line);
    this.#hasGreeted = true;
    const { infoFields } = this.#transcript;
    if (infoFields.length === 0) return null;
    const info = JSON.parse(Buffer.from(json[1] as string, "latin1").toString()) as Record<string, unknown>;
    const shown = infoFields.filter((field) => field in info).map((field) => [field, info[field]]);
    return `INFO ${JSON.stringify(Object.fromEntries(shown))}`;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#rest !== "") this.#lines.push(`${decode(this.#rest)}\\c`);
    if (!this.#closing) this.#lines.push("<closed>");
    this.heardBytes++;
    this.#socket.destroy();
    this.#changes.notify();
  }
}

function show({ client, text }: Heard): string {
  return `${client}< ${text}`;
}
