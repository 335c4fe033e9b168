/**
 * The life of a consumer.
 *
 * A consumer that a request has made is *new* until the answer to that request is durable: a client may take a message that
 * comes before the answer for one of somebody else's. It then *delivers*, but for the time of a pause. A pause may begin
 * before the answer is out, and end before that as well. Every life ends by being *closed*: deleted, or closed with the broker;
 * nothing leads out of it.
 *
 * A consumer takes requests and acks in all states but the last, and delivers in one.
 */

export type LifeState = "new" | "new and paused" | "delivering" | "paused" | "closed";
export type LifeEvent = "created" | "answered" | "pause" | "resume" | "close";

/** What an event leads to; one that is not named changes nothing. */
export const transitions: Readonly<Record<LifeState, Readonly<Partial<Record<LifeEvent, LifeState>>>>> = {
  new: { answered: "delivering", pause: "new and paused", close: "closed" },
  "new and paused": { answered: "paused", resume: "new", close: "closed" },
  delivering: { created: "new", pause: "paused", close: "closed" },
  paused: { created: "new and paused", resume: "delivering", close: "closed" },
  closed: {},
};

export class Life {
  /** One that was brought back from the store delivers at once. */
  #state: LifeState = "delivering";

  get state(): LifeState {
    return this.#state;
  }

  get delivers(): boolean {
    return this.#state === "delivering";
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** @returns whether the event has changed the state */
  on(event: LifeEvent): boolean {
    const next = transitions[this.#state][event];
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }
}
