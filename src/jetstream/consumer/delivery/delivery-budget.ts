/** How much a consumer sends before others have their turn, and how it waits for receivers that are behind. */
import type { Host } from "../../host.ts";

const bytesMax = 1024 * 1024;
const messagesMax = 4_096;

export class DeliveryBudget {
  readonly #host: Pick<Host, "receivers" | "soon">;
  readonly #onResume: () => void;
  #bytes = 0;
  #messages = 0;
  /** Calls the next turn off; null when none is coming. */
  #cancelNext: (() => void) | null = null;
  #waitsForReceivers = false;

  /** @param onResume called as a pass when the consumer may go on */
  constructor(host: Pick<Host, "receivers" | "soon">, onResume: () => void) {
    this.#host = host;
    this.#onResume = onResume;
  }

  /** @returns false while those whom it sends to are behind */
  begin(): boolean {
    if (this.#waitsForReceivers) return false;
    this.#bytes = 0;
    this.#messages = 0;
    this.#host.receivers.watch();
    return true;
  }

  sent(bytes: number): void {
    this.#bytes += bytes;
    this.#messages++;
  }

  /** Whether to stop here; the consumer is run again when it is its turn. */
  isOver(): boolean {
    const { receivers } = this.#host;
    if (receivers.areAboveHighWaterMark) {
      this.stop();
      this.#waitsForReceivers = true;
      this.#cancelNext = receivers.onDrain(this.#goOn);
      return true;
    }
    if (this.#bytes <= bytesMax && this.#messages <= messagesMax) return false;
    if (this.#cancelNext === null) {
      const soon = this.#host.soon(this.#goOn);
      this.#cancelNext = () => soon.cancel();
    }
    return true;
  }

  stop(): void {
    this.#cancelNext?.();
    this.#cancelNext = null;
    this.#waitsForReceivers = false;
  }

  readonly #goOn = (): void => {
    this.#cancelNext = null;
    this.#waitsForReceivers = false;
    this.#onResume();
  };
}
