/** `/stacksz`: what the process is doing, as text. Source of its place: nats-server `HandleStacksz`. */
import type { Answer, EndpointQuestion } from "./endpoint.ts";

/** The one thread that routes is answering, so its own stack is all there is; what else is open is only counted. */
export function stacksz({ context }: EndpointQuestion): Answer {
  const counts = new Map<string, number>();
  for (const name of context.process().activeResources()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const resources = [...counts].sort(([left], [right]) => (left < right ? -1 : 1));
  const { stack = "" } = new Error("thread");
  return {
    value: [
      "main thread [running]:",
      ...stack.split("\n").slice(1),
      "",
      "open resources:",
      ...resources.map(([name, count]) => `    ${name}: ${count}`),
      "",
    ].join("\n"),
  };
}
