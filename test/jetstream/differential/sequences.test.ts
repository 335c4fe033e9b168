import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Peer, startPeer } from "../../interop/peer.ts";
import { LineClient } from "./line-client.ts";

// Numbers and names that clients may send, and that nothing may be made of.

describe.each(["file", "memory"])("beyond what can be counted, in %s", (storage) => {
  const folder = mkdtempSync(join(tmpdir(), "frond-beyond-"));
  let peer: Peer;
  let client: LineClient;

  beforeAll(async () => {
    peer = await startPeer(
      "frond",
      `jetstream { store_dir: ${JSON.stringify(folder)}, sync_interval: "2m" }`,
    );
    client = await LineClient.open(Number(new URL(peer.url).port));
  });
  afterAll(async () => {
    client.close();
    await peer.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(subject: string, body = ""): Promise<string> {
    return (await client.request(`$JS.API.${subject}`, body))?.payload ?? "nothing";
  }

  async function publish(subject: string): Promise<string> {
    return (await client.request(subject, "x"))?.payload ?? "nothing";
  }

  it.each(["4503599627370497", "9007199254740993", "18446744073709551615"])(
    "a stream does not begin at %s, nor is it moved there",
    async (seq) => {
      const config = `"subjects":["p"],"storage":"${storage}"`;
      expect(await ask("STREAM.CREATE.P", `{"name":"P",${config},"first_seq":${seq}}`)).toContain(
        "first sequence can not be beyond 4503599627370496",
      );
      await ask("STREAM.CREATE.P", `{"name":"P",${config}}`);
      expect(await ask("STREAM.PURGE.P", `{"seq":${seq}}`)).toContain('"err_code":10110');
      expect(await publish("p")).toBe('{"stream":"P","seq":1}');
      expect(await publish("p")).toBe('{"stream":"P","seq":2}');
      await ask("STREAM.DELETE.P");
    },
  );

  it("up to there all is well", async () => {
    await ask(
      "STREAM.CREATE.Q",
      `{"name":"Q","subjects":["q"],"storage":"${storage}","first_seq":4503599627370496}`,
    );
    expect([await publish("q"), await publish("q")]).toEqual([
      '{"stream":"Q","seq":4503599627370496}',
      '{"stream":"Q","seq":4503599627370497}',
    ]);
    expect(await ask("STREAM.MSG.GET.Q", '{"seq":4503599627370497}')).toContain('"seq":4503599627370497');
    await ask("STREAM.DELETE.Q");
  });

  it("bytes that are no text are the name of nothing", async () => {
    const create = (name: string): string => `{"name":"${name}","subjects":["u"],"storage":"${storage}"}`;
    expect(await ask("STREAM.CREATE.n\x80", create("n\x80"))).toContain('"err_code":10056');
    const replaced = Buffer.from("n\ufffd").toString("latin1");
    expect(await ask(`STREAM.CREATE.${replaced}`, create(replaced))).toContain('"did_create":true');
    expect(await ask("STREAM.DELETE.n\x80")).toContain('"err_code":10059');
    expect(await ask(`STREAM.DELETE.${replaced}`)).toContain('"success":true');
  });
});
