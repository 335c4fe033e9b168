import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { certificatePath, startBroker, websocketBlock } from "../fixture/broker-process.ts";

/** How client projects find a server that they started: in its log, or by the process id in a file. */
const addressUpToBlank = /.+\sclient connections on\s+(\S+)/;
const addressUpToPort = /Listening for client connections on (.+):(\d+)/;
const websocketAddress = /Listening for websocket clients on (wss?):\/\/(.+):(\d+)/;

test.each([
  ["TCP", ""],
  [
    "TLS",
    `tls { cert_file: ${certificatePath("server.pem")}, key_file: ${certificatePath("server-key.pem")} }`,
  ],
])("over %s, addresses can be read from a log file and the process id from its own", async (over, tls) => {
  const folder = await mkdtemp(join(tmpdir(), "frond-log-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [log, pid] = [join(folder, "a.log"), join(folder, "a.pid")];
  const broker = await startBroker({ config: `${websocketBlock()}${tls}`, args: ["-l", log, "-P", pid] });
  onTestFinished(() => broker.stop());

  const text = await readFile(log, "utf8");
  expect(addressUpToBlank.exec(text)?.[1]).toBe(`127.0.0.1:${broker.port}`);
  expect(addressUpToPort.exec(text)?.slice(1)).toEqual(["127.0.0.1", String(broker.port)]);
  expect(text).toContain(`127.0.0.1:${broker.port} over ${over}`);
  expect(websocketAddress.exec(text)?.slice(1)).toEqual(["ws", "127.0.0.1", String(broker.wsPort)]);
  expect(text).toContain("Server is ready");
  expect(await readFile(pid, "utf8")).toBe(String(broker.pid));
});
