/** What of a consumer may become another. Source: nats-server `checkNewConsumerConfig`. */
import { apiError } from "../../api-errors.ts";
import type { ConsumerConfig } from "./consumer-config.ts";

const fixedFirst = [
  ["deliver_policy", "deliver policy"],
  ["mem_storage", "storage type"],
  ["direct", "direct"],
  ["sourcing", "sourcing"],
  ["opt_start_seq", "start sequence"],
  ["opt_start_time", "start time"],
  ["ack_policy", "ack policy"],
  ["replay_policy", "replay policy"],
  ["idle_heartbeat", "heart beats"],
  ["flow_control", "flow control"],
] as const satisfies readonly (readonly [keyof ConsumerConfig, string])[];

/**
 * @param isBound whether somebody listens on the deliver subject of now
 * @throws ApiError (10012, 10013)
 */
export function checkConsumerUpdate(before: ConsumerConfig, after: ConsumerConfig, isBound: boolean): void {
  const refuse = (text: string): never => {
    throw apiError("consumerCreate", { err: text });
  };
  for (const [field, words] of fixedFirst)
    if (before[field] !== after[field]) refuse(`${words} can not be updated`);
  const { deliver_subject: from = "" } = before;
  const { deliver_subject: to = "" } = after;
  if (from !== to) {
    if (from === "") refuse("can not update pull consumer to push based");
    if (to === "") refuse("can not update push consumer to pull based");
    if (isBound) throw apiError("consumerNameExist");
  }
  if (before.max_waiting !== after.max_waiting) refuse("max waiting can not be updated");
}

/** Whether two complete configurations say the same, whatever level of the API they were asked for with. */
export function sameConsumerConfig(a: ConsumerConfig, b: ConsumerConfig): boolean {
  return comparable(a) === comparable(b);
}

function comparable({ metadata = {}, ...rest }: ConsumerConfig): string {
  const own = Object.entries(metadata)
    .filter(([key]) => !key.startsWith("_nats."))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([rest, own]);
}
