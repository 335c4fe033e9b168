import { type Arrival, LineClient } from "./line-client.ts";
import type { Operation } from "./operation.ts";

/** Where a consumer may push to, and streams republish to. */
const listenedSubjects = ["push.>", "again.>", "$JS.EVENT.ADVISORY.>"] as const;

/** Starts the broker again, and gives a connection to it. */
export type Restart = (how: "stop" | "kill") => Promise<LineClient>;

/** Carries operations out on one broker and tells what came of each, without what differs from run to run. */
export class Player {
  #client: LineClient;
  readonly #restart: Restart | undefined;
  /** Replies of what was delivered, the latest last. */
  readonly #deliveries: string[] = [];
  /** What came on the subjects that are listened to. */
  #heard: string[] = [];
  /** By request. */
  readonly #created = new Map<string, string>();
  /** Operations that had no answer within their time. */
  unanswered = 0;

  /** @param restart without it the broker stays as it is */
  constructor(client: LineClient, restart?: Restart) {
    this.#client = client;
    this.#restart = restart;
    this.#listen(client);
  }

  async play(operation: Operation): Promise<string[]> {
    switch (operation.do) {
      case "ask":
        return this.#ask(`$JS.API.${operation.subject}`, bodyText(operation.body));
      case "publish":
        return this.#ask(operation.subject, operation.payload, operation.header);
      case "direct":
        return this.#direct(operation.subject, bodyText(operation.body));
      case "fetch":
        return this.#fetch(operation);
      case "ack":
        return this.#ack(operation.back, operation.text);
      case "listen":
        await this.#client.flush();
        return this.#heard.toSorted();
      case "wait":
        await new Promise((resolve) => setTimeout(resolve, operation.ms));
        return [];
      case "times":
        return Promise.all(operation.subjects.map(async (subject) => this.#isAsOld(subject)));
      case "restart":
        return this.#startAgain(operation.how);
    }
  }

  /** Removes all streams and forgets what was heard, so that another sequence can begin. */
  async clear(): Promise<void> {
    for (let tries = 0; tries < 10; tries++) {
      const answer = await this.#client.request("$JS.API.STREAM.NAMES");
      const { streams } = JSON.parse(answer?.payload ?? "{}") as { streams?: string[] | null };
      if (!streams?.length) break;
      for (const name of streams) await this.#client.request(`$JS.API.STREAM.DELETE.${name}`);
    }
    await this.#client.flush();
    this.#deliveries.length = 0;
    this.#created.clear();
    this.#heard = [];
  }

  /** Forgets what was heard and agreed upon. */
  forgetHeard(): void {
    this.#heard = [];
  }

  close(): void {
    this.#client.close();
  }

  #listen(client: LineClient): void {
    for (const subject of listenedSubjects) {
      client.subscribe(subject, (arrival) => {
        const isFlow = arrival.header.startsWith("NATS/1.0 100");
        // A heartbeat comes when it comes; a question for the flow has to be answered.
        if (isFlow && arrival.reply !== "") client.publish(arrival.reply, "");
        if (isFlow) return;
        if (arrival.reply.startsWith("$JS.ACK.")) this.#deliveries.push(arrival.reply);
        this.#heard.push(subject === "$JS.EVENT.ADVISORY.>" ? advisoryOf(arrival) : shownArrival(arrival));
      });
    }
  }

  async #startAgain(how: "stop" | "kill"): Promise<string[]> {
    if (this.#restart === undefined) return [];
    this.#client.close();
    this.#client = await this.#restart(how);
    this.#listen(this.#client);
    await this.#client.flush();
    return [];
  }

  async #isAsOld(subject: string): Promise<string> {
    const answer = await this.#client.request(`$JS.API.${subject}`);
    const created = /"created":"([^"]*)"/.exec(answer?.payload ?? "")?.[1] ?? "none";
    const before = this.#created.get(subject) ?? created;
    this.#created.set(subject, created);
    return `${subject}: ${created === before ? "as before" : "another time"}`;
  }

  async #ask(subject: string, body: string, header = ""): Promise<string[]> {
    const answer = await this.#client.request(subject, body, header, 2500);
    if (answer === null) this.unanswered++;
    return answer === null ? ["nothing"] : [`${answer.header} ${masked(answer.payload)}`.trim()];
  }

  async #direct(subject: string, body: string): Promise<string[]> {
    const lines: string[] = [];
    // One that is no batch has one answer, which names no number of pending messages.
    const ended = await this.#client.gather(subject, body, "", 1500, (arrival) => {
      lines.push(shownArrival({ ...arrival, subject: "" }));
      return arrival.header.startsWith("NATS/1.0 ") || !arrival.header.includes("Nats-Num-Pending:");
    });
    return ended ? lines : [...lines, "no end"];
  }

  async #fetch({ stream, consumer, body }: Operation & { do: "fetch" }): Promise<string[]> {
    const lines: string[] = [];
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    const ended = await this.#client.gather(subject, JSON.stringify(body), "", 2000, (arrival) => {
      const isStatus = /^NATS\/1\.0 \d/.test(arrival.header);
      if (isStatus && arrival.header.startsWith("NATS/1.0 100")) return false;
      if (arrival.reply.startsWith("$JS.ACK.")) this.#deliveries.push(arrival.reply);
      lines.push(isStatus ? arrival.header : shownArrival(arrival));
      return isStatus || lines.length >= body.batch;
    });
    return ended ? lines : [...lines, "no end"];
  }

  async #ack(back: number, text: string): Promise<string[]> {
    const subject = this.#deliveries.at(-1 - (back % Math.max(1, this.#deliveries.length)));
    if (subject === undefined) return [];
    const answer = await this.#client.request(subject, text, "", 300);
    return [
      maskedAck(subject),
      answer === null ? "nothing" : answer.header.split("\r\n")[0] + answer.payload,
    ];
  }
}

function bodyText(body: unknown): string {
  if (body === undefined || body === null) return "";
  return typeof body === "string" ? body : JSON.stringify(body);
}

function shownArrival({ subject, reply, header, payload }: Arrival): string {
  const parts = [
    subject,
    maskedAck(reply),
    masked(header),
    payload.length > 400 ? `${payload.length} bytes` : payload,
  ];
  return parts.filter((part) => part !== "").join(" | ");
}

function advisoryOf({ subject, payload }: Arrival): string {
  // Each API call is also told of; that is known to be so, and takes too long to compare.
  if (subject.startsWith("$JS.EVENT.ADVISORY.API")) return "";
  return `${subject} ${masked(payload)}`;
}

function maskedAck(reply: string): string {
  return reply.startsWith("$JS.ACK.") ? reply.replace(/\.\d{18,20}\.(\d+)$/, ".<time>.$1") : "";
}

/** Takes out what differs from run to run: times that are not zero, ids, versions. */
function masked(text: string): string {
  return text
    .replace(/(?!0001-)\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, "<time>")
    .replace(/"_nats\.(ver|level)":"[^"]*"/g, '"_nats.$1":"<version>"')
    .replace(/"id":"[A-Za-z0-9]{22}"/g, '"id":"<id>"')
    .replace(/\$JS\.[MS]\.\w{20,}/g, "$JS.<id>")
    .replace(/Nats-Pin-Id: \w+/g, "Nats-Pin-Id: <id>")
    .replace(/"(pinned_client_id|pinned_id)":"\w+"/g, '"$1":"<id>"')
    .replace(/"pause_remaining":\d+/g, '"pause_remaining":<time>')
    .replace(/"(client_info|client)":\{[^}]*\}/g, '"$1":<client>');
}
