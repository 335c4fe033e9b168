/** What `-h` and `-help_tls` print. */
import { cipherSuites, curves } from "./cipher-suites.ts";

export const usageText = `frond: a message broker that speaks NATS

  frond [flags]                    run a broker
  frond explain <subject> [flags]  say who would get a message, who would not, and why
      --account <name>             in this account (default: every account in use)
      --user <name>                and whether this user may publish and subscribe
      --url <url>                  ask the broker with this monitoring URL (default: http://127.0.0.1:8222)
  frond store check <directory>    say whether a store that no broker uses is as it should be
  frond help | version

Flags take one dash or two, and their value after a space or an "=".

Server
  -a, -addr, -net <host>           address to listen on (default: 0.0.0.0)
  -p, -port <port>                 port for clients (default: 4222; -1 for any free one)
  -n, -name, -server_name <name>   name of this server (default: its id)
  -c, -config <file>               configuration file
  -t                               check the configuration file, and exit
  -test_reload <file>              with -t: check whether a running broker could reload this file
  -m, -http_port <port>            port for monitoring over HTTP
  -ms, -https_port <port>          port for monitoring over HTTPS
  -P, -pid <file>                  write the process id to this file
  -ports_file_dir <dir>            write the ports that are open to a file in this directory
  -client_advertise <host:port>    address told to clients instead of the one listened on
  -sl, -signal <signal>[=<pid>]    send ldm, stop, quit, term, reopen or reload to a running broker;
                                   <pid> is a process id or the path of a pid file

Log
  -l, -log <file>                  log to this file instead of standard error
  -log_size_limit <bytes>          begin a new file at this size
  -T, -logtime=<bool>              put the time in front of each line (default: true)
  -logtime_utc                     in UTC
  -D, -debug                       log more
  -V, -trace                       log every protocol line
  -VV                              the same; those of the system account are always among them
  -DV, -DVV                        -D with -V, -D with -VV
  -max_traced_msg_len <bytes>      cut traced messages off here (default: never)

Access
  -user <user>, -pass <password>   all clients log in as this user
  -auth <token>                    all clients log in with this token

Streams
  -js, -jetstream                  turn JetStream on
  -sd, -store_dir <dir>            keep streams in this directory

TLS
  -tls                             turn TLS on; -tls=false turns off what the file says
  -tlscert <file>                  certificate of this server
  -tlskey <file>                   its private key
  -tlsverify[=optional]            ask clients for a certificate; optional: they may show none
  -tlscacert <file>                authority that signed the clients' certificates
  -help_tls                        names of cipher suites and curves

  -h, -help                        this text
  -v, -version                     version
`;

export function tlsUsageText(): string {
  const names = [...cipherSuites].map(([name, { insecure }]) => `  ${name}${insecure ? " (insecure)" : ""}`);
  return `TLS is configured in the tls block of a configuration file:

  tls {
    cert_file: "server.pem"
    key_file: "server-key.pem"
    ca_file: "ca.pem"
    verify: true
  }

Names for cipher_suites:
${names.join("\n")}

Names for curve_preferences:
${[...curves.keys()].map((name) => `  ${name}`).join("\n")}
`;
}
