/** What the checks of a stream's configuration share: what is around it, names, subjects and the errors. */
import { MappingError } from "../../../subjects/mapping-error.ts";
import { isValidSubject, wireFromText } from "../../../subjects/subject.ts";
import { SubjectTransform } from "../../../subjects/transform.ts";
import type { ApiError } from "../../api-error.ts";
import { apiError } from "../../api-errors.ts";
import type { StreamConfig } from "./stream-config.ts";

export interface StreamSurroundings {
  /** Another stream of the account; undefined when there is none. */
  find(name: string): StreamConfig | undefined;
  /** Nanoseconds; 0 for none. */
  readonly duplicateWindowMax: number;
  /** Of the account; 0 or below for none. */
  streamBytesMax(storage: "file" | "memory"): number;
  readonly maxBytesRequired: boolean;
}

/** As nats-server's `isValidAssetName`. */
export function isValidName(name: string | undefined): name is string {
  return name !== undefined && name !== "" && !/[ \t\r\n\f.*>\\/]/.test(name);
}

export function invalidConfig(text: string): ApiError {
  return apiError("streamInvalidConfig", { err: text });
}

export function pedanticError(text: string): ApiError {
  return apiError("pedantic", { err: text });
}

/** As nats-server's `ValidateMapping` and the transform's own checks. @returns what is wrong, or null */
export function transformProblem(src: string | undefined, dest: string | undefined): string | null {
  // Without a destination nothing is transformed.
  if ((dest ?? "") === "") return null;
  try {
    SubjectTransform.parseForMapping(wireFromText(src ?? ""), wireFromText(dest ?? ""));
    return null;
  } catch (error) {
    if (error instanceof MappingError) return error.message;
    throw error;
  }
}

export function isValidText(subject: string): boolean {
  return isValidSubject(wireFromText(subject));
}
