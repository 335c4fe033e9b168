import type { Operation } from "./operation.ts";

type Sides = readonly [readonly string[], readonly string[]];

/**
 * Takes out of both answers in what Frond and nats-server are known to differ. What is on purpose stands in
 * `docs/jetstream.md`; the rest is what nats-server itself does now so, now so.
 */
export function withoutKnown(
  operation: Operation,
  ours: readonly string[],
  theirs: readonly string[],
): Sides {
  if (operation.do === "ask" && isKnown(operation, ours[0] ?? "", theirs[0] ?? "")) return [[], []];
  return [simplified(ours), simplified(theirs)];
}

function isKnown({ subject }: Operation & { do: "ask" }, ours: string, theirs: string): boolean {
  // To reset a consumer that is not there: nats-server never answers.
  if (subject.startsWith("CONSUMER.RESET.") && theirs === "nothing") return ours.startsWith("NATS/1.0 503");
  // Of several values that are wrong each names another.
  if (ours.includes('"description":"invalid JSON: ') && theirs.includes('"description":"invalid JSON: '))
    return true;
  return false;
}

const zeroTime = '"0001-01-01T00:00:00Z"';

function simplified(lines: readonly string[]): string[] {
  return lines
    .filter((line) => line !== "")
    .map((line) => withoutProgress(line).replace(/"state":\{"messages":0,[^}]*/g, emptyState));
}

/** How far a mirror or source has come is a matter of time; what it has copied is compared. */
function withoutProgress(line: string): string {
  // In front of the state stands the configuration, which may have the same names.
  const parts = line.split(/(?="state":\{)/);
  const progress =
    /,"(mirror|sources)":(\{"name"|\[\{"name")((?!"config":).)*?(?=,"ts"|,"alternates"|,"did_create")/g;
  return parts.map((part, at) => (at === 0 ? part : part.replace(progress, ""))).join("");
}

/** Of an empty stream that was purged before its first message, and of one that never kept any. */
function emptyState(state: string): string {
  return state
    .replace('"first_seq":1,"first_ts"', '"first_seq":0,"first_ts"')
    .replace('"num_deleted":1,"deleted":[0],', "")
    .replace('"last_ts":"<time>"', `"last_ts":${zeroTime}`);
}
