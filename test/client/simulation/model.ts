/**
 * What a NATS server would send, written down the slow way: every delivery is made by itself, every subscription is
 * looked at for every message. Where the server is free to choose (the order of deliveries of one message, the member
 * of a queue group), the model asks what was chosen and checks that it was allowed.
 */
import type { Entry } from "./world.ts";
import type { Frame } from "./frames.ts";

interface Sub {
  readonly client: number;
  readonly subject: string;
  readonly queue: string | null;
  readonly sid: string;
  delivered: number;
  max: number;
}

interface Session {
  echo: boolean;
  headers: boolean;
  verbose: boolean;
  pedantic: boolean;
  noResponders: boolean;
  connected: boolean;
  closed: boolean;
  subs: Sub[];
  /** Frames in order; those in one array belong to one message and may come in any order. */
  expected: string[][];
}

export class Model {
  readonly #sessions: Session[];
  /** Where a message (by its whole payload) arrived, as `client sid`; what has been accounted for is taken out. */
  readonly #arrived = new Map<string, Set<string>>();
  /** Whether everything that was sent to this client has been seen. */
  readonly #isWhole: (client: number) => boolean;

  constructor(outputs: readonly (readonly Frame[])[], isWhole: (client: number) => boolean) {
    this.#isWhole = isWhole;
    this.#sessions = outputs.map(() => ({
      echo: true,
      headers: false,
      verbose: true,
      pedantic: true,
      noResponders: false,
      connected: false,
      closed: false,
      subs: [],
      expected: [],
    }));
    for (const [client, frames] of outputs.entries()) {
      for (const { sid, payload } of frames) {
        if (sid === null) continue;
        // Headers may have been stripped: the end of a payload is what names a message.
        const id = idOf(payload);
        const places = this.#arrived.get(id) ?? new Set();
        this.#arrived.set(id, places.add(`${client} ${sid}`));
      }
    }
  }

  /** @throws Error when a queue group was not served by exactly one of its members */
  replay(journal: readonly Entry[]): string[][][] {
    for (const entry of journal) this.#step(entry);
    return this.#sessions.map((session) => session.expected);
  }

  #step(entry: Entry): void {
    const session = this.#sessions[entry.client] as Session;
    if (session.closed) throw new Error(`client ${entry.client} acts after its end`);
    switch (entry.kind) {
      case "connect":
        return connect(session, entry.fields);
      case "ping":
        session.expected.push(["PONG\r\n"]);
        return;
      case "subscribe":
        return subscribe(session, entry);
      case "unsubscribe": {
        const sub = session.subs.find(({ sid }) => sid === entry.sid);
        if (sub !== undefined && entry.max > sub.delivered) sub.max = entry.max;
        else if (sub !== undefined) session.subs.splice(session.subs.indexOf(sub), 1);
        if (session.verbose) session.expected.push(["+OK\r\n"]);
        return;
      }
      case "publish":
        return this.#publish(session, entry);
      case "close":
        if (entry.reason === "Maximum Message Payload Exceeded")
          session.expected.push(["-ERR 'Maximum Payload Violation'\r\n"]);
        session.closed = true;
        session.subs = [];
    }
  }

  #publish(publisher: Session, entry: Extract<Entry, { kind: "publish" }>): void {
    if (publisher.pedantic && !isLiteral(entry.subject))
      publisher.expected.push(["-ERR 'Invalid Publish Subject'\r\n"]);
    if (publisher.verbose) publisher.expected.push(["+OK\r\n"]);
    const deliveries = this.#sessions.map((): string[] => []);
    const groups = new Map<string, Sub[]>();
    let count = 0;
    for (const session of this.#sessions) {
      for (const sub of [...session.subs]) {
        if (!matches(sub.subject, entry.subject)) continue;
        if (session === publisher && !session.echo) continue;
        if (sub.queue === null) {
          count++;
          this.#deliver(sub, entry, deliveries);
        } else groups.set(sub.queue, [...(groups.get(sub.queue) ?? []), sub]);
      }
    }
    const arrived = this.#arrived.get(idOf(entry.payload)) ?? new Set();
    for (const [name, members] of groups) {
      count++;
      const chosen = members.filter(({ client, sid }) => arrived.has(`${client} ${sid}`));
      if (chosen.length > 1)
        throw new Error(`queue group ${name} got ${entry.payload} ${chosen.length} times`);
      if (chosen.length === 1) this.#deliver(chosen[0] as Sub, entry, deliveries);
      else if (members.every(({ client }) => this.#isWhole(client)))
        throw new Error(`queue group ${name} did not get ${entry.payload}`);
    }
    for (const [client, frames] of deliveries.entries())
      if (frames.length > 0) (this.#sessions[client] as Session).expected.push(frames);
    if (count === 0 && entry.reply !== "" && publisher.noResponders) this.#noResponders(publisher, entry);
  }

  #deliver(sub: Sub, entry: Extract<Entry, { kind: "publish" }>, deliveries: string[][]): void {
    const session = this.#sessions[sub.client] as Session;
    const start = `${entry.subject} ${sub.sid} ${entry.reply === "" ? "" : `${entry.reply} `}`;
    const { headers, payload } = entry;
    const frame =
      headers !== "" && session.headers
        ? `HMSG ${start}${headers.length} ${headers.length + payload.length}\r\n${headers}${payload}\r\n`
        : `MSG ${start}${payload.length}\r\n${payload}\r\n`;
    (deliveries[sub.client] as string[]).push(frame);
    sub.delivered++;
    if (sub.delivered === sub.max) session.subs.splice(session.subs.indexOf(sub), 1);
  }

  #noResponders(publisher: Session, entry: Extract<Entry, { kind: "publish" }>): void {
    const takers = publisher.subs.filter(
      ({ queue, subject }) => queue === null && matches(subject, entry.reply),
    );
    const headers = `NATS/1.0 503\r\nNats-Subject: ${entry.subject}\r\n\r\n`;
    const sizes = `${headers.length} ${headers.length}`;
    // Any one of them.
    if (takers.length > 0)
      publisher.expected.push(
        takers.map(({ sid }) => `HMSG ${entry.reply} ${sid} ${sizes}\r\n${headers}\r\n`),
      );
    const last = publisher.expected.at(-1);
    if (takers.length > 1 && last !== undefined)
      publisher.expected.push(["one of", ...(publisher.expected.pop() ?? [])]);
  }
}

function connect(session: Session, fields: Readonly<Record<string, unknown>>): void {
  // A second one starts over.
  if (session.connected) session.subs = [];
  session.connected = true;
  const told = (name: string, before: boolean): boolean => (fields[name] as boolean | undefined) ?? before;
  session.echo = told("echo", session.echo);
  session.headers = told("headers", session.headers);
  session.verbose = told("verbose", session.verbose);
  session.pedantic = told("pedantic", session.pedantic);
  session.noResponders = told("no_responders", session.noResponders);
  if (session.verbose) session.expected.push(["+OK\r\n"]);
}

function subscribe(session: Session, entry: Extract<Entry, { kind: "subscribe" }>): void {
  const { client, subject, queue, sid } = entry;
  // A sid that is taken leaves the older subscription as it is, whatever else is asked for.
  if (!session.subs.some((sub) => sub.sid === sid)) {
    const tokens = subject.split(".");
    if (tokens.some((token, at) => token === "" || (token === ">" && at < tokens.length - 1))) {
      session.expected.push(["-ERR 'Invalid Subject'\r\n"]);
      return;
    }
    session.subs.push({ client, subject, queue, sid, delivered: 0, max: 0 });
  }
  if (session.verbose) session.expected.push(["+OK\r\n"]);
}

export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  if (tokens.includes("")) return false;
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}

function isLiteral(subject: string): boolean {
  return subject.split(".").every((token) => token !== "" && token !== "*" && token !== ">");
}

/** A message's name stands at the end of its payload. */
export function idOf(payload: string): string {
  return payload.slice(payload.lastIndexOf("#"));
}

/** @throws Error where `frames` is not what the model expected; with `partial`, it may end early */
export function compare(frames: readonly Frame[], expected: readonly string[][], partial: boolean): void {
  let at = 0;
  for (const [step, group] of expected.entries()) {
    const oneOf = group[0] === "one of";
    const open = oneOf ? group.slice(1) : [...group];
    const count = oneOf ? 1 : open.length;
    for (let seen = 0; seen < count; seen++) {
      const frame = frames[at++];
      if (frame === undefined && partial) return;
      const place = frame === undefined ? -1 : open.indexOf(frame.text);
      if (place < 0)
        throw new Error(
          `frame ${at - 1} is ${show(frame?.text)}, not one of ${open.map(show).join(", ")} (step ${step})`,
        );
      open.splice(place, 1);
    }
  }
  if (at < frames.length) throw new Error(`more than expected: ${show(frames[at]?.text)}`);
}

function show(text: string | undefined): string {
  return JSON.stringify(text?.replace(/x{9,}/, (filler) => `<${filler.length}>`)) ?? "nothing";
}
