/**
 * Puts dead letters back on the subjects that they came from: `$FROND.DLQ.REDRIVE.<stream>.<consumer>`. It takes the
 * permissions of what it does: to delete the letter, and to publish where it goes.
 */
import type { Session } from "../../../broker/session.ts";
import { headerValue, parseHeaders, encodeHeaders, type HeaderField } from "../../../protocol/headers.ts";
import { StoredMessage } from "../../../store/contract.ts";
import { SubjectFilter } from "../../../subjects/filter.ts";
import { isReservedDestination } from "../../../subjects/reserved.ts";
import {
  isCoveredBy,
  isValidLiteralSubject,
  isValidSubject,
  wireFromText,
} from "../../../subjects/subject.ts";
import type { Stream } from "../../stream/stream.ts";
import { deadLetterPrefix, isSigned, type LetterOrigin } from "./dead-letter-origin.ts";

const type = "io.frond.dlq.v1.redrive_response";
const countDefault = 1_000;
const countMax = 10_000;

interface Slice {
  /** Of sequences in the stream that keeps them. */
  readonly fromSeq: number;
  readonly throughSeq: number;
  readonly countMax: number;
  /** Of subjects that they came from. */
  readonly filter: SubjectFilter | null;
  /** Also those that nothing but their headers tells the origin of. */
  readonly force: boolean;
}

/** Where dead letters are kept. */
interface LetterBox {
  readonly subjectText: string;
  /** Wire string. */
  readonly subject: string;
  /** The stream that takes them; null when none does. */
  readonly stream: Stream | null;
}

/**
 * @param requester null: the broker itself
 * @returns the answer
 */
export function redrive(
  origin: LetterOrigin,
  deadLetters: LetterBox,
  body: string,
  requester: Pick<Session, "canPublish"> | null,
): object {
  const keeper = deadLetters.stream;
  if (keeper === null)
    return failure(404, `no stream captures ${deadLetters.subjectText}, so there is nothing to put back`);
  const deletion = `$JS.API.STREAM.MSG.DELETE.${keeper.name}`;
  if (requester?.canPublish(wireFromText(deletion)) === false)
    return failure(403, `it takes the permission to publish to ${deletion}`);
  if (keeper.config.deny_delete || keeper.config.sealed)
    return failure(403, `${keeper.name} does not let go of single messages`);
  const slice = readSlice(body);
  if (typeof slice === "string") return failure(400, slice);
  let redriven = 0;
  let refused = 0;
  let unsigned = 0;
  const message = new StoredMessage();
  const own = new SubjectFilter([deadLetters.subject]);
  const throughSeq = Math.min(slice.throughSeq, keeper.log.state.lastSeq);
  let next = slice.fromSeq;
  for (; redriven + refused + unsigned < slice.countMax && next <= throughSeq; next = message.seq + 1) {
    if (!keeper.log.next(next, throughSeq, own, message)) {
      next = throughSeq + 1;
      break;
    }
    const subject = originOf(message, origin);
    if (subject === null || slice.filter?.matches(subject) === false) continue;
    if (!slice.force && !isSigned(origin.stream, keeper, message)) unsigned++;
    else if (requester?.canPublish(subject) === false) refused++;
    else if (putBack(origin.stream, keeper, message, subject)) redriven++;
    else refused++;
  }
  return { type, stream: keeper.name, redriven, refused, unsigned, next_seq: next };
}

function failure(code: number, description: string): object {
  return { type, error: { code, description }, redriven: 0, refused: 0, unsigned: 0 };
}

function readSlice(body: string): Slice | string {
  let asked: unknown = {};
  try {
    if (body.trim() !== "") asked = JSON.parse(body);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  if (typeof asked !== "object" || asked === null || Array.isArray(asked)) return "an object is expected";
  const {
    from_seq: from,
    through_seq: through,
    max,
    subject,
    force = false,
    ...rest
  } = asked as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `unknown field ${JSON.stringify(unknown)}`;
  for (const [name, value] of Object.entries({ from_seq: from, through_seq: through, max }))
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) > 0))
      return `${name} is to be a whole number above 0`;
  if (subject !== undefined && !(typeof subject === "string" && isValidSubject(wireFromText(subject))))
    return "subject is to be a subject, maybe with wildcards";
  if (typeof force !== "boolean") return "force is to be true or false";
  return {
    fromSeq: (from as number | undefined) ?? 1,
    throughSeq: (through as number | undefined) ?? Number.MAX_SAFE_INTEGER,
    countMax: Math.min((max as number | undefined) ?? countDefault, countMax),
    filter: subject === undefined ? null : new SubjectFilter([wireFromText(subject)]),
    force,
  };
}

/** The subject that it says to have come from; null when it is not of that consumer. */
function originOf({ headers }: StoredMessage, { stream, name }: LetterOrigin): string | null {
  if (headers === null) return null;
  const value = (field: string): string | null => headerValue(headers, deadLetterPrefix + field);
  const isOwn = value("Stream") === wireFromText(stream.name) && value("Consumer") === wireFromText(name);
  return isOwn ? value("Subject") : null;
}

/** @returns whether its stream took it again; only then it goes from where it was */
function putBack(stream: Stream, keeper: Stream, message: StoredMessage, subject: string): boolean {
  const isOfStream = (stream.config.subjects ?? []).some((pattern) =>
    isCoveredBy(subject, wireFromText(pattern)),
  );
  if (!isOfStream || !isValidLiteralSubject(subject) || isReservedDestination(subject)) return false;
  const before = stream.log.state.lastSeq;
  const fields = parseHeaders(message.headers as Buffer).fields.filter(
    ([field]) => !field.startsWith(deadLetterPrefix) && /^[!-9;-~]+$/.test(field),
  );
  // Should the same one be put back twice, it is known by this.
  const id: HeaderField = ["Nats-Msg-Id", `frond-redrive.${wireFromText(keeper.name)}.${message.seq}`];
  stream.host.publisher.publish(
    stream.account.account,
    subject,
    "",
    encodeHeaders([...fields, id]),
    message.payload,
  );
  if (stream.log.state.lastSeq === before) return false;
  keeper.messages.remove(message.seq);
  return true;
}
