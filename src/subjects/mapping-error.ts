import { textFromWire } from "./subject.ts";

/** A source, destination or weight that cannot be. The message is nats-server's, without the place in a file. */
export class MappingError extends Error {
  override readonly name = "MappingError";
}

export type DestinationFault =
  | "invalid transform"
  | "not using all of the token wildcard(s)"
  | "unknown function"
  | "function is not available in this context"
  | "wildcard index out of range"
  | "not enough arguments passed to the function"
  | "function argument is invalid or in the wrong format"
  | "too many arguments passed to the function"
  | "the only mapping function allowed for import transforms is {{Wildcard()}}";

/** @param position the token at fault, a wire string; empty when there is none to show */
export function destinationError(fault: DestinationFault, position: string): MappingError {
  return new MappingError(
    `invalid mapping destination: ${fault}${position === "" ? "" : ` in ${textFromWire(position)}`}`,
  );
}
