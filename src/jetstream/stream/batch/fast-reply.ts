/**
 * The reply subject of a message of a fast batch, which holds all that belongs to the batch:
 * `<inbox>.<id>.<flow>.<gap mode>.<sequence>.<operation>.$FI`. Source: nats-server `getFastBatch`.
 */
import { isDigits } from "../message/message-headers.ts";

export interface FastReply {
  /** All of it, where answers go; wire string. */
  readonly subject: string;
  /** Wire string. */
  readonly id: string;
  /** Acks come at most every so many messages. */
  readonly flow: number;
  readonly isGapAllowed: boolean;
  readonly seq: number;
  readonly isPing: boolean;
  readonly isCommit: boolean;
  /** The commit is no message itself. */
  readonly isEnd: boolean;
}

const suffix = Buffer.from(".$FI", "latin1");
const flowDefault = 10;
const flowMax = 65_535;
const startOp = 0;
const appendOp = 1;
const commitOp = 2;
const endOp = 3;
const pingOp = 4;

export function endsInFastSuffix(bytes: Buffer, end: number): boolean {
  // All but very few replies end here.
  if (bytes[end - 1] !== 0x49 || bytes[end - 2] !== 0x46) return false;
  return end > suffix.length && bytes[end - 3] === 0x24 && bytes[end - 4] === 0x2e;
}

/** @param reply that ends as it should, wire string @returns null when it says nothing that can be understood */
export function parseFastReply(reply: string): FastReply | null {
  const tokens = reply.slice(0, -suffix.length).split(".");
  const [id, flowText, gapMode, seqText, opText] = tokens.slice(-5);
  // Before the id there is at least one token.
  if (tokens.length < 6 || id === undefined || opText === undefined || !isDigits(opText)) return null;
  const op = Number(opText);
  if (op > pingOp || seqText === undefined || !isDigits(seqText)) return null;
  const seq = Number(seqText);
  if (seq === 0 || !Number.isSafeInteger(seq)) return null;
  if (op === startOp && seq !== 1) return null;
  if ((op === appendOp || op === endOp) && seq === 1) return null;
  if (gapMode !== "ok" && gapMode !== "fail") return null;
  return {
    subject: reply,
    id,
    flow: flowOf(flowText ?? ""),
    isGapAllowed: gapMode === "ok",
    seq,
    isPing: op === pingOp,
    isCommit: op === commitOp || op === endOp,
    isEnd: op === endOp,
  };
}

function flowOf(text: string): number {
  const flow = isDigits(text) ? Number(text) : 0;
  return flow === 0 ? flowDefault : Math.min(flow, flowMax);
}
