/** Values in LMDB that gather what a batch brought: changes to a record, ids of messages. Lengths are u32, little-endian. */

export interface NotedId {
  readonly id: string;
  readonly seq: number;
  readonly atMs: number;
}

/** Each behind its length. */
export function encodeChanges(changes: readonly Uint8Array[]): Buffer {
  const value = Buffer.allocUnsafe(changes.reduce((size, change) => size + 4 + change.length, 0));
  let at = 0;
  for (const change of changes) {
    at = value.writeUInt32LE(change.length, at);
    value.set(change, at);
    at += change.length;
  }
  return value;
}

/** Views of the value. */
export function decodeChanges(value: Buffer): Buffer[] {
  const changes: Buffer[] = [];
  for (let at = 0; at < value.length; ) {
    const end = at + 4 + value.readUInt32LE(at);
    changes.push(value.subarray(at + 4, end));
    at = end;
  }
  return changes;
}

const idHeaderBytes = 20;

/** Each: sequence, milliseconds (f64 each), length, the id in UTF-8. */
export function encodeMessageIds(ids: readonly NotedId[]): Buffer {
  const size = ids.reduce((sum, { id }) => sum + idHeaderBytes + Buffer.byteLength(id), 0);
  const value = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { id, seq, atMs } of ids) {
    value.writeDoubleLE(seq, at);
    value.writeDoubleLE(atMs, at + 8);
    const length = value.write(id, at + idHeaderBytes, "utf8");
    value.writeUInt32LE(length, at + 16);
    at += idHeaderBytes + length;
  }
  return value;
}

export function decodeMessageIds(value: Buffer): NotedId[] {
  const ids: NotedId[] = [];
  for (let at = 0; at < value.length; ) {
    const end = at + idHeaderBytes + value.readUInt32LE(at + 16);
    ids.push({
      id: value.utf8Slice(at + idHeaderBytes, end),
      seq: value.readDoubleLE(at),
      atMs: value.readDoubleLE(at + 8),
    });
    at = end;
  }
  return ids;
}
