import type { ScenarioGroup } from "../scenario.ts";
import { delivery } from "./delivery.ts";
import { drain } from "./drain.ts";
import { headers } from "./headers.ts";
import { mapping } from "./mapping.ts";
import { payload } from "./payload.ts";
import { queueGroup } from "./queue-group.ts";
import { requestMany } from "./request-many.ts";
import { request } from "./request.ts";

/** All that needs no more than a broker without access control. */
export const messaging: readonly ScenarioGroup[] = [
  delivery,
  queueGroup,
  request,
  requestMany,
  headers,
  payload,
  mapping,
  drain,
];
