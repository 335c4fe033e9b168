/** Byte streams that a broker should survive: valid ones, nearly valid ones, and none at all. */
import type { Random } from "./random.ts";

const subjects = [
  "a",
  "a.b",
  "fuzz.x",
  "fuzz.*",
  ">",
  "a..b",
  ".",
  "_INBOX.q.1",
  "$SYS.x",
  "_R_.x",
  "\x00",
  "é",
];
const words = [
  "PUB",
  "HPUB",
  "SUB",
  "UNSUB",
  "CONNECT",
  "PING",
  "PONG",
  "INFO",
  "+OK",
  "-ERR",
  "MSG",
  "A+",
  "LS+",
];
const sizes = [0, 1, 2, 5, 16, 100, 1_000, 5_000];

export function validOperation(random: Random): string {
  const subject = random.pick(subjects);
  const reply = random.chance(30) ? `${random.pick(subjects)} ` : "";
  const payload = "x\r\nPUB ".repeat(1_000).slice(0, random.pick(sizes));
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2:
      return `PUB ${subject} ${reply}${payload.length}\r\n${payload}\r\n`;
    case 3: {
      const header = "NATS/1.0\r\nA: b\r\n\r\n";
      return `HPUB ${subject} ${reply}${header.length} ${header.length + payload.length}\r\n${header}${payload}\r\n`;
    }
    case 4:
      return `SUB ${subject} ${random.chance(30) ? "q " : ""}${random.below(20)}\r\n`;
    case 5:
      return `UNSUB ${random.below(20)}${random.chance(50) ? ` ${random.below(9)}` : ""}\r\n`;
    case 6:
      return `CONNECT ${JSON.stringify(connectFields(random))}\r\n`;
    case 7:
      return random.pick(["PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n"]);
    default:
      return `${random.pick(words).toLowerCase()} ${subject}\t${random.below(10)}\n`;
  }
}

function connectFields(random: Random): object {
  return {
    verbose: random.chance(30),
    pedantic: random.chance(30),
    echo: random.chance(70),
    headers: true,
    no_responders: random.chance(30),
    protocol: random.below(3),
    ...(random.chance(10) && { name: random.pick([1, null, {}, "n".repeat(2_000)]) }),
  };
}

/** Some operations of which a few bytes are not what they should be. */
export function mutatedStream(random: Random): Buffer {
  const count = 1 + random.below(12);
  const text = Array.from({ length: count }, () => validOperation(random)).join("");
  let bytes = Buffer.from(text, "latin1");
  for (let change = random.below(6); change > 0 && bytes.length > 0; change--) {
    const at = random.below(bytes.length);
    const length = 1 + random.below(8);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    switch (random.below(5)) {
      case 0:
        bytes = Buffer.concat([before, random.bytes(1), after.subarray(1)]);
        break;
      case 1:
        bytes = Buffer.concat([before, after.subarray(length)]);
        break;
      case 2:
        bytes = Buffer.concat([before, after.subarray(0, length), after]);
        break;
      case 3:
        bytes = Buffer.concat([before, random.bytes(length), after]);
        break;
      default:
        bytes = Buffer.concat([
          before,
          Buffer.from(random.pick(["\r\n", "\n", "\r", " ", "\t", "\x00"])),
          after,
        ]);
    }
  }
  return bytes;
}

/** What can only be wrong, and must be answered by a close. */
export function hopeless(random: Random): Buffer {
  const texts = [
    `PUB a ${"9".repeat(1 + random.below(9))}999999\r\n`,
    `HPUB a 5 ${99_999_999 + random.below(9)}\r\n`,
    `PUB ${"a".repeat(10_000)} 0\r\n\r\n`,
    `SUB ${"a.".repeat(30_000)}`,
    "A".repeat(100_000),
    `CONNECT ${"{".repeat(50_000)}`,
    `CONNECT {"a":${"[".repeat(2_000)}\r\n`,
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "-ERR 'you first'\r\n",
    "PUB a 3\r\nabcdef\r\n",
    "\r\n\r\n\r\n",
    "PUB a -1\r\n",
    `UNSUB ${" ".repeat(6_000)}`,
  ];
  return Buffer.from(random.pick(texts), "latin1");
}

export function split(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const most = random.pick([1, 2, 7, 100, 5_000, 1_000_000]);
  // One byte a packet for as long as it pays, then all that is left.
  for (let at = 0; at < bytes.length; ) {
    const length = pieces.length > 60 ? bytes.length : 1 + random.below(most);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
