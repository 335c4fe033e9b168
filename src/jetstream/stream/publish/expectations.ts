/** What a publisher expects of the stream: `Nats-Expected-*`. */
import { filterOf } from "../../../subjects/filter.ts";
import { hasWildcard, textFromWire } from "../../../subjects/subject.ts";
import { type MessageLog, StoredMessage } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field, sequenceOf } from "../message/message-headers.ts";
import { refusals, wrongLastMsgId, wrongLastSeq } from "../message/refusals.ts";

/** @param name of the stream, wire string */
export function checkExpectedStream({ headers }: InboundMessage, name: string): ApiError | null {
  if (!headers.hasValue(field.expectedStream)) return null;
  return headers.text(field.expectedStream) === name ? null : refusals.otherStream;
}

export function checkExpectedSeqs({ headers, subject }: InboundMessage, log: MessageLog): ApiError | null {
  if (headers.hasValue(field.expectedLastSubjectSeq)) {
    const other = headers.text(field.expectedLastSubjectSeqSubject);
    const expected = sequenceOf(headers.text(field.expectedLastSubjectSeq));
    const seq = lastSeqOf(log, other === "" ? subject : other);
    if (seq !== expected) return wrongLastSeq(seq);
  } else if (headers.hasValue(field.expectedLastSubjectSeqSubject)) {
    return refusals.subjectSeqMissing;
  }
  if (!headers.hasValue(field.expectedLastSeq)) return null;
  const { lastSeq } = log.state;
  return sequenceOf(headers.text(field.expectedLastSeq)) === lastSeq ? null : wrongLastSeq(lastSeq);
}

export function checkExpectedMsgId({ headers }: InboundMessage, lastId: string): ApiError | null {
  if (!headers.hasValue(field.expectedLastMsgId)) return null;
  return headers.text(field.expectedLastMsgId) === lastId ? null : wrongLastMsgId(textFromWire(lastId));
}

/** @param subject maybe with wildcards @returns 0 when it has no message */
export function lastSeqOf(log: MessageLog, subject: string): number {
  if (!hasWildcard(subject)) return log.subject(subject)?.lastSeq ?? 0;
  const found = new StoredMessage();
  return log.last(log.state.lastSeq, filterOf([subject]), found) ? found.seq : 0;
}
