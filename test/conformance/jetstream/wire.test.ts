import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { masked } from "../../fixture/jetstream-wire.ts";
import { type RawClient, connectRaw } from "../../fixture/raw-client.ts";

// The bytes of answers that clients take apart, over a plain socket. Streams are named W and a number.

const broker = jetStreamBroker();

describe("answers on the wire", () => {
  let raw: RawClient | undefined;
  beforeAll(async () => {
    raw = await connectRaw(broker.process.port, {
      connect: { verbose: false, pedantic: false, headers: true, no_responders: true },
    });
    raw.send("SUB _I.> 1\r\n");
  });
  afterAll(() => raw?.close());

  let asked = 0;

  /** The next message: its line without inbox and sizes, and its bytes. */
  async function heard(): Promise<[string, string]> {
    if (raw === undefined) throw new Error("not connected");
    let line = await raw.line();
    while (line === "PING" || line === "PONG") line = await raw.line();
    const payload = await raw.payload(Number(line.split(" ").at(-1)));
    // A reply that is none may be written as an empty word.
    return [line.replace("  ", " "), payload];
  }

  async function request(subject: string, body = ""): Promise<[string, string]> {
    asked += 1;
    raw?.send(`PUB ${subject} _I.${asked} ${body.length}\r\n${body}\r\n`);
    return heard();
  }

  /** The masked text of an answer, whose line is checked: no reply, no headers. */
  async function answer(subject: string, body = ""): Promise<string> {
    const [line, payload] = await request(subject, body);
    expect(line).toMatch(/^MSG _I\.\d+ 1 \d+$/);
    return masked(payload)
      .replace(/"_nats\.level":"\d+"/g, '"_nats.level":"<level>"')
      .replace(/"level":\d+/, '"level":0');
  }

  const api = (subject: string, body?: object) =>
    answer(`$JS.API.${subject}`, body === undefined ? "" : JSON.stringify(body));

  test("a stream that is made", async () => {
    expect(await api("STREAM.CREATE.W1", { name: "W1", subjects: ["w1.>"] })).toBe(
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","config":{"name":"W1","subjects":["w1.\\u003e"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,"duplicate_window":120000000000,"compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,"metadata":{"_nats.level":"<level>","_nats.req.level":"0","_nats.ver":"<version>"}},"created":"<time>","state":{"messages":0,"bytes":0,"first_seq":0,"first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z","consumer_count":0},"ts":"<time>","did_create":true}',
    );
  });

  test("info of a stream", async () => {
    await api("STREAM.CREATE.W2", { name: "W2", subjects: ["w2.>"], storage: "memory" });
    await answer("w2.a", "x");
    await answer("w2.b", "yy");
    await api("STREAM.MSG.DELETE.W2", { seq: 1 });
    await answer("w2.c", "zzz");
    expect(await api("STREAM.INFO.W2")).toBe(
      '{"type":"io.nats.jetstream.api.v1.stream_info_response","total":0,"offset":0,"limit":0,"config":{"name":"W2","subjects":["w2.\\u003e"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"memory","num_replicas":1,"duplicate_window":120000000000,"compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,"metadata":{"_nats.level":"<level>","_nats.req.level":"0","_nats.ver":"<version>"}},"created":"<time>","state":{"messages":2,"bytes":45,"first_seq":2,"first_ts":"<time>","last_seq":3,"last_ts":"<time>","num_subjects":2,"consumer_count":0},"cluster":{"leader":"js-test"},"ts":"<time>"}',
    );
  });

  test("info of a stream in detail", async () => {
    await api("STREAM.CREATE.W3", { name: "W3", subjects: ["w3.>"], storage: "memory" });
    for (const tail of ["a", "b", "c"]) await answer(`w3.${tail}`, "x");
    await api("STREAM.MSG.DELETE.W3", { seq: 2 });
    const text = await api("STREAM.INFO.W3", { deleted_details: true, subjects_filter: ">" });
    expect(text.slice(text.indexOf('"state"'))).toBe(
      '"state":{"messages":2,"bytes":42,"first_seq":1,"first_ts":"<time>","last_seq":3,"last_ts":"<time>","num_subjects":2,"subjects":{"w3.a":1,"w3.c":1},"num_deleted":1,"deleted":[2],"consumer_count":0},"cluster":{"leader":"js-test"},"ts":"<time>"}',
    );
  });

  test("an acknowledgement", async () => {
    await api("STREAM.CREATE.W4", { name: "W4", subjects: ["w4.>"] });
    const [line, payload] = await request("w4.a", "x");
    expect([line, payload]).toEqual([`MSG _I.${asked} 1 23`, '{"stream":"W4","seq":1}']);
  });

  test("a consumer that is made", async () => {
    await api("STREAM.CREATE.W5", { name: "W5", subjects: ["w5.>"] });
    const config = { durable_name: "c", ack_policy: "explicit", filter_subject: "w5.>" };
    expect(await api("CONSUMER.CREATE.W5.c.w5.>", { stream_name: "W5", config })).toBe(
      '{"type":"io.nats.jetstream.api.v1.consumer_create_response","stream_name":"W5","name":"c","created":"<time>","config":{"durable_name":"c","name":"c","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"filter_subject":"w5.\\u003e","replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0,"metadata":{"_nats.level":"<level>","_nats.req.level":"0","_nats.ver":"<version>"}},"delivered":{"consumer_seq":0,"stream_seq":0},"ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,"num_waiting":0,"num_pending":0,"ts":"<time>"}',
    );
  });

  test("info of a push consumer", async () => {
    await api("STREAM.CREATE.W6", { name: "W6", subjects: ["w6.>"] });
    const config = {
      durable_name: "p",
      ack_policy: "all",
      deliver_subject: "nowhere",
      deliver_policy: "last",
      idle_heartbeat: 5_000_000_000,
      flow_control: true,
      metadata: { "<a>": "&" },
    };
    await api("CONSUMER.CREATE.W6.p", { stream_name: "W6", config });
    expect(await api("CONSUMER.INFO.W6.p")).toBe(
      '{"type":"io.nats.jetstream.api.v1.consumer_info_response","stream_name":"W6","name":"p","created":"<time>","config":{"durable_name":"p","name":"p","deliver_policy":"last","ack_policy":"all","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_ack_pending":1000,"flow_control":true,"deliver_subject":"nowhere","idle_heartbeat":5000000000,"num_replicas":0,"metadata":{"\\u003ca\\u003e":"\\u0026","_nats.level":"<level>","_nats.req.level":"0","_nats.ver":"<version>"}},"delivered":{"consumer_seq":0,"stream_seq":0},"ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,"num_waiting":0,"num_pending":0,"ts":"<time>"}',
    );
  });

  test("a consumer without a name", async () => {
    await api("STREAM.CREATE.W7", { name: "W7", subjects: ["w7.>"] });
    const text = await api("CONSUMER.CREATE.W7", { stream_name: "W7", config: { ack_policy: "none" } });
    expect(text.replace(/"name":"\w{8}"/, '"name":"<name>"')).toBe(
      '{"type":"io.nats.jetstream.api.v1.consumer_create_response","stream_name":"W7","name":"<name>","created":"<time>","config":{"deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","max_waiting":512,"inactive_threshold":5000000000,"num_replicas":0,"metadata":{"_nats.level":"<level>","_nats.req.level":"0","_nats.ver":"<version>"}},"delivered":{"consumer_seq":0,"stream_seq":0},"ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,"num_waiting":0,"num_pending":0,"ts":"<time>"}',
    );
  });

  test("lists without anything", async () => {
    await api("STREAM.CREATE.W8", { name: "W8", subjects: ["w8.>"] });
    expect(
      [
        await api("STREAM.NAMES", { subject: "none" }),
        await api("STREAM.LIST", { subject: "none" }),
        await api("CONSUMER.NAMES.W8"),
        await api("CONSUMER.LIST.W8"),
      ].join("\n"),
    ).toMatchInlineSnapshot(`
      "{"type":"io.nats.jetstream.api.v1.stream_names_response","total":0,"offset":0,"limit":1024,"streams":null}
      {"type":"io.nats.jetstream.api.v1.stream_list_response","total":0,"offset":0,"limit":256,"streams":[]}
      {"type":"io.nats.jetstream.api.v1.consumer_names_response","total":0,"offset":0,"limit":1024,"consumers":[]}
      {"type":"io.nats.jetstream.api.v1.consumer_list_response","total":0,"offset":0,"limit":256,"consumers":[]}"
    `);
  });

  test("deletes and purges", async () => {
    await api("STREAM.CREATE.W9", { name: "W9", subjects: ["w9.>"] });
    await answer("w9.a", "x");
    await answer("w9.a", "x");
    await api("CONSUMER.CREATE.W9.c", {
      stream_name: "W9",
      config: { durable_name: "c", ack_policy: "explicit" },
    });
    expect(
      [
        await api("STREAM.MSG.DELETE.W9", { seq: 1 }),
        await api("STREAM.PURGE.W9"),
        await api("CONSUMER.DELETE.W9.c"),
        await api("STREAM.DELETE.W9"),
        await api("STREAM.DELETE.W9"),
      ].join("\n"),
    ).toMatchInlineSnapshot(`
      "{"type":"io.nats.jetstream.api.v1.stream_msg_delete_response","success":true}
      {"type":"io.nats.jetstream.api.v1.stream_purge_response","success":true,"purged":1}
      {"type":"io.nats.jetstream.api.v1.consumer_delete_response","success":true}
      {"type":"io.nats.jetstream.api.v1.stream_delete_response","success":true}
      {"type":"io.nats.jetstream.api.v1.stream_delete_response","error":{"code":404,"err_code":10059,"description":"stream not found"}}"
    `);
  });

  test("a message, pulled", async () => {
    await api("STREAM.CREATE.W10", { name: "W10", subjects: ["w10.>"] });
    await api("CONSUMER.CREATE.W10.c", {
      stream_name: "W10",
      config: { durable_name: "c", ack_policy: "explicit" },
    });
    raw?.send(`HPUB w10.a _I.${(asked += 1)} 17 19\r\nNATS/1.0\r\nA:b\r\n\r\nhi\r\n`);
    await heard();
    await answer("w10.b", "ho");
    asked += 1;
    raw?.send(`PUB $JS.API.CONSUMER.MSG.NEXT.W10.c _I.${asked} 28\r\n{"batch":3,"no_wait":true  }\r\n`);
    const messages = [await heard(), await heard(), await heard()];
    expect(
      messages.map(([line, payload]) => `${line.replace(/\d{19}/, "<time>")} => ${JSON.stringify(payload)}`),
    ).toEqual([
      'HMSG w10.a 1 $JS.ACK.W10.c.1.1.1.<time>.1 17 19 => "NATS/1.0\\r\\nA:b\\r\\n\\r\\nhi"',
      'MSG w10.b 1 $JS.ACK.W10.c.1.2.2.<time>.0 2 => "ho"',
      `HMSG _I.${asked} 1 28 28 => "NATS/1.0 404 No Messages\\r\\n\\r\\n"`,
    ]);
  });

  test("statuses of a pull", async () => {
    await api("STREAM.CREATE.W11", { name: "W11", subjects: ["w11.>"] });
    await api("CONSUMER.CREATE.W11.c", {
      stream_name: "W11",
      config: { durable_name: "c", ack_policy: "explicit" },
    });
    const body = '{"batch":2,"expires":300000000,"idle_heartbeat":120000000}';
    asked += 1;
    raw?.send(`PUB $JS.API.CONSUMER.MSG.NEXT.W11.c _I.${asked} ${body.length}\r\n${body}\r\n`);
    let [line, payload] = await heard();
    expect(payload).toBe(
      "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\nNats-Last-Stream: 0\r\n\r\n",
    );
    expect(line).toBe(`HMSG _I.${asked} 1 75 75`);
    while (payload.includes(" 100 ")) [line, payload] = await heard();
    expect(payload).toBe(
      "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 2\r\nNats-Pending-Bytes: 0\r\n\r\n",
    );
  });

  test("direct answers", async () => {
    await api("STREAM.CREATE.W12", { name: "W12", subjects: ["w12.>"], allow_direct: true });
    await answer("w12.a", "hi");
    const [line, payload] = await request("$JS.API.DIRECT.GET.W12.w12.a");
    expect(payload.replace(/Time-Stamp: [^\r]+/, "Time-Stamp: <time>")).toBe(
      "NATS/1.0\r\nNats-Stream: W12\r\nNats-Subject: w12.a\r\nNats-Sequence: 1\r\nNats-Time-Stamp: <time>\r\n\r\nhi",
    );
    expect(line).toMatch(new RegExp(`^HMSG _I\\.${asked} 1 \\d+ \\d+$`));
    expect((await request("$JS.API.DIRECT.GET.W12", '{"seq":9}'))[1]).toBe(
      "NATS/1.0 404 Message Not Found\r\n\r\n",
    );
    expect((await request("$JS.API.DIRECT.GET.W13", '{"seq":9}'))[1]).toMatch(/^NATS\/1\.0 503\r\n/);
  });
});
