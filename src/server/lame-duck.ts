/**
 * Lame duck: the broker takes no new connections, tells its clients to go elsewhere, gives them a while, and then
 * closes those that are left one after the other, so that they do not all arrive elsewhere at once.
 */
import type { Broker } from "../broker/broker.ts";
import type { Clock } from "../base/clock.ts";

/** Clients are closed at least this often, however few there are. */
const closeGapMsMax = 1_000;

/** Resolves when every session is gone. `stopped` ends the wait early. */
export async function drainSessions(
  broker: Broker,
  clock: Clock,
  gracePeriodMs: number,
  durationMs: number,
  stopped: () => boolean,
): Promise<void> {
  for (const session of broker.sessions.values()) session.announceLameDuck();
  if (broker.sessions.size === 0) return;
  await sleep(clock, gracePeriodMs);
  const gapMs = Math.min(
    closeGapMsMax,
    Math.max(0, durationMs - gracePeriodMs) / Math.max(1, broker.sessions.size),
  );
  for (const session of [...broker.sessions.values()]) {
    if (stopped()) return;
    session.close("Server Shutdown");
    await sleep(clock, gapMs);
  }
}

async function sleep(clock: Clock, delayMs: number): Promise<void> {
  await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
}
