/** Our own mistakes. A failed assertion stops the broker that it happened in; it is never an answer to a peer. */

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
