/** JetStream that a reload switches on and off, and its limits. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { RawClient } from "../fixture/raw-client.ts";
import { startReloadable } from "./reloadable.ts";

const listening = { headers: true, no_responders: true };

async function ask(
  client: RawClient,
  subject: string,
  body: object,
): Promise<Record<string, unknown> | string> {
  const json = JSON.stringify(body);
  client.send(`SUB r 1\r\nPUB $JS.API.${subject} r ${json.length}\r\n${json}\r\n`);
  let line = await client.line();
  while (line === "PING") line = await client.line();
  client.send("UNSUB 1\r\n");
  const payload = await client.payload(Number(line.split(" ").at(-1)));
  return line.startsWith("HMSG") ? payload.trim() : (JSON.parse(payload) as Record<string, unknown>);
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "frond-reload-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return JSON.stringify(path);
}

const stream = { name: "S", subjects: ["s.>"] };

test("it is switched on, off and on again, and keeps its streams", async () => {
  const on = `jetstream { store_dir: ${directory()} }`;
  const broker = await startReloadable("");
  const client = await broker.client(listening);
  expect(await ask(client, "STREAM.CREATE.S", stream)).toContain("NATS/1.0 503");
  expect((await broker.info())["jetstream"]).toBeUndefined();
  await broker.reload(on);
  expect((await broker.info())["jetstream"]).toBe(true);
  expect(await ask(client, "STREAM.CREATE.S", stream)).toMatchObject({ did_create: true });
  await broker.reload("");
  expect(await ask(client, "STREAM.INFO.S", {})).toContain("NATS/1.0 503");
  expect((await broker.info())["jetstream"]).toBeUndefined();
  await broker.reload(on);
  expect(await ask(client, "STREAM.INFO.S", {})).toMatchObject({ config: { name: "S" } });
});

test("a store that cannot be opened refuses the reload, and nothing has changed", async () => {
  const broker = await startReloadable("");
  await expect(broker.reload("max_payload: 5, jetstream { store_dir: /dev/null/x }")).rejects.toThrow();
  expect(await broker.info()).toMatchObject({ max_payload: 1_048_576 });
});

test("its limits change", async () => {
  const dir = directory();
  const on = (limits: string): string => `jetstream { store_dir: ${dir}, limits { ${limits} } }`;
  const broker = await startReloadable(
    on("max_ack_pending: 50, max_request_batch: 5, duplicate_window: '1m'"),
  );
  const client = await broker.client(listening);
  const created = await ask(client, "STREAM.CREATE.S", stream);
  expect(created).toMatchObject({ config: { duplicate_window: 60e9 } });
  await broker.reload(
    on("max_ack_pending: 60, max_request_batch: 6, duplicate_window: '1s', batch { max_msgs: 1 }"),
  );
  const consumer = (config: object): object => ({
    stream_name: "S",
    config: { durable_name: "C", ack_policy: "explicit", ...config },
  });
  const create = async (config: object): Promise<unknown> => {
    const answer = await ask(client, "CONSUMER.CREATE.S.C", consumer(config));
    return typeof answer === "string" ? answer : (answer["error"] ?? answer["config"]);
  };
  expect(await create({ max_ack_pending: 61 })).toMatchObject({ err_code: 10121 });
  expect(await create({ max_batch: 7 })).toMatchObject({ err_code: 10125 });
  expect(await create({})).toMatchObject({ max_ack_pending: 60 });
  expect(await ask(client, "STREAM.CREATE.T", { name: "T", duplicate_window: 2e9 })).toMatchObject({
    error: { err_code: 10052 },
  });
});

const offWarnings = (log: readonly string[]): string[] =>
  log.filter((line) => line.includes("asked for JetStream"));

test("a client that asks for it where it is off is told of once for each account", async () => {
  const dir = directory();
  const users = "users: [{ user: a }]";
  const config = (more: string, own = ""): string =>
    `${more}\naccounts { A { ${users} ${own} }, B { users: [{ user: b }] } }`;
  const broker = await startReloadable(config(""));
  const [a, b] = [
    await broker.client({ ...listening, user: "a" }),
    await broker.client({ ...listening, user: "b" }),
  ];
  for (const client of [a, a, b]) await ask(client, "INFO", {});
  await ask(a, "STREAM.INFO.S", {});
  const why = "a client asked for JetStream, which is off: start with -js or a jetstream block";
  expect(offWarnings(broker.log)).toEqual([`Account "A": ${why}`, `Account "B": ${why}`]);
  await broker.reload(config(`jetstream { store_dir: ${dir} }`, ", jetstream: enabled"));
  for (const client of [a, b, b]) await ask(client, "INFO", {});
  expect(offWarnings(broker.log).slice(2)).toEqual([
    'Account "B": a client asked for JetStream, which is off in this account: give it a jetstream block',
  ]);
});
