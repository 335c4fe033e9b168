import {
  type BrokerOptions,
  Clock,
  ConfigError,
  createBroker,
  type Duration,
  type EmbeddedBroker,
  type Size,
} from "frond";

const pingInterval: Duration = "30s";
const maxPayload: Size = "64KB";
const options: BrokerOptions = { port: 0, pingInterval, maxPayload, clock: new Clock() };
export const started: Promise<EmbeddedBroker> = createBroker(options);
export const diagnostics = (error: unknown): readonly string[] =>
  error instanceof ConfigError ? error.diagnostics : [];
// @ts-expect-error Without the declarations everything would be allowed.
export const wrong: Promise<EmbeddedBroker> = createBroker({ port: "any" });
