/** The public API: `import { createBroker } from "frond"`. */
export { createBroker, type BrokerOptions, type EmbeddedBroker } from "./create-broker.ts";
export { Clock, type Deadline } from "./base/clock.ts";
export { ConfigError } from "./config/problems.ts";
