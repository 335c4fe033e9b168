import { describe, expect, it } from "vitest";
import type { Log } from "../../src/base/log.ts";
import { silentLog } from "../../src/base/log.ts";
import { composeMessage, Message } from "../../src/protocol/message.ts";
import { Trace } from "../../src/client/trace.ts";
import { World } from "./simulation/world.ts";

function traceTo(lines: string[], settings = { headersOnly: false, payloadBytesMax: 0 }): Trace {
  const log: Log = { ...silentLog, trace: (text) => void lines.push(text) };
  return new Trace(log, settings, () => "1.2.3.4:5 - cid:6");
}

const message = composeMessage(
  new Message(),
  "a.b",
  "r",
  Buffer.from("NATS/1.0\r\n\r\n"),
  Buffer.from("hello"),
);

describe("a trace", () => {
  it("shows what comes in and what goes out, as tools know it", () => {
    const lines: string[] = [];
    const trace = traceTo(lines);
    trace.line("[PING]");
    trace.sent("[PONG]");
    trace.published(message);
    trace.published(composeMessage(new Message(), "a", "", null, Buffer.from("x")));
    expect(lines).toEqual([
      "1.2.3.4:5 - cid:6 - <<- [PING]",
      "1.2.3.4:5 - cid:6 - ->> [PONG]",
      "1.2.3.4:5 - cid:6 - <<- [HPUB a.b r 12 17]",
      String.raw`1.2.3.4:5 - cid:6 - <<- MSG_PAYLOAD: ["NATS/1.0\r\n\r\nhello"]`,
      "1.2.3.4:5 - cid:6 - <<- [PUB a 1]",
      '1.2.3.4:5 - cid:6 - <<- MSG_PAYLOAD: ["x"]',
    ]);
  });

  it("shows as much of a payload as is asked for", () => {
    const lines: string[] = [];
    traceTo(lines, { headersOnly: false, payloadBytesMax: 4 }).published(message);
    traceTo(lines, { headersOnly: true, payloadBytesMax: 0 }).published(message);
    expect(lines.filter((line) => line.includes("PAYLOAD"))).toEqual([
      '1.2.3.4:5 - cid:6 - <<- MSG_PAYLOAD: ["NATS..."]',
      String.raw`1.2.3.4:5 - cid:6 - <<- MSG_PAYLOAD: ["NATS/1.0\r\n\r\n"]`,
    ]);
  });

  it.each([
    ['{"pass":"secret"}', '{"pass":"[REDACTED]"}'],
    ['{"user":"u","PASS" : "secret","verbose":true}', '{"user":"u","PASS" : "[REDACTED]","verbose":true}'],
    ['{"auth_token":"secret\\"secret","sig":"secret"}', '{"auth_token":"[REDACTED]","sig":"[REDACTED]"}'],
    ['{"jwt":"secret","nkey":"secret","password":"secret"}', null],
    ['{"pass":"secret', '{"pass":"[REDACTED]"'],
    ['{"name":"pass","user":"sig"}', '{"name":"pass","user":"sig"}'],
  ])("keeps the secrets of %s", (json, shown) => {
    const lines: string[] = [];
    traceTo(lines).connect(Buffer.from(json));
    expect(lines.join()).not.toContain("secret");
    if (shown !== null) expect(lines).toEqual([`1.2.3.4:5 - cid:6 - <<- [CONNECT ${shown}]`]);
  });
});

describe("a client that is traced", () => {
  it("is served as others are", () => {
    const world = new World(undefined, { trace: { headersOnly: false, payloadBytesMax: 0 } });
    const places = [world.connect(), world.connect()];
    for (const place of places) world.receive(place, 'CONNECT {"verbose":false}\r\nSUB a 1\r\nUNSUB 1 2\r\n');
    world.receive(0, "PUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n");
    for (const place of places) expect(world.take(place)).toBe("MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n");
  });

  it("is served the same when tracing begins or ends in between", async () => {
    const world = new World();
    const places = [world.connect(), world.connect()];
    for (const place of places) world.receive(place, 'CONNECT {"verbose":false}\r\nSUB a 1\r\n');
    for (const trace of [null, { headersOnly: false, payloadBytesMax: 0 }, null]) {
      world.context.settings = { ...world.context.settings, trace };
      for (const place of places) await world.peer(place).client.onReload(false);
      world.receive(0, "PUB a 1\r\nx\r\n");
      for (const place of places) expect(world.take(place)).toBe("MSG a 1 1\r\nx\r\n");
    }
  });
});
