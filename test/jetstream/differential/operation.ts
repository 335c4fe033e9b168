/** What a simulation does to a broker, as data: it can be played again, shortened, and printed. */
export type Operation =
  /** A request to `$JS.API.<subject>` with one answer. */
  | { readonly do: "ask"; readonly subject: string; readonly body: unknown }
  | { readonly do: "publish"; readonly subject: string; readonly payload: string; readonly header: string }
  /** A direct get; batches end with a status. */
  | { readonly do: "direct"; readonly subject: string; readonly body: unknown }
  | {
      readonly do: "fetch";
      readonly stream: string;
      readonly consumer: string;
      readonly body: { readonly batch: number };
    }
  /** Answers one of the deliveries that were seen last, `back` before the last one. */
  | { readonly do: "ack"; readonly back: number; readonly text: string }
  /** Looks at what was pushed, republished and advised since. */
  | { readonly do: "listen" }
  | { readonly do: "wait"; readonly ms: number }
  /** Whether what these requests show was created when they showed that last. */
  | { readonly do: "times"; readonly subjects: readonly string[] }
  /** Of a broker that can be started again; nothing to any other. */
  | { readonly do: "restart"; readonly how: "stop" | "kill" };

/** A line for people, and for `FROND_OPERATIONS`. */
export function shownOperation(operation: Operation): string {
  return JSON.stringify(operation);
}

/** Whether it changes nothing, so that it may be done again until both brokers agree. */
export function isReading(operation: Operation): boolean {
  if (operation.do === "listen" || operation.do === "direct") return true;
  return operation.do === "ask" && /^INFO|\.(INFO|NAMES|LIST|GET)(\.|$)/.test(operation.subject);
}
