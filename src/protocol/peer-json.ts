/** JSON that a peer sent as an argument of an operation: CONNECT, INFO. */
import { JsonFieldError, JsonFields } from "../base/json-fields.ts";
import { malformed } from "./errors.ts";

/** @throws ProtocolError that begins with `operation` when `json` is not an object, or `read` met a field of another type */
export function readPeerJson<T>(operation: string, json: Buffer, read: (fields: JsonFields) => T): T {
  try {
    return read(JsonFields.parse(json.toString("utf8")));
  } catch (error) {
    throw error instanceof JsonFieldError ? malformed(`${operation}: ${error.message}`) : error;
  }
}
