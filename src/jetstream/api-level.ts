/** Requests that need a higher level of JetStream's API than this broker has. Source: nats-server `errorOnRequiredApiLevel`. */
import { jetStreamApiLevel } from "../base/version.ts";

export const requiredLevelHeader = "Nats-Required-Api-Level";

/** @param text the value of {@link requiredLevelHeader}; null or empty: any level will do */
export function isApiLevelEnough(text: string | null): boolean {
  return text === null || text === "" || (/^[+-]?[0-9]+$/.test(text) && Number(text) <= jetStreamApiLevel);
}
