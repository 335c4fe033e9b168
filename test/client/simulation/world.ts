/**
 * A broker with clients over carriers in memory, and a journal of what each client did, in the order in which the
 * broker got to it: a publisher that is held back has its turn later.
 */
import type { Authenticator, Identity } from "../../../src/auth/identity.ts";
import { Clock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { Message } from "../../../src/protocol/message.ts";
import { Client } from "../../../src/client/client.ts";
import type { ClientContext, ClientSettings, ServerInfo } from "../../../src/client/context.ts";
import { PublishVerdicts } from "../../../src/client/publish-verdicts.ts";
import { BufferPool } from "../../../src/transport/buffer-pool.ts";
import { Connection, type ConnectionContext } from "../../../src/transport/connection.ts";
import { FlushPass } from "../../../src/transport/flush-pass.ts";
import { FakeWire } from "./fake-wire.ts";

export type Entry =
  | {
      readonly kind: "publish";
      readonly client: number;
      readonly subject: string;
      readonly reply: string;
      readonly headers: string;
      readonly payload: string;
    }
  | {
      readonly kind: "subscribe";
      readonly client: number;
      readonly subject: string;
      readonly queue: string | null;
      readonly sid: string;
    }
  | { readonly kind: "unsubscribe"; readonly client: number; readonly sid: string; readonly max: number }
  | { readonly kind: "connect"; readonly client: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: "ping"; readonly client: number }
  | { readonly kind: "close"; readonly client: number; readonly reason: string };

export const settings: ClientSettings = {
  maxControlLineBytes: 4096,
  maxPayloadBytes: 1024 * 1024,
  maxSubscriptions: 0,
  maxSubscriptionTokens: 0,
  pingIntervalMs: 120_000,
  pingMax: 2,
  authTimeoutMs: 2_000,
  headers: true,
  trace: null,
};

export const unlimited = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };

export const info: ServerInfo = {
  server_id: "ID",
  server_name: "test",
  version: "2.14.0",
  frond: "0",
  proto: 1,
  go: "node",
  host: "127.0.0.1",
  port: 4222,
  headers: true,
  max_payload: 1024 * 1024,
};

const everybody: Identity = { account: "$G", user: null, permissions: null };

export const openDoor: Authenticator = {
  required: false,
  requiredInInfo: false,
  needsNonce: false,
  prepare: async () => {},
  authenticate: () => everybody,
  anonymous: () => everybody,
};

export interface Peer {
  readonly client: Client;
  readonly connection: Connection;
  readonly wire: FakeWire;
  closeReason: string | null;
}

export class World {
  readonly clock = new Clock();
  readonly pass = new FlushPass(this.clock, new BufferPool());
  readonly broker: Broker;
  readonly context: ClientContext;
  readonly journal: Entry[] = [];
  readonly peers: Peer[] = [];
  limits = {
    pendingBytesMax: 64 * 1024 * 1024,
    highWaterMarkBytes: 48 * 1024 * 1024,
    writeDeadlineMs: 10_000,
  };

  constructor(authenticator: Authenticator = openDoor, changed: Partial<ClientSettings> = {}) {
    this.clock.freeze();
    this.broker = new Broker(this.clock, 100, () => 12345);
    this.broker.openAccount("$G", unlimited);
    this.context = {
      broker: this.broker,
      pass: this.pass,
      log: silentLog,
      connectionType: "STANDARD",
      systemAccount: "$SYS",
      settings: { ...settings, ...changed },
      authenticator,
      info,
      message: new Message(),
      publishVerdicts: new PublishVerdicts(1),
      random: () => 0.5,
      onNoResponders: () => {},
      nonce: () => "nonce",
    };
  }

  /** A connection that has been greeted and may speak. INFO is not kept. */
  connect(wire = new FakeWire(false)): number {
    const place = this.peers.length;
    const context: ConnectionContext = {
      pass: this.pass,
      clock: this.clock,
      limits: this.limits,
      onFault: (error) => {
        throw error;
      },
    };
    const peer = { address: "127.0.0.1", port: 1000 + place };
    const connection = new Connection((made) => wire.carry(made), peer, null, context);
    const client = new Client(connection, this.context);
    this.peers.push({ client, connection, wire, closeReason: null });
    this.#observe(client, place);
    client.open();
    connection.greet();
    wire.take();
    wire.written = "";
    connection.ready();
    return place;
  }

  /**
   * What one read brings. The buffer is written over afterwards, as a shared one is, unless somebody still needs it.
   * @returns false when the connection takes nothing now: it is closed, or not read
   */
  receive(place: number, text: string, stable = false): boolean {
    const { connection, wire } = this.peers[place] as Peer;
    if (connection.closed || wire.paused) return false;
    const chunk = Buffer.from(`#${text}#`, "latin1");
    connection.receive(chunk, 1, chunk.length - 1, stable);
    if (!connection.takeChunkKept() && !stable) chunk.fill("!");
    return true;
  }

  /** Everything is read by everybody. */
  drain(): void {
    for (let turn = 0; this.peers.some(({ wire }) => wire.waits); turn++) {
      if (turn > 100_000) throw new Error("never drained");
      for (const { wire } of this.peers) wire.take();
    }
  }

  peer(place: number): Peer {
    return this.peers[place] as Peer;
  }

  written(place: number): string {
    return this.peer(place).wire.written;
  }

  /** What it was sent since the last time. */
  take(place: number): string {
    const { wire } = this.peer(place);
    const text = wire.written;
    wire.written = "";
    return text;
  }

  #observe(client: Client, place: number): void {
    const { journal } = this;
    const original = {
      publish: client.onPublish.bind(client),
      subscribe: client.onSubscribe.bind(client),
      unsubscribe: client.onUnsubscribe.bind(client),
      connect: client.onConnect.bind(client),
      ping: client.onPing.bind(client),
      close: client.onClose.bind(client),
    };
    client.onPublish = (...args) => {
      const [bytes, subjectStart, subjectEnd, replyStart, replyEnd, , headerBytes, bodyStart, bodyEnd] = args;
      const payloadStart = bodyStart + Math.max(0, headerBytes);
      journal.push({
        kind: "publish",
        client: place,
        subject: bytes.latin1Slice(subjectStart, subjectEnd),
        reply: bytes.latin1Slice(replyStart, replyEnd),
        headers: bytes.latin1Slice(bodyStart, payloadStart),
        payload: bytes.latin1Slice(payloadStart, bodyEnd),
      });
      original.publish(...args);
    };
    client.onSubscribe = (subject, queue, sid) => {
      journal.push({ kind: "subscribe", client: place, subject, queue, sid });
      original.subscribe(subject, queue, sid);
    };
    client.onUnsubscribe = (sid, max) => {
      journal.push({ kind: "unsubscribe", client: place, sid, max });
      original.unsubscribe(sid, max);
    };
    client.onConnect = (json) => {
      const text = json.toString();
      // What cannot be read ends the client, and its part in the journal.
      original.connect(json);
      journal.push({ kind: "connect", client: place, fields: JSON.parse(text) as Record<string, unknown> });
    };
    client.onPing = () => {
      journal.push({ kind: "ping", client: place });
      original.ping();
    };
    client.onClose = (reason) => {
      this.peer(place).closeReason = reason;
      journal.push({ kind: "close", client: place, reason });
      original.close(reason);
    };
  }
}
