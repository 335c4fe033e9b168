/**
 * The permission rules written the slow and plain way, one pattern after the other, to hold the compiled ones to.
 * With `reading: "reference"` it is what nats-server does, with `"frond"` what this broker does.
 */
import fc from "fast-check";
import type { PermissionsOptions, SubscribePermission } from "../../src/config/options.ts";

export type Reading = "reference" | "frond";

export const open: PermissionsOptions = {
  publish: { allow: null, deny: null },
  subscribe: { allow: null, deny: null },
  responses: null,
};

export function permissionsOf(parts: {
  publishAllow?: string[];
  publishDeny?: string[];
  subscribeAllow?: string[];
  subscribeDeny?: string[];
  responses?: PermissionsOptions["responses"];
}): PermissionsOptions {
  return {
    publish: { allow: parts.publishAllow ?? null, deny: parts.publishDeny ?? null },
    subscribe: {
      allow: parts.subscribeAllow?.map(subscribePermission) ?? null,
      deny: parts.subscribeDeny?.map(subscribePermission) ?? null,
    },
    responses: parts.responses ?? null,
  };
}

/** `"subject"` or `"subject queue"`, as the configuration file writes it. */
function subscribePermission(text: string): SubscribePermission {
  const [subject, queue] = text.split(" ");
  return { subject: subject as string, queue: queue ?? null };
}

export function mayPublish(options: PermissionsOptions, subject: string): boolean {
  const allow = options.publish.allow ?? (options.responses === null ? null : []);
  if (allow !== null && !allow.some((pattern) => matches(subject, pattern))) return false;
  return !(options.publish.deny ?? []).some((pattern) => matches(subject, pattern));
}

export function maySubscribe(
  options: PermissionsOptions,
  subject: string,
  queue: string | null,
  reading: Reading,
): boolean {
  const { allow } = options.subscribe;
  if (allow !== null) {
    const about = allow.filter((entry) => matches(subject, entry.subject));
    const queues = about.filter((entry) => entry.queue !== null);
    const granting =
      queue !== null && queues.length > 0
        ? queues.filter((entry) => queueMatches(queue, entry.queue as string))
        : about.filter((entry) => entry.queue === null);
    const allowed = granting.some(
      (entry) => reading === "reference" || !readsRestAsToken(subject, entry.subject),
    );
    if (!allowed) return false;
  }
  return !isDenied(options, subject, queue);
}

/** At delivery, of a literal subject; and of a subscription, whose wildcards then are plain tokens. */
export function isDenied(options: PermissionsOptions, subject: string, queue: string | null): boolean {
  return (options.subscribe.deny ?? []).some(
    (entry) =>
      matches(subject, entry.subject) &&
      (entry.queue === null || (queue !== null && queueMatches(queue, entry.queue))),
  );
}

function queueMatches(queue: string, pattern: string): boolean {
  const tokens = queue.split(".");
  const wanted = pattern.split(".");
  if (queue === pattern) return true;
  for (const [at, want] of wanted.entries()) {
    if (want === ">") return tokens.length > at;
    const token = tokens[at];
    if (token === undefined || token === "" || token === ">") return false;
    if (want !== "*" && want !== token) return false;
  }
  return tokens.length === wanted.length;
}

function matches(subject: string, pattern: string): boolean {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  if (tokens.some((token) => token === "")) return false;
  for (const [at, want] of wanted.entries()) {
    const token = tokens[at];
    if (token === undefined) return false;
    if (want === ">") return true;
    if (want !== "*" && want !== token) return false;
  }
  return tokens.length === wanted.length;
}

/** Whether `*` in the pattern stands where the subject has `>`. */
function readsRestAsToken(subject: string, pattern: string): boolean {
  return pattern.split(".").some((want, at) => want === "*" && subject.split(".")[at] === ">");
}

const word = fc.constantFrom("a", "b", "c", "*");
export const pattern: fc.Arbitrary<string> = fc
  .tuple(fc.array(word, { minLength: 0, maxLength: 3 }), fc.boolean(), word)
  .map(([tokens, endsInRest, last]) => [...tokens, endsInRest ? ">" : last].join("."));

export const literal: fc.Arbitrary<string> = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.join("."));

export const queueName: fc.Arbitrary<string | null> = fc.option(
  fc.constantFrom("q", "v1", "v1.a", "v1.b.c", "v2.a", "v1.*", "v1.>"),
);

const qualified = fc
  .tuple(pattern, fc.option(fc.constantFrom("q", "v1", "v1.*", "v1.>", "*.a", ">"), { freq: 3 }))
  .map(([subject, queue]) => ({ subject, queue }));

export const permissionsOptions: fc.Arbitrary<PermissionsOptions> = fc.record({
  publish: fc.record({
    allow: fc.option(fc.array(pattern, { minLength: 1, maxLength: 6 })),
    deny: fc.option(fc.array(pattern, { minLength: 1, maxLength: 4 })),
  }),
  subscribe: fc.record({
    allow: fc.option(fc.array(qualified, { minLength: 1, maxLength: 6 })),
    deny: fc.option(fc.array(qualified, { minLength: 1, maxLength: 4 })),
  }),
  responses: fc.option(fc.constant({ maxMessages: 1, expiresMs: 1000 }), { freq: 4, nil: null }),
});
