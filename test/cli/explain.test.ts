import { createServer, type Server } from "node:http";
import { createServer as createNetServer, type AddressInfo, type Server as NetServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { explain } from "../../src/cli/explain.ts";
import { MonitorBench } from "../monitor/fixture.ts";

const servers: (Server | NetServer)[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function urlOf(server: Server | NetServer): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves the bench's monitor, as the broker's HTTP listener would. */
async function serve(bench: MonitorBench): Promise<string> {
  return urlOf(
    createServer((request, response) => {
      const { status, contentType, body } = bench.get(request.url ?? "/");
      response.writeHead(status, { "content-type": contentType, connection: "close" }).end(body);
    }),
  );
}

async function serveText(status: number, body: string): Promise<string> {
  return urlOf(
    createServer((_, response) => void response.writeHead(status, { connection: "close" }).end(body)),
  );
}

describe("explain", () => {
  it("tells what the broker says, in words", async () => {
    const bench = new MonitorBench();
    bench.session({ name: "billing", authorizedUser: "alice" }).subscribe("caf\u00e9&.x");
    const url = await serve(bench);
    expect(await explain({ subject: "caf\u00e9&.x", account: null, url })).toEqual({
      text: [
        '"caf\u00e9&.x" in account $G: one delivery',
        "  Gets it:",
        '    - cid 1 "billing" (user alice) subscribes to "caf\u00e9&.x"',
      ].join("\n"),
      exitCode: 0,
    });
  });

  it("asks for an account and a user", async () => {
    const bench = new MonitorBench();
    bench.session({}, bench.account("A B"));
    bench.session({ authorizedUser: "u&v" });
    const url = await serve(bench);
    const { text } = await explain({ subject: "a", account: "A B", url });
    expect(text).toMatch(/^"a" in account A B: nobody gets it\n/);
    expect((await explain({ subject: "a", account: null, user: "u&v", url })).text).toMatch(
      /^"a" in account \$G/,
    );
  });

  it("takes a URL with a base path, and with a slash at the end", async () => {
    const bench = new MonitorBench({ monitor: { host: "", port: 1, httpsPort: null, basePath: "/mon" } });
    const url = await serve(bench);
    expect(await explain({ subject: "a", account: null, url: `${url}/mon/` })).toMatchObject({ exitCode: 0 });
    const wrong = await explain({ subject: "a", account: null, url });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.text).toContain("knows no /explainz");
  });

  it("passes a refusal on", async () => {
    const url = await serve(new MonitorBench());
    expect(await explain({ subject: "a", account: "nope", url })).toEqual({
      text: "Account nope does not exist",
      exitCode: 1,
    });
    expect((await explain({ subject: "a.*", account: null, url })).text).toContain('such as "a.x"');
  });

  it("says what to do when nothing answers", async () => {
    const url = await serveText(200, "");
    const server = servers.pop() as Server;
    await new Promise((resolve) => server.close(resolve));
    const { text, exitCode } = await explain({ subject: "a", account: null, url });
    expect(exitCode).toBe(1);
    expect(text).toBe(
      `cannot ask ${url}: nothing listens there\nStart the broker with its monitoring port (-m 8222, or http_port in its configuration), or name another with --url.`,
    );
  });

  it.each([
    ["what is not a broker", 200, "<html>", "is not a Frond broker's monitoring port"],
    ["what answers other JSON", 200, "[]", "is not a Frond broker's monitoring port"],
    ["an error", 502, "bad gateway", "answers with status 502: bad gateway"],
  ])("says so of %s", async (_, status, body, text) => {
    const url = await serveText(status, body);
    const result = await explain({ subject: "a", account: null, url });
    expect(result.exitCode).toBe(1);
    expect(result.text).toContain(text);
  });

  it("says so of a port that speaks something else", async () => {
    const url = await urlOf(
      createNetServer((socket) => {
        socket.on("error", () => {});
        socket.resume();
        socket.end('INFO {"server_id":"N"}\r\n');
      }),
    );
    const { text, exitCode } = await explain({ subject: "a", account: null, url });
    expect(exitCode).toBe(1);
    expect(text).toContain("does not speak HTTP");
  });
});
