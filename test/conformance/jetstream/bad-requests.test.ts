import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import type { Answer, Fields } from "../../fixture/jetstream-wire.ts";

// Requests that are not what they should be. A stream S with a consumer c is there, and stays as it is.

const broker = jetStreamBroker();

describe("bad requests", () => {
  const peer = peerOf(broker, modernJetStream);

  async function prepare(): Promise<void> {
    const { wire } = peer();
    await wire.stream("S");
    await wire.consumer("S", "c");
  }

  const long = "x".repeat(256);
  /** Subject after $JS.API., body, headers, the whole answer where it is an error, its type where not. */
  const requests: [string, string, unknown, Fields | undefined, string][] = [
    [
      "a create without a body",
      "STREAM.CREATE.NEW",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a create with an empty object",
      "STREAM.CREATE.NEW",
      {},
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a create with null",
      "STREAM.CREATE.NEW",
      "null",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a create with a list",
      "STREAM.CREATE.NEW",
      "[]",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal array into Go value of type server.StreamConfigRequest"}}',
    ],
    [
      "a create with text",
      "STREAM.CREATE.NEW",
      '"NEW"',
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal string into Go value of type server.StreamConfigRequest"}}',
    ],
    [
      "a create with another name",
      "STREAM.CREATE.NEW",
      { name: "OTHER" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a create that is cut off",
      "STREAM.CREATE.NEW",
      '{"name":"NEW"',
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: unexpected EOF"}}',
    ],
    [
      "a create with a comma too many",
      "STREAM.CREATE.NEW",
      '{"name":"NEW",}',
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: invalid character \'}\' looking for beginning of object key string at offset 15"}}',
    ],
    [
      "a create with more behind",
      "STREAM.CREATE.NEW",
      '{"name":"NEW"}{}',
      undefined,
      "io.nats.jetstream.api.v1.stream_create_response",
    ],
    [
      "a create with names in other cases",
      "STREAM.CREATE.NEW",
      '{"NAME":"S2"}',
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a create with a field twice",
      "STREAM.CREATE.NEW",
      '{"name":"A","name":"B"}',
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a create with subjects that are text",
      "STREAM.CREATE.NEW",
      { name: "NEW", subjects: "a" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal string into Go struct field StreamConfigRequest.StreamConfig.subjects of type []string"}}',
    ],
    [
      "a create with subjects that are numbers",
      "STREAM.CREATE.NEW",
      { name: "NEW", subjects: [1] },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal number into Go struct field StreamConfigRequest.StreamConfig.subjects of type string"}}',
    ],
    [
      "a create with a boolean that is text",
      "STREAM.CREATE.NEW",
      { name: "NEW", no_ack: "yes" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal string into Go struct field StreamConfigRequest.StreamConfig.no_ack of type bool"}}',
    ],
    [
      "a create with a number beyond all",
      "STREAM.CREATE.NEW",
      '{"name":"NEW","max_msgs":99999999999999999999}',
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal number 99999999999999999999 into Go struct field StreamConfigRequest.StreamConfig.max_msgs of type int64"}}',
    ],
    [
      "a create with an unknown field within",
      "STREAM.CREATE.NEW",
      { name: "NEW", mirror: { name: "M", x: 1 } },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \\"x\\""}}',
    ],
    [
      "a name with a slash",
      "STREAM.CREATE.A/B",
      { name: "A/B" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10128,"description":"Stream name can not contain path separators"}}',
    ],
    [
      "a name with a backslash",
      "STREAM.CREATE.A\\B",
      { name: "A\\B" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10128,"description":"Stream name can not contain path separators"}}',
    ],
    [
      "a name that is too long",
      `STREAM.CREATE.${long}`,
      { name: long },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":500,"err_code":10052,"description":"stream name is too long, maximum allowed is 255"}}',
    ],
    [
      "a name with a star",
      "STREAM.CREATE.A*",
      { name: "A*" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":500,"err_code":10052,"description":"stream name is required and can not contain \'.\', \'*\', \'\\u003e\', \'\\\\\', \'/\'"}}',
    ],
    [
      "a name in other letters",
      "STREAM.CREATE.Ü",
      { name: "Ü" },
      undefined,
      "io.nats.jetstream.api.v1.stream_create_response",
    ],
    [
      "an info with a body that is none",
      "STREAM.INFO.S",
      "{no",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: invalid character \'n\' looking for beginning of object key string at offset 2"},"total":0,"offset":0,"limit":0}',
    ],
    [
      "an info with an unknown field",
      "STREAM.INFO.S",
      { details: true },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \\"details\\""},"total":0,"offset":0,"limit":0}',
    ],
    [
      "an info with text",
      "STREAM.INFO.S",
      "something",
      undefined,
      "io.nats.jetstream.api.v1.stream_info_response",
    ],
    [
      "a delete with a body",
      "STREAM.DELETE.S",
      { name: "S" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_delete_response","error":{"code":400,"err_code":10038,"description":"expected an empty request payload"}}',
    ],
    [
      "a delete with an empty object and blanks",
      "STREAM.DELETE.NONE",
      " { } ",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_delete_response","error":{"code":404,"err_code":10059,"description":"stream not found"}}',
    ],
    [
      "a purge with an unknown field",
      "STREAM.PURGE.S",
      { subject: "a" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \\"subject\\""},"purged":0}',
    ],
    [
      "a purge with a negative sequence",
      "STREAM.PURGE.S",
      { seq: -1 },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: cannot unmarshal number -1 into Go struct field JSApiStreamPurgeRequest.seq of type uint64"},"purged":0}',
    ],
    [
      "a purge with a body that is none",
      "STREAM.PURGE.S",
      "[1",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: unexpected EOF"},"purged":0}',
    ],
    [
      "a list with an unknown field",
      "STREAM.LIST",
      { filter: "a" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_list_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \\"filter\\""},"total":0,"offset":0,"limit":0,"streams":[]}',
    ],
    [
      "names with a body that is none",
      "STREAM.NAMES",
      "{",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_names_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: unexpected EOF"},"total":0,"offset":0,"limit":0,"streams":null}',
    ],
    [
      "a consumer without a body",
      "CONSUMER.CREATE.S.x",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "a consumer with an empty object",
      "CONSUMER.CREATE.S.x",
      {},
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_create_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"}}',
    ],
    [
      "consumers with a body that is none",
      "CONSUMER.LIST.S",
      "{",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_list_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: unexpected EOF"},"total":0,"offset":0,"limit":0,"consumers":[]}',
    ],
    [
      "consumers of none",
      "CONSUMER.NAMES.NONE",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_names_response","error":{"code":404,"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0,"consumers":[]}',
    ],
    [
      "a consumer info with a body",
      "CONSUMER.INFO.S.c",
      "x",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_info_response","error":{"code":400,"err_code":10038,"description":"expected an empty request payload"}}',
    ],
    [
      "a pause without a consumer",
      "CONSUMER.PAUSE.S.none",
      {},
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_pause_response","error":{"code":404,"err_code":10014,"description":"consumer not found"},"paused":false,"pause_until":"0001-01-01T00:00:00Z"}',
    ],
    [
      "an unpin without groups",
      "CONSUMER.UNPIN.S.c",
      { group: "g" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_unpin_response","error":{"code":400,"err_code":10160,"description":"Provided priority group does not exist for this consumer"}}',
    ],
    [
      "an unpin without a body",
      "CONSUMER.UNPIN.S.c",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_unpin_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: unexpected end of JSON input"}}',
    ],
    [
      "a snapshot without a body",
      "STREAM.SNAPSHOT.S",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_snapshot_response","error":{"code":400,"err_code":10003,"description":"bad request"}}',
    ],
    [
      "a snapshot to nowhere",
      "STREAM.SNAPSHOT.S",
      {},
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_snapshot_response","error":{"code":400,"err_code":10003,"description":"bad request"}}',
    ],
    [
      "a snapshot of none",
      "STREAM.SNAPSHOT.NONE",
      { deliver_subject: "x" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_snapshot_response","error":{"code":404,"err_code":10059,"description":"stream not found"}}',
    ],
    [
      "a restore of what is there",
      "STREAM.RESTORE.S",
      { config: { name: "S" }, state: {} },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_restore_response","error":{"code":400,"err_code":10130,"description":"stream name already in use, cannot restore"},"deliver_subject":""}',
    ],
    [
      "a restore with another name",
      "STREAM.RESTORE.NEW",
      { config: { name: "OTHER" }, state: {} },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_restore_response","error":{"code":400,"err_code":10056,"description":"stream name in subject does not match request"},"deliver_subject":""}',
    ],
    [
      "a leader that steps down",
      "STREAM.LEADER.STEPDOWN.S",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_leader_stepdown_response","error":{"code":503,"err_code":10010,"description":"JetStream clustering support required"}}',
    ],
    [
      "a consumer leader that steps down",
      "CONSUMER.LEADER.STEPDOWN.S.c",
      "",
      undefined,
      '{"type":"io.nats.jetstream.api.v1.consumer_leader_stepdown_response","error":{"code":503,"err_code":10010,"description":"JetStream clustering support required"}}',
    ],
    [
      "a peer that is removed",
      "STREAM.PEER.REMOVE.S",
      { peer: "x" },
      undefined,
      '{"type":"io.nats.jetstream.api.v1.stream_remove_peer_response","error":{"code":503,"err_code":10010,"description":"JetStream clustering support required"}}',
    ],
    [
      "a level that is too high",
      "STREAM.INFO.S",
      "",
      { "Nats-Required-Api-Level": "1000" },
      '{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":412,"err_code":10185,"description":"JetStream minimum api level required"},"total":0,"offset":0,"limit":0}',
    ],
    [
      "a level that is none",
      "STREAM.INFO.S",
      "",
      { "Nats-Required-Api-Level": "high" },
      '{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":412,"err_code":10185,"description":"JetStream minimum api level required"},"total":0,"offset":0,"limit":0}',
    ],
    [
      "a level that is met",
      "STREAM.INFO.NONE",
      "",
      { "Nats-Required-Api-Level": "1" },
      '{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":404,"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0}',
    ],
  ];

  test.each(requests)("%s", async (_title, subject, body, headers, expected) => {
    const { wire } = peer();
    await prepare();
    const text = await wire.text(subject, body, headers).catch((error: unknown) => String(error));
    const isError = !text.startsWith("{") || text.includes('"error":');
    const shown = isError ? text : ((JSON.parse(text) as Answer).type ?? text);
    expect(shown.replaceAll(long, "<long>")).toBe(expected);
  });

  // nats-server has an answer to these, but does not send it to everybody.
  test.each(["NOTHING", "STREAM.NOTHING.S", "STREAM.INFO.S.x", "STREAM.INFO"])(
    "nobody knows %s",
    async (subject) => {
      const { nc } = peer();
      await prepare();
      const answer = await nc
        .request(`$JS.API.${subject}`, "", { timeout: 150 })
        .then((message) => message.string())
        .catch(() => "none");
      expect([
        "none",
        '{"type":"io.nats.jetstream.api.v1.system_response","error":{"code":400,"err_code":10003,"description":"bad request"}}',
      ]).toContain(answer);
    },
  );

  test("all is as it was", async () => {
    const { wire, jsm } = peer();
    await prepare();
    for (const name of await jsm.streams.names().next()) {
      if (name !== "S") await wire.api(`STREAM.DELETE.${name}`);
    }
    expect((await jsm.streams.info("S")).state.consumer_count).toBe(1);
    expect(await wire.outcome("CONSUMER.INFO.S.c")).toBe("ok");
  });

  test("bodies that are deep or long", async () => {
    const { wire } = peer();
    await prepare();
    expect(await wire.outcome("STREAM.CREATE.NEW", "[".repeat(200_000))).toBe(
      "400/10025 invalid JSON: invalid character '[' exceeded max depth at offset 10001",
    );
    expect(await wire.outcome("STREAM.CREATE.NEW", '{"a":'.repeat(20_000))).toBe(
      "400/10025 invalid JSON: invalid character '{' exceeded max depth at offset 50001",
    );
    expect(await wire.outcome("STREAM.CREATE.NEW", "[".repeat(9999))).toBe(
      "400/10025 invalid JSON: unexpected EOF",
    );
    expect(await wire.outcome("STREAM.CREATE.NEW", `{"name":"${"x".repeat(500_000)}"}`)).not.toBe("ok");
    expect(await wire.outcome("STREAM.INFO.S")).toBe("ok");
  });
});
