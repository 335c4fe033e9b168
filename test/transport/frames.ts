/** WebSocket frames as a client sends them, right or wrong. */
export interface FrameOptions {
  readonly fin?: boolean;
  /** Bits 4 to 6 of the first byte: 4 is "compressed". */
  readonly reserved?: number;
  /** Null: no mask, and no mask bit. */
  readonly mask?: readonly [number, number, number, number] | null;
  /** What the header claims, if not the payload's length. */
  readonly length?: bigint;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export function frame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const bytes = Buffer.from(payload as string);
  const {
    fin = true,
    reserved = 0,
    mask = [0x11, 0x22, 0x33, 0x44],
    length = BigInt(bytes.length),
  } = options;
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode];
  const maskBit = mask === null ? 0 : 0x80;
  if (length < 126n) head.push(maskBit | Number(length));
  else if (length < 0x10000n) head.push(maskBit | 126, Number(length >> 8n), Number(length & 0xffn));
  else {
    head.push(maskBit | 127);
    for (let place = 7n; place >= 0n; place--) head.push(Number((length >> (place * 8n)) & 0xffn));
  }
  if (mask === null) return Buffer.concat([Buffer.from(head), bytes]);
  const masked = bytes.map((byte, at) => byte ^ (mask[at & 3] as number));
  return Buffer.concat([Buffer.from(head), Buffer.from(mask), masked]);
}
