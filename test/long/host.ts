/** A broker in a process of its own that tells, when asked, what it holds after everything that can be is let go. */
import { createBroker } from "../../src/index.ts";

export interface Memory {
  /** Bytes on the heap and outside of it. */
  readonly held: number;
  readonly resident: number;
}

export interface HostReady {
  readonly port: number;
  readonly websocketUrl: string;
  readonly monitorUrl: string;
}

const broker = await createBroker({
  port: 0,
  websocket: { port: 0 },
  monitor: 0,
  maxPending: 16 * 1024 * 1024,
  // So that what is remembered of those who have left is soon all that will ever be.
  maxClosedClients: 200,
});

process.on("message", () => void tell());

async function tell(): Promise<void> {
  // Buffers are let go of some moments after what they belonged to.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => void setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const memory: Memory = { held: heapUsed + external, resident: rss };
  process.send?.(memory);
}

process.on("disconnect", () => process.exit(0));
broker.closed.catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
const ready: HostReady = {
  port: broker.port,
  websocketUrl: broker.websocketUrl ?? "",
  monitorUrl: broker.monitorUrl ?? "",
};
process.send?.(ready);
