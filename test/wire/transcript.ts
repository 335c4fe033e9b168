/**
 * Conversations on the wire, one in each `*.txt` beside this file.
 *
 * ```
 * # What it shows.
 * = max_payload: 10                  a line of the server's configuration
 * % info auth_required               of INFO, these fields are shown; without this line INFO is left out
 * % pings                            PINGs of the server are shown
 * % nats 2.15.3                      nats-server says so from this version on; an older one is not asked
 * % unordered                        within a block, a client's lines may come in any order
 *
 * C1> PUB a 2                        what a client sends; CRLF follows, unless the line ends in \c
 * C1< MSG a 1 2                      what it is sent then, line by line
 * C1<frond …   C1<nats …             what only one of the two servers says: where Frond differs, the text says why
 * C1< <closed>                       the server closes the connection
 * C1> <close>   C1> <end>            the client closes it, or says no more
 * ~ 300                              milliseconds pass
 * ```
 *
 * A client connects when it is first mentioned. Blocks are divided by blank lines; in each, one client speaks, and
 * then is looked at what everybody hears. `{x*300}` stands for 300 times x; `\r \n \t \\ \xNN` for single bytes.
 */

export type Subject = "frond" | "nats";

export interface Transcript {
  readonly title: string;
  readonly config: string;
  readonly infoFields: readonly string[];
  readonly showsPings: boolean;
  readonly isOrdered: boolean;
  /** The first version of nats-server that says so; null when every one does that is compared with. */
  readonly natsSince: string | null;
  readonly blocks: readonly Block[];
  /** Lines before the first block, as they are. */
  readonly head: readonly string[];
}

export interface Block {
  readonly comments: readonly string[];
  readonly waitMs: number;
  readonly says: readonly Said[];
  readonly hears: readonly Heard[];
}

export interface Said {
  readonly client: string;
  /** As written. */
  readonly text: string;
}

export interface Heard {
  readonly client: string;
  readonly only: Subject | null;
  readonly text: string;
}

/** @throws Error naming the line that cannot be read */
export function parseTranscript(name: string, source: string): Transcript {
  const lines = source.split("\n");
  const firstBlank = lines.findIndex((line) => line.trim() === "");
  const head = lines.slice(0, firstBlank < 0 ? lines.length : firstBlank);
  const option = (prefix: string): string[] =>
    head.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
  const odd = head.find((line) => !/^(#|=|% (info|pings|unordered|nats \d+\.\d+\.\d+$))/.test(line));
  if (odd !== undefined) throw new Error(`${name}: ${odd}: not a line for the head`);
  const blocks: Block[] = [];
  let block = emptyBlock();
  for (const line of lines.slice(head.length)) {
    if (line.trim() === "") {
      if (!isEmpty(block)) blocks.push(block);
      block = emptyBlock();
    } else block = withLine(name, block, line);
  }
  if (!isEmpty(block)) blocks.push(block);
  return {
    title: option("#").join(" "),
    config: option("=").join("\n"),
    infoFields: option("% info").flatMap((fields) => fields.split(" ")),
    showsPings: option("% pings").length > 0,
    isOrdered: option("% unordered").length === 0,
    natsSince: option("% nats")[0] ?? null,
    blocks,
    head,
  };
}

export function printTranscript({ head, blocks }: Transcript): string {
  const texts = blocks.map(({ comments, waitMs, says, hears }) =>
    [
      ...comments,
      ...(waitMs > 0 ? [`~ ${waitMs}`] : []),
      ...says.map(({ client, text }) => `${client}> ${text}`.trimEnd()),
      ...hears.map(({ client, only, text }) => `${client}<${only ?? ""} ${text}`.trimEnd()),
    ].join("\n"),
  );
  return `${[head.join("\n"), ...texts].join("\n\n")}\n`;
}

/** Text as in a transcript to bytes, one character each. */
export function encode(text: string): string {
  const whole = text.replace(/\{(\\.|[^\\])\*(\d+)\}/g, (_, char: string, count) =>
    char.repeat(Number(count)),
  );
  const line = whole.endsWith("\\c") ? whole.slice(0, -2) : `${whole}\r\n`;
  return line.replace(/\\(x[0-9a-f]{2}|.)/g, (_, escape: string) => {
    if (escape.startsWith("x") && escape.length === 3)
      return String.fromCharCode(parseInt(escape.slice(1), 16));
    return { r: "\r", n: "\n", t: "\t", "\\": "\\" }[escape] ?? escape;
  });
}

/** The way back, for a line without its CRLF. */
export function decode(line: string): string {
  return line
    .replace(/[\\\r\n\t]|[^ -~]/g, (char) => {
      const named = { "\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t" }[char];
      return named ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
    })
    .replace(/ $/, "\\x20")
    .replace(/([^\\])\1{39,}/g, (run) => `{${run[0]}*${run.length}}`);
}

function withLine(name: string, block: Block, line: string): Block {
  const said = /^(C\d)>(?: (.*))?$/.exec(line);
  if (said !== null) {
    const [client, text = ""] = said.slice(1) as [string, string?];
    if (block.hears.length > 0) throw new Error(`${name}: ${line}: what is said stands before what is heard`);
    if (block.says.some((other) => other.client !== client))
      throw new Error(`${name}: ${line}: two clients speak in one block, and nobody knows who is first`);
    return { ...block, says: [...block.says, { client, text }] };
  }
  const heard = /^(C\d)<(frond|nats|)(?: (.*))?$/.exec(line);
  if (heard !== null) {
    const [client, only, text = ""] = heard.slice(1) as [string, Subject | "", string?];
    return { ...block, hears: [...block.hears, { client, only: only === "" ? null : only, text }] };
  }
  if (line.startsWith("#")) return { ...block, comments: [...block.comments, line] };
  const wait = /^~ (\d+)$/.exec(line);
  if (wait !== null) return { ...block, waitMs: Number(wait[1]) };
  throw new Error(`${name}: ${line}: not a line of a transcript`);
}

function emptyBlock(): Block {
  return { comments: [], waitMs: 0, says: [], hears: [] };
}

function isEmpty({ comments, waitMs, says, hears }: Block): boolean {
  return comments.length === 0 && waitMs === 0 && says.length === 0 && hears.length === 0;
}
