/** Options in, what the clients of a listener need to know out; made at start and again on a reload. */
import { randomBytes, randomInt } from "node:crypto";
import type { Log } from "../base/log.ts";
import type { Broker } from "../broker/broker.ts";
import { Message } from "../protocol/message.ts";
import type { ClientContext, ClientSettings } from "../client/context.ts";
import { PublishVerdicts } from "../client/publish-verdicts.ts";
import type { Options } from "../config/options.ts";
import type { FlushPass } from "../transport/flush-pass.ts";

export interface SharedParts {
  readonly broker: Broker;
  readonly pass: FlushPass;
  readonly log: Log;
  readonly onNoResponders: ClientContext["onNoResponders"];
}

/** What is one for all listeners. */
export interface SharedFrames {
  readonly message: Message;
  readonly publishVerdicts: PublishVerdicts;
}

/** What each listener has of its own. */
type ListenerFacts = Pick<ClientContext, "connectionType" | "authenticator" | "info">;

const nonceBytes = 11;

export function newFrames(): SharedFrames {
  return { message: new Message(), publishVerdicts: new PublishVerdicts(randomSeed()) };
}

export function newClientContext(
  parts: SharedParts & SharedFrames,
  options: Options,
  { connectionType, authenticator, info }: ListenerFacts,
): ClientContext {
  return {
    ...parts,
    connectionType,
    systemAccount: options.systemAccount,
    settings: clientSettings(options, connectionType),
    authenticator,
    info,
    random: Math.random,
    nonce: () => randomBytes(nonceBytes).toString("base64url"),
  };
}

export function clientSettings(
  options: Options,
  connectionType: ClientContext["connectionType"],
): ClientSettings {
  const { limits, log, websocket } = options;
  const own = connectionType === "WEBSOCKET" ? websocket : null;
  return {
    maxControlLineBytes: limits.maxControlLineBytes,
    maxPayloadBytes: limits.maxPayloadBytes,
    maxSubscriptions: limits.maxSubscriptions,
    maxSubscriptionTokens: limits.maxSubscriptionTokens,
    pingIntervalMs: own?.pingIntervalMs ?? limits.pingIntervalMs,
    pingMax: limits.pingMax,
    authTimeoutMs: own?.authorization?.timeoutMs ?? limits.authTimeoutMs,
    headers: !options.noHeaderSupport,
    trace: log.trace ? { headersOnly: log.traceHeaders, payloadBytesMax: log.maxTracedBytes } : null,
  };
}

/** 32 bits that peers cannot guess. */
export function randomSeed(): number {
  return randomInt(2 ** 32) | 0;
}
