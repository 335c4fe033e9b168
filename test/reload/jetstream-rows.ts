/** Rows for the blocks of JetStream, of the broker and of accounts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Reloadable } from "./reloadable.ts";
import { info, live, restart, type Look, type Row } from "./rows.ts";

type Rows = Readonly<Record<string, Row>>;

const folder = mkdtempSync(join(tmpdir(), "frond-keys-js-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const quoted = (name: string): string => JSON.stringify(join(folder, name));
let directories = 0;
const dir = (): string => `store_dir: ${quoted(String(directories++))}`;

/** A field of `/jsz`, by its path. */
const jsz =
  (path: string): Look =>
  async (broker: Reloadable) => {
    const response = await fetch(`http://127.0.0.1:${broker.monitorPort}/jsz`);
    let value = (await response.json()) as unknown;
    for (const name of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[name];
    return value;
  };

export const jetStreamRows: Rows = {
  enabled: live("false", "true", info("jetstream"), [undefined, true], dir()),
  store_dir: restart(quoted("one"), quoted("two"), "StoreDir"),
  sync: restart('"1s"', '"2s"', "SyncInterval", dir()),
  max_memory_store: live("1000", "2000", jsz("config.max_memory"), [1000, 2000], dir()),
  max_file_store: live("1000", "2000", jsz("config.max_storage"), [1000, 2000], dir()),
  domain: restart("a", "b", "JetStreamDomain", dir()),
  unique_tag: restart("a", "b", "JetStreamUniqueTag", dir()),
  strict: restart("true", "false", "NoJetStreamStrict", dir()),
  request_queue_limit: restart("10", "20", "JetStreamRequestQueueLimit", dir()),
  limits: live(
    "{ max_ack_pending: 1 }",
    "{ max_ack_pending: 2 }",
    jsz("limits.max_ack_pending"),
    [1, 2],
    dir(),
  ),
};

export const limitRows: Rows = {
  max_ack_pending: live("1", "2", jsz("limits.max_ack_pending"), [1, 2]),
  max_request_batch: live("1", "2", jsz("limits.max_request_batch"), [1, 2]),
  duplicate_window: live('"1s"', '"2s"', jsz("limits.max_duplicate_window"), [1e9, 2e9]),
  batch: live("{ max_msgs: 5 }", "{ max_msgs: 6 }", jsz("limits.max_batch_size"), [5, 6]),
};

export const batchRows: Rows = {
  max_inflight_per_stream: live("5", "6", jsz("limits.max_batch_inflight_per_stream"), [5, 6]),
  max_inflight_total: live("5", "6", jsz("limits.max_batch_inflight_total"), [5, 6]),
  max_msgs: live("5", "6", jsz("limits.max_batch_size"), [5, 6]),
  timeout: live('"1s"', '"2s"', jsz("limits.max_batch_timeout"), [1e9, 2e9]),
};

/** A limit, as the account is told it. */
const told =
  (field: string): Look =>
  async (broker: Reloadable) => {
    const client = await broker.client({ user: "u" });
    client.send("SUB r 1\r\nPUB $JS.API.INFO r 0\r\n\r\n");
    let line = await client.line();
    while (!line.startsWith("MSG r ")) line = await client.line();
    const answer = JSON.parse(await client.payload(Number(line.split(" ").at(-1)))) as {
      limits: Record<string, unknown>;
    };
    return answer.limits[field];
  };

export const accountJetStreamRows: Rows = {
  max_memory: live("1000", "500", told("max_memory"), [1000, 500]),
  max_store: live("1000", "500", told("max_storage"), [1000, 500]),
  max_streams: live("2", "1", told("max_streams"), [2, 1]),
  max_consumers: live("2", "1", told("max_consumers"), [2, 1]),
  max_bytes_required: live("false", "true", told("max_bytes_required"), [false, true]),
  mem_max_stream_bytes: live("2", "1", told("memory_max_stream_bytes"), [2, 1]),
  disk_max_stream_bytes: live("2", "1", told("storage_max_stream_bytes"), [2, 1]),
  max_ack_pending: live("2", "1", told("max_ack_pending"), [2, 1]),
};
