/** Why a published message is not stored, as its publisher is told. */
import type { ApiError } from "../../api-error.ts";
import { apiError } from "../../api-errors.ts";

export const refusals = {
  insufficientResources: apiError("insufficientResources"),
  messageTooLarge: apiError("streamMessageExceedsMaximum"),
  otherStream: apiError("streamNotMatch"),
  headerTooLarge: apiError("streamHeaderExceedsMaximum"),
  sealed: apiError("streamSealed"),
  wrongLastSeqConstant: apiError("streamWrongLastSequenceConstant"),
  ttlInvalid: apiError("messageTTLInvalid"),
  ttlDisabled: apiError("messageTTLDisabled"),
  counterDisabled: apiError("messageIncrDisabled"),
  counterMissing: apiError("messageIncrMissing"),
  counterPayload: apiError("messageIncrPayload"),
  counterInvalid: apiError("messageIncrInvalid"),
  counterBroken: apiError("messageCounterBroken"),
  atomicDisabled: apiError("atomicPublishDisabled"),
  atomicMissingSeq: apiError("atomicPublishMissingSeq"),
  atomicIncomplete: apiError("atomicPublishIncompleteBatch"),
  atomicInvalidId: apiError("atomicPublishInvalidBatchID"),
  requiredApiLevel: apiError("requiredApiLevel"),
  schedulesDisabled: apiError("messageSchedulesDisabled"),
  schedulePattern: apiError("messageSchedulesPatternInvalid"),
  scheduleTarget: apiError("messageSchedulesTargetInvalid"),
  scheduleTtl: apiError("messageSchedulesTTLInvalid"),
  scheduleRollup: apiError("messageSchedulesRollupInvalid"),
  subjectSeqMissing: apiError("streamExpectedLastSeqPerSubjectInvalid"),
  atomicInvalidCommit: apiError("atomicPublishInvalidBatchCommit"),
  atomicDuplicate: apiError("atomicPublishContainsDuplicateMessage"),
  scheduleSource: apiError("messageSchedulesSourceInvalid"),
  fastDisabled: apiError("batchPublishDisabled"),
  fastPattern: apiError("batchPublishInvalidPattern"),
  fastInvalidId: apiError("batchPublishInvalidBatchID"),
  fastUnknownId: apiError("batchPublishUnknownBatchID"),
  atomicTooManyInflight: apiError("atomicPublishTooManyInflight"),
  fastTooManyInflight: apiError("batchPublishTooManyInflight"),
  scheduler: apiError("messageSchedulesSchedulerInvalid"),
  scheduleTimeZone: apiError("messageSchedulesTimeZoneInvalid"),
  sourceHeader: apiError("messageSourceHdrNotAllowed"),
} as const;

export function wrongLastSeq(seq: number): ApiError {
  return apiError("streamWrongLastSequence", { seq });
}

/** @param id text */
export function wrongLastMsgId(id: string): ApiError {
  return apiError("streamWrongLastMsgID", { id });
}

export function rollupFailed(reason: string): ApiError {
  return apiError("streamRollupFailed", { err: reason });
}

export function storeFailed(reason: string): ApiError {
  return apiError("streamStoreFailed", { err: reason });
}

export function atomicTooLarge(sizeMax: number): ApiError {
  return apiError("atomicPublishTooLargeBatch", { size: sizeMax });
}

export function atomicUnsupportedHeader(name: string): ApiError {
  return apiError("atomicPublishUnsupportedHeaderBatch", { header: name });
}
