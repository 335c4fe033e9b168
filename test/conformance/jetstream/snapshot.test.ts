import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// A stream taken away in chunks and brought back, by the API that backup tools use.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("snapshots, $name", (library) => {
  const peer = peerOf(broker, library);

  async function ask(operation: string, body: object): Promise<Record<string, unknown>> {
    const answer = await peer().nc.request(`$JS.API.STREAM.${operation}`, JSON.stringify(body), {
      timeout: patienceMs,
    });
    return JSON.parse(answer.string()) as Record<string, unknown>;
  }

  async function take(name: string): Promise<{ config: object; state: object; chunks: Uint8Array[] }> {
    const { nc } = peer();
    const chunks: Uint8Array[] = [];
    let end: string | undefined;
    const deliver = fresh("_INBOX.snapshot");
    const subscription = nc.subscribe(deliver, {
      callback: (_error, message) => {
        if (message.data.length === 0) end = String(message.headers?.code ?? 0);
        else chunks.push(Uint8Array.from(message.data));
        if (message.reply !== undefined && message.reply !== "") message.respond();
      },
    });
    await nc.flush();
    const answer = await ask(`SNAPSHOT.${name}`, { deliver_subject: deliver, chunk_size: 1024 });
    expect(answer).toMatchObject({ type: "io.nats.jetstream.api.v1.stream_snapshot_response" });
    await becomes(async () => Promise.resolve(end), "204");
    subscription.unsubscribe();
    return { config: answer["config"] as object, state: answer["state"] as object, chunks };
  }

  test("taken, and brought back after the stream is deleted, consumers and all", async () => {
    const { js, jsm, nc, wire } = peer();
    const name = fresh("SNAP");
    await wire.stream(name, {});
    for (let index = 1; index <= 50; index++)
      await js.publish(`${name}.${index % 5}`, `${index} ${"x".repeat(200)}`);
    await jsm.streams.deleteMessage(name, 7);
    await jsm.consumers.add(name, { durable_name: "C", ack_policy: "explicit" } as never);
    const before = await jsm.streams.info(name);
    const { config, state, chunks } = await take(name);
    expect(chunks.length).toBeGreaterThan(1);
    expect(state).toMatchObject({ messages: 49, first_seq: 1, last_seq: 50 });
    expect(await ask(`RESTORE.${name}`, { config, state })).toMatchObject({ error: { err_code: 10130 } });
    await jsm.streams.delete(name);
    const { deliver_subject: to } = await ask(`RESTORE.${name}`, { config, state });
    for (const chunk of chunks) {
      const answer = await nc.request(String(to), chunk, { timeout: patienceMs });
      expect(answer.data).toHaveLength(0);
    }
    const done = JSON.parse((await nc.request(String(to), "", { timeout: patienceMs })).string()) as object;
    expect(done).toMatchObject({
      type: "io.nats.jetstream.api.v1.stream_create_response",
      config: { name },
      state: { messages: 49, first_seq: 1, last_seq: 50, consumer_count: 1 },
    });
    const after = await jsm.streams.info(name);
    expect(after.state).toEqual(before.state);
    expect((await jsm.streams.getMessage(name, { seq: 50 }))?.string()).toMatch(/^50 x+$/);
    expect((await jsm.consumers.info(name, "C")).num_pending).toBe(49);
    expect((await js.publish(`${name}.more`)).seq).toBe(51);
  });

  test("what cannot be done", async () => {
    const { wire } = peer();
    const name = fresh("SNAP");
    await wire.stream(name, {});
    const errorOf = async (operation: string, body: object): Promise<unknown> =>
      ((await ask(operation, body))["error"] as { err_code?: number } | undefined)?.err_code;
    expect(await errorOf(`SNAPSHOT.${name}`, {})).toBe(10003);
    expect(await errorOf(`SNAPSHOT.${name}`, { deliver_subject: "a.*" })).toBe(10015);
    expect(await errorOf("SNAPSHOT.NONE", { deliver_subject: "a" })).toBe(10059);
    expect(await errorOf(`RESTORE.${name}`, {})).toBe(10003);
    expect(await errorOf(`RESTORE.${name}`, { config: { name: "OTHER" } })).toBe(10056);
  });

  test("bytes that are no snapshot", async () => {
    const { nc, jsm } = peer();
    const name = fresh("SNAP");
    const { deliver_subject: to } = await ask(`RESTORE.${name}`, { config: { name, subjects: [name] } });
    await nc.request(String(to), "no snapshot", { timeout: patienceMs }).catch(() => {});
    const end = await nc.request(String(to), "", { timeout: patienceMs }).catch(() => undefined);
    const said = end === undefined ? null : (JSON.parse(end.string()) as { error?: { err_code: number } });
    if (said !== null) expect(said.error?.err_code).toBe(10062);
    const names = (await jsm.streams.names().next()) as string[];
    expect(names).not.toContain(name);
  });
});
