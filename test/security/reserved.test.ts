/** A user that may not delete a stream tries to have it deleted by others. The answers are those of a nats-server, too. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { describeWith, natsServer, nothing } from "../fixture/needs.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { type Peer, type PeerKind, startPeer } from "../interop/peer.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const kinds = [
  ["frond", nothing],
  ["nats-server", natsServer("2.15.3")],
] as const;
const deletion = "$JS.API.STREAM.DELETE.V";

const users = `accounts { A { jetstream: enabled, users: [
  { user: all, password: p }
  { user: u, password: p, permissions: { publish: { deny: "$JS.API.STREAM.DELETE.>" } } }
  { user: answers, password: p, permissions: { publish: { deny: ">" }, allow_responses: true } } ] } }`;

class Session {
  readonly #raw: RawClient;
  #count = 0;

  private constructor(raw: RawClient) {
    this.#raw = raw;
  }

  static async open(peer: Peer, user: string): Promise<Session> {
    const connect = { user, pass: "p", verbose: false, headers: true };
    const raw = await connectRaw(Number(new URL(peer.url).port), { connect });
    ended.push(() => raw.close());
    return new Session(raw);
  }

  /** @returns the lines that came before the fence */
  async say(...lines: string[]): Promise<string[]> {
    this.#raw.send(lines.map((line) => `${line}\r\n`).join(""));
    return this.#raw.untilPong();
  }

  /** The error of the answer, as `code description`, or "ok". */
  async ask(subject: string, body: object | string = ""): Promise<string> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const sid = `in${++this.#count}`;
    this.#raw.send(
      `SUB ${sid} ${sid}\r\nUNSUB ${sid} 1\r\nPUB ${subject} ${sid} ${text.length}\r\n${text}\r\n`,
    );
    for (;;) {
      const line = await this.#raw.line();
      if (!line.startsWith(`MSG ${sid} `)) continue;
      const { error } = JSON.parse(await this.#raw.line()) as {
        error?: { err_code: number; description: string };
      };
      return error === undefined ? "ok" : `${error.err_code} ${error.description}`;
    }
  }
}

async function start(kind: PeerKind): Promise<{ peer: Peer; all: Session; user: Session }> {
  const folder = mkdtempSync(join(tmpdir(), "frond-reserved-"));
  ended.push(() => rmSync(folder, { recursive: true, force: true }));
  const peer = await startPeer(kind, `jetstream { store_dir: ${JSON.stringify(folder)} }\n${users}`);
  ended.push(() => peer.stop());
  const [all, user] = [await Session.open(peer, "all"), await Session.open(peer, "u")];
  expect(await all.ask("$JS.API.STREAM.CREATE.V", { name: "V", subjects: ["v"] })).toBe("ok");
  expect(await user.say(`PUB ${deletion} 0\r\n`)).toEqual([
    `-ERR 'Permissions Violation for Publish to "${deletion}"'`,
  ]);
  return { peer, all, user };
}

const exists = async (session: Session): Promise<string> => session.ask("$JS.API.STREAM.INFO.V");

for (const [kind, need] of kinds)
  describeWith(need, `a stream that a user may not delete (${kind}) stays`, () => {
    test.each([
      ["its republish leads to the deletion", { src: "ok.1", dest: deletion }, "ok.1"],
      [
        "a transform in its republish makes it",
        { src: "ok.*", dest: "$JS.API.STREAM.DELETE.{{wildcard(1)}}" },
        "ok.V",
      ],
    ])("when %s", async (_what, republish, subject) => {
      const { all, user } = await start(kind);
      const config = { name: "R", subjects: ["ok.*"], republish };
      expect(await user.ask("$JS.API.STREAM.CREATE.R", config)).toBe("ok");
      expect(await user.ask(subject)).toBe("ok");
      expect(await exists(all)).toBe("ok");
    });

    test("when a snapshot or a consumer is to be delivered there, which is refused", async () => {
      const { all, user } = await start(kind);
      expect(await user.ask("$JS.API.STREAM.SNAPSHOT.V", { deliver_subject: deletion })).toBe(
        "10015 deliver subject not valid",
      );
      const ask = async (deliver_subject: string): Promise<string> =>
        user.ask("$JS.API.CONSUMER.CREATE.V.c", {
          stream_name: "V",
          config: { durable_name: "c", ack_policy: "explicit", deliver_subject },
        });
      const refusal = "10112 invalid push consumer deliver subject";
      for (const subject of [
        deletion,
        "$JS.hub.API.INFO",
        "$JS.ACK.V.c.1.1.1.1.0",
        "$JS.FC.V.c.x",
        "_R_.x.y",
      ])
        expect(await ask(subject)).toBe(refusal);
      expect(await ask("here")).toBe("ok");
      expect(await ask(deletion)).toBe(refusal);
      expect(await exists(all)).toBe("ok");
    });

    test("when a responder with allow_responses is asked to answer there, which is refused", async () => {
      const { peer, all, user } = await start(kind);
      const service = await Session.open(peer, "answers");
      await service.say("SUB svc 1");
      expect(await user.say(`PUB svc ${deletion} 0\r\n`)).toEqual([
        `-ERR 'Permissions Violation for Publish with Reply of "${deletion}"'`,
      ]);
      expect(await service.say()).toEqual([]);
      expect(await exists(all)).toBe("ok");
    });
  });
