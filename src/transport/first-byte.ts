/** What a peer begins with, where that decides how it is served. */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";

/** The first byte of a TLS record that holds a handshake. */
export const handshakeRecord = 0x16;

/**
 * Calls back with the first byte, which stays to be read, or with null when none comes in time. Not at all when the
 * socket ends before.
 */
export function awaitFirstByte(
  raw: Socket,
  clock: Clock,
  waitMs: number,
  then: (first: number | null) => void,
): void {
  const stop = (bytes: Buffer | null): void => {
    deadline.cancel();
    raw.removeListener("data", stop);
    raw.removeListener("end", cancel);
    raw.removeListener("close", cancel);
    raw.pause();
    if (bytes !== null && !raw.destroyed) raw.unshift(bytes);
    then(bytes?.[0] ?? null);
  };
  const cancel = (): void => deadline.cancel();
  const deadline = clock.after(waitMs, () => stop(null));
  raw.on("data", stop);
  raw.on("end", cancel);
  raw.on("close", cancel);
  raw.resume();
}
