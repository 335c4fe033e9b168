/** What may be asked of `/connz`. Source: nats-server `HandleConnz`, `Connz`. */
import { isSortOption, type SortOption } from "./connz-sort.ts";
import {
  BadRequest,
  booleanOption,
  pageOption,
  subscriptionsOption,
  unsignedOption,
  type Page,
} from "./query.ts";

export interface ConnzOptions {
  readonly sort: SortOption;
  readonly auth: boolean;
  readonly subscriptions: "none" | "list" | "detail";
  readonly page: Page;
  /** 0: any. */
  readonly id: number;
  readonly state: "open" | "closed" | "all";
  /** Empty: any, as are the following. */
  readonly user: string;
  readonly account: string;
  readonly mqttClient: string;
}

/** @throws BadRequest */
export function connzOptions(query: URLSearchParams): ConnzOptions {
  const auth = booleanOption(query, "auth");
  const subscriptions = subscriptionsOption(query);
  const page = pageOption(query);
  const id = unsignedOption(query, "cid");
  const state = stateOption(query);
  return {
    sort: sortOption(query, state),
    auth,
    subscriptions,
    page: id === 0 ? page : { offset: page.offset, limit: 1 },
    id,
    state,
    user: query.get("user") ?? "",
    account: query.get("acc") ?? "",
    mqttClient: query.get("mqtt_client") ?? "",
  };
}

function stateOption(query: URLSearchParams): ConnzOptions["state"] {
  const text = query.get("state") ?? "";
  switch (text.toLowerCase()) {
    case "":
    case "open":
      return "open";
    case "closed":
      return "closed";
    case "any":
    case "all":
      return "all";
    default:
      throw new BadRequest(`Error decoding state for ${text}`);
  }
}

function sortOption(query: URLSearchParams, state: ConnzOptions["state"]): SortOption {
  const text = query.get("sort") ?? "";
  if (text === "") return "cid";
  if (!isSortOption(text)) throw new BadRequest(`invalid sorting option: ${text}`);
  if ((text === "stop" || text === "reason") && state !== "closed")
    throw new BadRequest(`sort by ${text} only valid on closed connections`);
  return text;
}
