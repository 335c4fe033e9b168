import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseCommandLine } from "../../src/config/flags.ts";
import type { Command, FlagOverrides } from "../../src/config/flags.ts";
import { loadOptions, testConfig } from "../../src/config/load.ts";
import { tlsUsageText, usageText } from "../../src/config/usage.ts";
import { load, problemsOf, refusal, writeFiles } from "./helper.ts";

function parse(line: string): Command {
  return parseCommandLine(line === "" ? [] : line.split(" "));
}

describe("flags", () => {
  const cases: [string, FlagOverrides][] = [
    ["", {}],
    ["-p 5222", { port: 5222 }],
    ["--port=5222", { port: 5222 }],
    ["-port -1", { port: -1 }],
    ["-p 0x10", { port: 16 }],
    ["-p 1 -port 2", { port: 2 }],
    ["-a 127.0.0.1", { host: "127.0.0.1" }],
    ["--addr=::1", { host: "::1" }],
    ["-net h", { host: "h" }],
    ["-n s", { serverName: "s" }],
    ["-name s", { serverName: "s" }],
    ["--server_name s", { serverName: "s" }],
    ["-client_advertise a:1", { clientAdvertise: "a:1" }],
    ["-m 8222", { httpPort: 8222 }],
    ["-http_port 8222", { httpPort: 8222 }],
    ["-ms 8223", { httpsPort: 8223 }],
    ["-https_port 8223", { httpsPort: 8223 }],
    ["-P a.pid", { pidFile: "a.pid" }],
    ["--pid a.pid", { pidFile: "a.pid" }],
    ["-ports_file_dir /tmp", { portsFileDir: "/tmp" }],
    ["-l a.log", { logFile: "a.log" }],
    ["-log a.log", { logFile: "a.log" }],
    ["-log_size_limit 100", { logFileSizeBytesMax: 100 }],
    ["-T=false", { logTime: false }],
    ["-logtime", { logTime: true }],
    ["-logtime_utc", { logTimeUtc: true }],
    ["-D", { debug: true }],
    ["--debug=false", { debug: false }],
    ["-V", { trace: true }],
    ["-trace=1", { trace: true }],
    ["-VV", { trace: true, traceVerbose: true }],
    ["-DV", { debug: true, trace: true }],
    ["-DVV", { debug: true, trace: true, traceVerbose: true }],
    ["-DV -D=false", { debug: true, trace: true }],
    ["-DV=false", { debug: false, trace: false }],
    ["-max_traced_msg_len 10", { maxTracedBytes: 10 }],
    ["-user u -pass p", { user: "u", password: "p" }],
    ["-auth t", { token: "t" }],
    ["-auth=a=b", { token: "a=b" }],
    ["-tls -tlscert c -tlskey k", { tls: true, tlsCert: "c", tlsKey: "k" }],
    ["-tlsverify=optional", { tlsVerify: "optional" }],
    ["-tlsverify=False", { tlsVerify: false }],
    ["-tlsverify -tlscacert ca", { tlsVerify: true, tlsCaCert: "ca" }],
    ["-tls=false", { tls: false }],
    ["-js=false -cluster= -profile 0 -s=false", { jetstream: false }],
    ["-js -sd /data", { jetstream: true, storeDir: "/data" }],
    ["--jetstream --store_dir=/data", { jetstream: true, storeDir: "/data" }],
  ];
  test.each(cases)("%j", (line, overrides) => {
    expect(parse(line)).toEqual({
      command: "run",
      configFile: null,
      reloadFile: null,
      overrides,
      warnings: [],
    });
  });

  test("the file, and whether it is only tested", () => {
    expect(parse("-c a.conf")).toMatchObject({ command: "run", configFile: "a.conf" });
    expect(parse("--config=a.conf -p 1")).toMatchObject({ configFile: "a.conf", overrides: { port: 1 } });
    expect(parse("-c a.conf -t")).toMatchObject({ command: "test", configFile: "a.conf" });
    expect(parse("-t")).toMatchObject({ command: "test", configFile: null });
    expect(parse("-c a.conf -t=false")).toMatchObject({ command: "run" });
    expect(parse("-c=")).toMatchObject({ configFile: null });
    expect(parse("-t -c a -test_reload b")).toMatchObject({ command: "test", reloadFile: "b" });
    expect(parse("-test_reload b")).toMatchObject({
      message: "--test_reload can only be used together with -t",
      exitCode: 1,
    });
  });

  test("what is not supported is refused, or named in a warning", () => {
    const refused = ["-routes nats://a:1"];
    for (const line of refused) {
      expect(parse(line)).toMatchObject({
        command: "error",
        message: expect.stringMatching(/^-\w+ is not supported by Frond yet: ./) as string,
        exitCode: 1,
        showsUsage: false,
      });
    }
    const ignored = [
      "-s",
      "-syslog",
      "-r udp://a:1",
      "-remote_syslog x",
      "-profile 6060",
      "-cluster_name c",
      "-cluster nats://a:1",
      "-cluster_listen a",
    ];
    for (const line of [...ignored, "-no_advertise", "-connect_retries 2", "-cluster_advertise a"]) {
      expect(parse(line)).toMatchObject({
        command: "run",
        warnings: [expect.stringMatching(/^-\w+ is ignored: ./) as string],
      });
    }
  });

  const unreadable: [string, string][] = [
    ["-foo", "flag provided but not defined: -foo"],
    ["-prot 4222", "flag provided but not defined: -prot; did you mean -port?"],
    ["--jetsream", "flag provided but not defined: -jetsream; did you mean -jetstream?"],
    ["-tls_verify", "flag provided but not defined: -tls_verify; did you mean -tlsverify?"],
    ["-config_file x", "flag provided but not defined: -config_file"],
    ["--foo=1", "flag provided but not defined: -foo"],
    ["-p", "flag needs an argument: -p"],
    ["-p abc", 'invalid value "abc" for flag -p: parse error'],
    ["-p 1.5", 'invalid value "1.5" for flag -p: parse error'],
    ["-D=maybe", 'invalid boolean value "maybe" for -D: parse error'],
    ["---p 1", "bad flag syntax: ---p"],
    ["-=1", "bad flag syntax: -=1"],
    ["-constructor", "flag provided but not defined: -constructor"],
  ];
  test.each(unreadable)("%j shows the usage and ends with 0", (line, message) => {
    expect(parse(line)).toEqual({ command: "error", message, showsUsage: true, exitCode: 0 });
  });
});

describe("commands", () => {
  const cases: [string, Command][] = [
    ["-h", { command: "help" }],
    ["--help", { command: "help" }],
    ["help", { command: "help" }],
    ["-v", { command: "version" }],
    ["-version", { command: "version" }],
    ["VERSION", { command: "version" }],
    ["-v -h", { command: "version" }],
    ["-help_tls", { command: "help-tls" }],
    ["-p 1 version -foo", { command: "version" }],
    [
      "foo",
      {
        command: "error",
        message: 'unrecognized command: "foo"; frond -h lists what there is',
        showsUsage: false,
        exitCode: 1,
      },
    ],
    [
      "-D true",
      {
        command: "error",
        message: 'unrecognized command: "true"; frond -h lists what there is',
        showsUsage: false,
        exitCode: 1,
      },
    ],
    [
      "-",
      {
        command: "error",
        message: 'unrecognized command: "-"; frond -h lists what there is',
        showsUsage: false,
        exitCode: 1,
      },
    ],
    ["-sl reload", { command: "signal", signal: "SIGHUP", target: null }],
    ["-sl reload=123", { command: "signal", signal: "SIGHUP", target: "123" }],
    ["--signal=ldm=/var/run/a.pid", { command: "signal", signal: "SIGUSR2", target: "/var/run/a.pid" }],
    ["-sl stop=1*", { command: "signal", signal: "SIGKILL", target: "1*" }],
    ["-sl quit", { command: "signal", signal: "SIGINT", target: null }],
    ["-sl term", { command: "signal", signal: "SIGTERM", target: null }],
    ["-sl reopen", { command: "signal", signal: "SIGUSR1", target: null }],
    ["store check /var/frond", { command: "store-check", directory: "/var/frond" }],
    ["explain a.b", { command: "explain", subject: "a.b", account: null, url: "http://127.0.0.1:8222" }],
    [
      "explain a.* --account A --url=https://h:1/x",
      { command: "explain", subject: "a.*", account: "A", url: "https://h:1/x" },
    ],
    [
      "explain -account=A a",
      { command: "explain", subject: "a", account: "A", url: "http://127.0.0.1:8222" },
    ],
  ];
  test.each(cases)("%j", (line, command) => {
    expect(parse(line)).toEqual(command);
  });

  const refused: [string, RegExp][] = [
    ["-sl foo", /^unknown signal "foo": there are stop, quit/],
    ["-sl stop=1=2", /^invalid signal parameters: \[2\]$/],
    ["explain", /^explain needs a subject/],
    ["explain a b", /^explain takes one subject, but got "a" and "b"$/],
    ["explain a..b", /^"a\.\.b" is not a valid subject$/],
    ["explain a --foo", /^explain: unknown flag --foo/],
    ["explain a --url", /^explain: --url needs a value$/],
    ["explain a --url nats://x", /^explain: --url must be the monitoring URL/],
  ];
  test.each(refused)("%j is refused", (line, message) => {
    expect(parse(line)).toMatchObject({
      command: "error",
      message: expect.stringMatching(message) as string,
      exitCode: 1,
    });
  });
});

describe("flags over a file", () => {
  test("take its place, and zero values take it back to the default", () => {
    const text =
      "port: 1\nhost: h\nserver_name: s\nhttp: 8222\ndebug: true\nlogtime: false\nauthorization { token: t }";
    expect(load(text, { flags: { port: 2, host: "i", debug: false, httpPort: 0 } }).options).toMatchObject({
      port: 2,
      host: "i",
      serverName: "s",
      monitor: null,
      log: { debug: false, time: false },
    });
    expect(load(text, { flags: { port: 0, host: "", token: "", logTime: true } }).options).toMatchObject({
      port: 4222,
      host: "0.0.0.0",
      authorization: { token: null },
      log: { time: true },
    });
    expect(load("trace_verbose: true", { flags: { trace: false } }).options.log).toMatchObject({
      trace: false,
    });
  });

  test("are checked", () => {
    expect(problemsOf("port: 1", { flags: { port: 70_000, serverName: "a b" } })).toEqual([
      "-p must be a port from -1 to 65535, not 70000",
      "server name cannot contain spaces",
    ]);
  });

  test("bring TLS, or take it away", () => {
    const directory = writeFiles({ "c.pem": "", "k.pem": "" });
    const [cert, key] = [join(directory, "c.pem"), join(directory, "k.pem")];
    const text = `tls { cert_file: '${cert}', key_file: '${key}', timeout: 5, verify_and_map: true }`;
    expect(load(text, { flags: { tls: false } }).options.tls).toBeNull();
    expect(load(text, { flags: { tlsCert: key, tlsKey: cert, tlsVerify: true } }).options.tls).toMatchObject({
      certFile: key,
      keyFile: cert,
      timeoutMs: 5_000,
      verify: true,
    });
    expect(refusal(() => loadOptions({ env: {}, flags: { tls: true } }))).toEqual([
      "TLS Server certificate must be present and valid: set -tlscert",
      "TLS Server private key must be present and valid: set -tlskey",
    ]);
    expect(refusal(() => loadOptions({ env: {}, flags: { tlsCert: "/no/c", tlsKey: key } }))).toEqual([
      "-tlscert can not be read: open /no/c: no such file or directory",
    ]);
  });
});

describe("-t", () => {
  const test1 = (text: string): ReturnType<typeof testConfig> & { file: string } => {
    const file = join(writeFiles({ "a.conf": text }), "a.conf");
    return { ...testConfig({ file, env: {} }, "frond"), file };
  };

  test("says that a file is valid", () => {
    const { exitCode, lines, file } = test1("port: 4222\nprof_port: 1");
    expect(exitCode).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/"prof_port" is ignored/),
      expect.stringMatching(
        new RegExp(`^frond: configuration file ${file} is valid \\(sha256:[\\da-f]{64}\\)$`),
      ),
    ]);
  });

  test("says all that is wrong with it, and fails", () => {
    const { exitCode, lines, file } = test1("foo: 1\nping_interval: 5\nno_auth_user: a");
    expect(exitCode).toBe(1);
    expect(lines).toEqual([
      `frond: ${file}:2:1: invalid use of field "ping_interval": ping_interval should be converted to a duration`,
      `${file}:1:1: unknown field "foo"`,
      `${file}:3:1: no_auth_user: "a" present, but users/nkeys are not defined`,
    ]);
    expect(test1("a: [").lines).toEqual([
      expect.stringMatching(/^frond: .*a\.conf:1:5: an array is not closed: "]" is missing$/),
    ]);
  });

  test("fails on what nats-server only warns of at a start", () => {
    expect(test1("ping_interval: 5")).toMatchObject({ exitCode: 1 });
    expect(test1("")).toMatchObject({
      exitCode: 1,
      lines: [expect.stringMatching(/config has no values or is empty$/)],
    });
  });

  test("with a file to reload, says whether a broker that runs could reload it", () => {
    const directory = writeFiles({
      "a.conf": "max_payload: 1MB",
      "b.conf": "max_payload: 2MB",
      "pending.conf": "max_pending: 65MB",
      "wrong.conf": "\nfoo: 1",
    });
    const against = (name: string) =>
      testConfig({ file: join(directory, "a.conf"), reloadFile: join(directory, name), env: {} }, "frond");
    const verdict = against("b.conf");
    expect(verdict.exitCode).toBe(0);
    expect(verdict.lines[1]).toBe(`frond: configuration file ${join(directory, "b.conf")} can be reloaded`);
    expect(against("pending.conf")).toEqual({
      exitCode: 3,
      lines: ["frond: config reload not supported for MaxPending: old=67108864, new=68157440"],
    });
    expect(against("wrong.conf")).toEqual({
      exitCode: 1,
      lines: [`frond: ${join(directory, "wrong.conf")}:2:1: unknown field "foo"`],
    });
  });

  test("wants a file, and one that is there", () => {
    expect(testConfig({ file: null, env: {} }, "frond")).toEqual({
      exitCode: 1,
      lines: ["frond: must specify [-c, --config] option to check configuration file syntax"],
    });
    expect(testConfig({ file: "/nowhere.conf", env: {} }, "frond")).toEqual({
      exitCode: 1,
      lines: ["frond: open /nowhere.conf: no such file or directory"],
    });
  });
});

test("the usage names every flag that works", () => {
  const shown = [...usageText.matchAll(/(?<=[ ,])-([a-zA-Z]\w*)/g)].map(([, name]) => name as string);
  for (const name of shown) {
    const command = parseCommandLine([`-${name}=1`]);
    expect(command, name).not.toMatchObject({
      message: expect.stringMatching(/not defined|not supported/) as string,
    });
  }
  expect(tlsUsageText()).toContain("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n");
  expect(tlsUsageText()).toContain("X25519");
});
