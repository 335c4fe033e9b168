/** What the broker tells its operator. The server gives it a pino logger; parts only see this. */
export interface Log {
  readonly debugEnabled: boolean;
  readonly traceEnabled: boolean;
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug(text: string): void;
  trace(text: string): void;
}

export const silentLog: Log = {
  debugEnabled: false,
  traceEnabled: false,
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
};
