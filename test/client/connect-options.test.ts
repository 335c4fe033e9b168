import { describe, expect, it } from "vitest";
import { decodeConnect, defaultConnectOptions } from "../../src/client/connect-options.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";

function decode(json: string, previous = defaultConnectOptions): typeof defaultConnectOptions {
  return decodeConnect(Buffer.from(json), previous);
}

describe("CONNECT", () => {
  it("names what it changes, and leaves the rest as it was", () => {
    const first = decode('{"verbose":false,"echo":false,"user":"u","pass":"p","lang":"go","protocol":1}');
    expect(first).toEqual({
      ...defaultConnectOptions,
      verbose: false,
      echo: false,
      lang: "go",
      protocol: 1,
      credentials: { ...defaultConnectOptions.credentials, user: "u", password: "p" },
    });
    expect(decode("{}", first)).toEqual(first);
    expect(decode('{"user":"v","headers":true}', first)).toEqual({
      ...first,
      headers: true,
      credentials: { ...first.credentials, user: "v" },
    });
  });

  it("takes every credential", () => {
    const { credentials } = decode('{"auth_token":"t","nkey":"U","sig":"s","jwt":"j","user":"u","pass":"p"}');
    expect(credentials).toEqual({
      user: "u",
      password: "p",
      token: "t",
      nkey: "U",
      signature: "s",
      jwt: "j",
    });
  });

  it("is read in any case, the last of several counting, as Go does", () => {
    expect(decode('{"VERBOSE":false,"No_Responders":true}')).toMatchObject({
      verbose: false,
      noResponders: true,
    });
    expect(decode('{"verbose":true,"Verbose":false}').verbose).toBe(false);
    expect(decode('{"verbose":false,"Verbose":null}').verbose).toBe(false);
  });

  it("says nothing with null", () => {
    expect(decode("null")).toBe(defaultConnectOptions);
    expect(decode('{"verbose":null,"user":null,"protocol":null}')).toEqual(defaultConnectOptions);
  });

  it("may hold what nobody knows", () => {
    const json =
      '{"__proto__":{"verbose":false},"constructor":1,"toString":[],"tls_required":true,"x":{"y":[1]}}';
    expect(decode(json)).toEqual(defaultConnectOptions);
  });

  it.each([
    "",
    "nothing",
    "{",
    "{} {}",
    "[]",
    '"x"',
    "1",
    '{"verbose":"true"}',
    '{"verbose":1}',
    '{"protocol":"1"}',
    '{"protocol":1.5}',
    '{"name":1}',
    '{"user":{}}',
    '{"pass":["x"]}',
    '{"new_account":"yes"}',
  ])("%j is refused without a word", (json) => {
    let error: unknown = null;
    try {
      decode(json);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ProtocolError);
    expect([(error as ProtocolError).text, (error as ProtocolError).reason]).toEqual([
      null,
      "Protocol Violation",
    ]);
  });

  it("is UTF-8", () => {
    expect(decode('{"name":"grüß"}').name).toBe("grüß");
    expect(decodeConnect(Buffer.from('{"name":"\xff"}', "latin1"), defaultConnectOptions).name).toBe(
      "\ufffd",
    );
  });
});
