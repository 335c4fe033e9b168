import type { Explainer } from "./explain/explained-route.ts";
import type { MonitorContext } from "./readings.ts";

/** One kind of question that the monitor answers. */
export interface Endpoint {
  /** Under which requests are counted; below the base path. */
  readonly path: string;
  /** @throws BadRequest */
  readonly answer: (question: EndpointQuestion) => Answer;
}

export interface EndpointQuestion {
  readonly context: MonitorContext;
  readonly query: URLSearchParams;
  readonly explainers: readonly Explainer[];
}

export interface Answer {
  /** Shown as JSON; a string as plain text. */
  readonly value: object | string;
  /** 200 when absent. */
  readonly status?: number;
  /** JSON on one line. */
  readonly compact?: boolean;
}
