/** What of a stream's configuration may become what. Rules and texts of nats-server's `configUpdateCheck`. */
import { isDeepStrictEqual } from "node:util";
import { apiError } from "../../api-errors.ts";
import type { StreamConfig } from "./stream-config.ts";
import { checkDiscardPerSubject } from "./stream-config-check.ts";
import { invalidConfig } from "./config-rules.ts";

/**
 * @param next checked by itself already
 * @returns what the stream is to have: sealing it changes more than was asked for
 * @throws ApiError
 */
export function checkUpdate(old: StreamConfig, next: StreamConfig): StreamConfig {
  if (next.name !== old.name) throw invalidConfig("stream configuration name must match original");
  if (next.num_replicas > 1) throw apiError("streamReplicasNotSupported");
  if (next.storage !== old.storage)
    throw invalidConfig("stream configuration update can not change storage type");
  const isQueue = next.retention === "workqueue" || old.retention === "workqueue";
  if (next.retention !== old.retention && isQueue)
    throw invalidConfig("stream configuration update can not change retention policy to/from workqueue");
  if (old.sealed && !next.sealed)
    throw invalidConfig("stream configuration update can not unseal a sealed stream");
  if (old.deny_delete && !next.deny_delete)
    throw invalidConfig("stream configuration update can not cancel deny message deletes");
  if (old.deny_purge && !next.deny_purge)
    throw invalidConfig("stream configuration update can not cancel deny purge");
  // Without a mirror it becomes a stream of its own; that is allowed.
  if (next.mirror !== undefined && !isDeepStrictEqual(next.mirror, old.mirror))
    throw apiError("streamMirrorNotUpdatable");
  checkDiscardPerSubject(next);
  if (old.allow_msg_ttl && !next.allow_msg_ttl) throw invalidConfig("message TTL status can not be disabled");
  if ((old.allow_msg_counter ?? false) !== (next.allow_msg_counter ?? false))
    throw invalidConfig("stream configuration update can not change message counter setting");
  if (old.allow_msg_schedules === true && next.allow_msg_schedules !== true)
    throw invalidConfig("message schedules can not be disabled");
  if ((old.persist_mode ?? "default") !== (next.persist_mode ?? "default"))
    throw invalidConfig("stream configuration update can not change persist mode");
  return next.sealed ? sealed(next) : next;
}

function sealed(config: StreamConfig): StreamConfig {
  return {
    ...config,
    max_age: 0,
    discard: "new",
    deny_delete: true,
    deny_purge: true,
    allow_rollup_hdrs: false,
  };
}
