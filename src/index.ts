/** The public API: `import { createBroker } from "frond"`. */
export { createBroker, type BrokerOptions, type EmbeddedBroker } from "./create-broker.ts";
export type {
  BrokerAccount,
  BrokerAccountJetStream,
  BrokerForward,
  BrokerForwardedStream,
  BrokerJetStream,
  BrokerLeafNodes,
  BrokerLeafRemote,
  BrokerLog,
  BrokerMappingDestination,
  BrokerMappings,
  BrokerMonitor,
  BrokerPermissions,
  BrokerSubjects,
  BrokerTls,
  BrokerUser,
  BrokerWebSocket,
  Duration,
  Size,
} from "./config/broker-options.ts";
export { Clock, type Deadline } from "./base/clock.ts";
export { ConfigError } from "./config/grammar/diagnostics.ts";
