/** Cuts what a client was sent into frames: lines, and messages with their payload. */

export interface Frame {
  readonly text: string;
  /** Of a message. */
  readonly sid: string | null;
  readonly payload: string;
}

/** @throws Error when the text is no sequence of frames; a last frame that is cut short is left out with `partial` */
export function framesOf(output: string, partial: boolean): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < output.length) {
    const lineEnd = output.indexOf("\r\n", at);
    const end = lineEnd < 0 ? -1 : frameEnd(output, at, lineEnd);
    if (end < 0 || end > output.length) {
      if (partial) return frames;
      throw new Error(`cut short: ${JSON.stringify(output.slice(at, at + 200))}`);
    }
    if (output.slice(end - 2, end) !== "\r\n")
      throw new Error(`no CRLF behind ${JSON.stringify(output.slice(at, at + 200))}`);
    const text = output.slice(at, end);
    const words = output.slice(at, lineEnd).split(" ");
    const isMessage = isMessageLine(words[0]);
    frames.push({
      text,
      sid: isMessage ? (words[2] as string) : null,
      payload: isMessage ? output.slice(lineEnd + 2, end - 2) : "",
    });
    at = end;
  }
  return frames;
}

function frameEnd(output: string, at: number, lineEnd: number): number {
  const words = output.slice(at, lineEnd).split(" ");
  if (!isMessageLine(words[0])) {
    if (/^(\+OK|PING|PONG|-ERR '.*'|INFO \{.*\} )$/s.test(output.slice(at, lineEnd))) return lineEnd + 2;
    throw new Error(`not a line of the protocol: ${JSON.stringify(output.slice(at, lineEnd).slice(0, 200))}`);
  }
  return lineEnd + 2 + Number(words.at(-1)) + 2;
}

function isMessageLine(word: string | undefined): boolean {
  return word === "MSG" || word === "HMSG";
}
