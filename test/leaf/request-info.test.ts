import { describe, expect, test } from "vitest";
import { composeMessage, Message } from "../../src/protocol/message.ts";
import { bindRequestInfo } from "../../src/leaf/request-info.ts";

function bound(block: string): string {
  const message = composeMessage(
    new Message(),
    "a",
    "r",
    Buffer.from(block, "latin1"),
    Buffer.from("payload"),
  );
  bindRequestInfo(message, "LEAF");
  const { bytes, bodyStart, headerBytes, bodyEnd, tailStart } = message;
  const size = bodyEnd - bodyStart;
  expect([message.subject, message.reply]).toEqual(["a", "r"]);
  expect(bytes.latin1Slice(bodyStart + headerBytes, bodyEnd)).toBe("payload");
  expect(bytes.latin1Slice(tailStart, bodyStart)).toBe(`r ${headerBytes} ${size}\r\n`);
  return bytes.latin1Slice(bodyStart, bodyStart + headerBytes);
}

const info = 'Nats-Request-Info: {"acc":"LEAF","user":"u"}\r\n';

describe("Nats-Request-Info of a message that comes over a link", () => {
  test.each([
    ["as nats-server writes it", 'Nats-Request-Info: {"acc":"HUB","user":"u"}\r\n'],
    ["without a blank", 'Nats-Request-Info:{"acc":"HUB","user":"u"}\r\n'],
    ["in lower case", 'nats-request-info: {"acc":"HUB","user":"u"}\r\n'],
    ["in upper case", 'NATS-REQUEST-INFO: {"acc":"HUB","user":"u"}\r\n'],
    ["twice", 'Nats-Request-Info: {"user":"u"}\r\nnats-request-info: {"acc":"HUB"}\r\n'],
    ["with the right account first", 'Nats-Request-Info: {"acc":"LEAF","acc":"HUB","user":"u"}\r\n'],
    [
      "with fields that only differ in case",
      'Nats-Request-Info: {"acc":"LEAF","ACC":"HUB","Acc":"HUB","user":"u"}\r\n',
    ],
    ["without an account", 'Nats-Request-Info: {"user":"u"}\r\n'],
  ])("%s names the account that the leaf is bound to", (_what, lines) => {
    const said = bound(`NATS/1.0\r\nA: 1\r\n${lines}B: 2\r\n\r\n`);
    expect(said.startsWith("NATS/1.0\r\nA: 1\r\nB: 2\r\nNats-Request-Info: ")).toBe(true);
    expect(JSON.parse(said.slice(said.indexOf("{"), said.indexOf("}") + 1))).toEqual({
      acc: "LEAF",
      user: "u",
    });
    expect(said.match(/request-info/gi)).toHaveLength(1);
  });

  test.each(["x", "[]", "null", '{"acc":"HUB"} {}', '{"acc":"HUB"'])("that says %j is left out", (value) => {
    expect(bound(`NATS/1.0\r\nA: 1\r\nNats-Request-Info: ${value}\r\n\r\n`)).toBe("NATS/1.0\r\nA: 1\r\n\r\n");
  });

  test("behind a lone LF, where some clients begin a line, names that account too", () => {
    const said = bound('NATS/1.0\r\nA: 1\nNats-Request-Info: {"acc":"HUB","user":"u"}\r\n\r\n');
    expect(said).not.toContain("HUB");
    expect(said).toContain(info);
  });

  test.each([
    "NATS/1.0\r\nA: Nats-Request-Info: {}\r\nNats-Request-Information: {}\r\n\r\n",
    "NATS/1.0\r\n\r\n",
    "Nats-Request-Info",
    "\n",
  ])("where there is none the block %j stays as it is", (block) => {
    expect(bound(block)).toBe(block);
  });
});
