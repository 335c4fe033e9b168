import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { request as requestSecurely } from "node:https";
import { connectRaw } from "../../fixture/raw-client.ts";
import { listenHttp, type HttpHandler, type HttpRequest } from "../../../src/transport/http/http-listener.ts";
import { TlsHandshaker } from "../../../src/transport/tls/tls-handshaker.ts";
import { Harness, serverTls } from "../harness.ts";
import { eventually } from "../../fixture/waiting.ts";

let harness: Harness;
let asked: HttpRequest[];
let answer: HttpHandler;
beforeEach(() => {
  harness = new Harness();
  asked = [];
  answer = () => ({ status: 200, contentType: "application/json", body: '{"ok":true}' });
});
afterEach(async () => harness.close());

const faults: unknown[] = [];
afterEach(() => {
  faults.length = 0;
});

async function listen(gate: TlsHandshaker | null = null): Promise<number> {
  return harness.keep(
    await listenHttp("127.0.0.1", 0, {
      handshaker: gate,
      clock: harness.clock,
      handler: (request) => {
        asked.push(request);
        return answer(request);
      },
      onFault: (error) => void faults.push(error),
    }),
  );
}

describe("a question", () => {
  test("is taken apart, and its answer sent", async () => {
    const port = await listen();
    const response = await fetch(`http://127.0.0.1:${port}/connz/x?limit=5&sort=bytes_to`, {
      headers: { "X-A": "b" },
    });
    expect([response.status, response.headers.get("content-type"), await response.json()]).toEqual([
      200,
      "application/json",
      { ok: true },
    ]);
    const [{ method, path, query, headers }] = asked as [HttpRequest];
    expect([method, path, [...query], headers["x-a"]]).toEqual([
      "GET",
      "/connz/x",
      [
        ["limit", "5"],
        ["sort", "bytes_to"],
      ],
      "b",
    ]);
  });

  test("may be answered later, with bytes, headers and another status", async () => {
    answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return { status: 503, contentType: "text/plain", body: Buffer.from("später"), headers: { "X-B": "c" } };
    };
    const response = await fetch(`http://127.0.0.1:${await listen()}/`);
    expect([response.status, response.headers.get("x-b"), await response.text()]).toEqual([
      503,
      "c",
      "später",
    ]);
  });

  test("for the head alone gets no body", async () => {
    const client = await connectRaw(await listen());
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const text = await client.rest();
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toContain("Content-Length: 11\r\n");
    expect(text.endsWith("\r\n\r\n")).toBe(true);
  });

  test("is read no further than a little body once it is answered", async () => {
    const client = await connectRaw(await listen());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    expect(await client.line()).toBe("HTTP/1.1 200 OK");
    const flood = Buffer.alloc(1024 * 1024);
    const writeOn = (): void => void (client.socket.destroyed || client.socket.write(flood, writeOn));
    writeOn();
    await client.rest();
    expect(client.socket.bytesWritten).toBeLessThan(16 * flood.length);
  });

  test("may follow another on the same connection before that is answered", async () => {
    const client = await connectRaw(await listen());
    client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const text = await client.rest();
    expect(text.split("HTTP/1.1 200 OK").length).toBe(3);
    expect(asked.map(({ path }) => path)).toEqual(["/1", "/2"]);
  });

  test("with a mistake of ours behind it gets a 500, and the owner is told", async () => {
    answer = () => {
      throw new Error("a mistake");
    };
    const response = await fetch(`http://127.0.0.1:${await listen()}/`);
    expect([response.status, await response.text(), faults.map(String)]).toEqual([
      500,
      "internal error\n",
      ["Error: a mistake"],
    ]);
  });

  test("with an answer that cannot be sent ends the connection, and the owner is told", async () => {
    answer = () => ({ status: 200, contentType: "bad\r\nheader", body: "" });
    await expect(fetch(`http://127.0.0.1:${await listen()}/`)).rejects.toThrow();
    expect(faults.length).toBe(1);
  });

  test("may come over TLS", async () => {
    const port = await listen(new TlsHandshaker(serverTls, harness.clock, null));
    const status = await new Promise((resolve, reject) => {
      const request = requestSecurely(
        { host: "127.0.0.1", port, path: "/varz", rejectUnauthorized: false, agent: false },
        (response) => resolve(response.resume().statusCode),
      );
      request.on("error", reject).end();
    });
    expect([status, asked[0]?.path]).toEqual([200, "/varz"]);
  });
});

describe("what is no question", () => {
  test.each([
    ["nonsense", "NONSENSE\r\n\r\n", "400 Bad Request"],
    [
      "a path that is none",
      "GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      "400 Bad Request",
    ],
    ["headers without end", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(17_000)}`, "400 Bad Request"],
    [
      "a body of a megabyte",
      `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n${"x".repeat(1_048_576)}`,
      "413 Payload Too Large",
    ],
  ])("%s is refused", async (_name, text, status) => {
    answer = () => new Promise(() => {});
    const client = await connectRaw(await listen());
    client.send(text);
    const said = await client.rest();
    expect(said.split("\r\n", 1)).toEqual([`HTTP/1.1 ${status}`]);
  });

  test("silence is ended, before the first question and after an answer", async () => {
    harness.clock.freeze();
    const port = await listen();
    const silent = await connectRaw(port);
    const slow = await connectRaw(port);
    slow.send("GET / HTTP/1.1\r\n");
    const idle = await connectRaw(port);
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await eventually(() => asked.length === 1, "asked");
    await idle.line();
    await harness.clock.advance("29s");
    expect([silent.socket.destroyed, slow.socket.destroyed, idle.socket.destroyed]).toEqual([
      false,
      false,
      false,
    ]);
    await harness.clock.advance("2s");
    expect([await silent.rest(), await slow.rest()]).toEqual(["", ""]);
    await idle.rest();
  });

  test("a client that goes away before its answer harms nobody", async () => {
    let give = () => {};
    answer = () =>
      new Promise((resolve) => {
        give = () => resolve({ status: 200, contentType: "text/plain", body: "late" });
      });
    const port = await listen();
    const client = await connectRaw(port);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await eventually(() => asked.length === 1, "asked");
    client.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    give();
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer = () => ({ status: 200, contentType: "text/plain", body: "x" });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    expect(faults).toEqual([]);
  });

  test("more than a thousand connections at once are closed as they come", async () => {
    const port = await listen();
    const sockets = Array.from({ length: 1_100 }, () => net.connect({ host: "127.0.0.1", port }));
    let closed = 0;
    for (const socket of sockets) socket.on("error", () => {}).on("close", () => closed++);
    await eventually(() => closed === 76, "the rest is closed");
    for (const socket of sockets) socket.destroy();
    await eventually(() => closed === 1_100, "all are closed");
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });
});
