/**
 * The API of all accounts: takes requests out of the delivery, answers them at the end of the pass, one after the other,
 * and counts and tells what was asked.
 */
import { encodeJson } from "../../base/json.ts";
import type { Message } from "../../protocol/message.ts";
import type { Service } from "../../broker/service.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { headerValue } from "../../protocol/headers.ts";
import { textFromWire } from "../../subjects/subject.ts";
import type { StreamAccount } from "../stream/stream.ts";
import { ApiError } from "../api-error.ts";
import { apiError } from "../api-errors.ts";
import { clientInfo } from "../client-info.ts";
import type { Host } from "../host.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../api-level.ts";
import { accountRoutes } from "./account-info.ts";
import { type ApiRequest, type Route, tokensAfterPrefix } from "./route.ts";
import { RouteTable } from "./route-table.ts";

export const apiPrefix = "$JS.API.";
const typePrefix = "io.nats.jetstream.api.v1.";

/** Served by consumers and streams themselves: without one there is nobody to answer. */
const servedElsewhere = ["$JS.API.CONSUMER.MSG.NEXT.", "$JS.API.DIRECT.GET."];
const unansweredPrefixes = ["$JS.API.META.", "$JS.API.SERVER.", "$JS.API.ACCOUNT."];
const resetPrefix = "$JS.API.CONSUMER.RESET.";

interface Waiting {
  readonly request: ApiRequest;
  readonly reply: string;
}

export class Api {
  readonly #host: Host;
  readonly #service: Service;
  readonly #routes: RouteTable;
  readonly #subscriptions = new Map<StreamAccount, Subscription>();
  #waiting: Waiting[] = [];

  constructor(host: Host, routes: readonly Route[]) {
    this.#host = host;
    this.#service = host.service;
    this.#routes = new RouteTable([...accountRoutes, ...routes]);
  }

  open(account: StreamAccount): void {
    const subscription = this.#service.listen(account.account, `${apiPrefix}>`, null, (message) =>
      this.#receive(account, message),
    );
    this.#subscriptions.set(account, subscription);
  }

  close(account: StreamAccount): void {
    const subscription = this.#subscriptions.get(account);
    if (subscription === undefined) return;
    this.#subscriptions.delete(account);
    this.#service.stop(subscription);
  }

  #receive(account: StreamAccount, message: Message): boolean {
    const subject = message.routedByOther ? message.routingSubject : message.subject;
    if (servedElsewhere.some((prefix) => subject.startsWith(prefix))) return false;
    if (subject.startsWith(resetPrefix) && !hasConsumer(account, subject)) return false;
    if (unansweredPrefixes.some((prefix) => subject.startsWith(prefix))) return true;
    const { bytes, bodyStart, bodyEnd, headerBytes } = message;
    const payloadStart = bodyStart + headerBytes;
    const headers = headerBytes === 0 ? null : Buffer.from(bytes.subarray(bodyStart, payloadStart));
    const body = bytes.utf8Slice(payloadStart, bodyEnd);
    const tokens = tokensAfterPrefix(subject, apiPrefix);
    const session = this.#host.broker.reading;
    const request = { account, subject, tokens, headers, body, session };
    if (this.#waiting.length >= account.settings.requestQueueMax) this.#drop(account);
    if (this.#waiting.length === 0) this.#host.defer("decide", () => this.#answerAll());
    this.#waiting.push({ request, reply: message.hasReply ? message.reply : "" });
    return true;
  }

  /** Too many: all that wait go unanswered. */
  #drop(account: StreamAccount): void {
    const dropped = this.#waiting.length;
    this.#waiting = [];
    this.#host.log.warn(`JetStream API queue limit reached, dropping ${dropped} requests`);
    account.advisories.publish("API.LIMIT_REACHED", "api_limit_reached", () => ({
      server: this.#host.serverName,
      dropped,
    }));
  }

  #answerAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) this.#answer(each);
  }

  #answer({ request, reply }: Waiting): void {
    const { account } = request;
    const route = this.#routes.find(request.tokens);
    const type = `${typePrefix}${route?.type ?? "system"}_response`;
    let text: string;
    let headers: Buffer | null = null;
    let isError = false;
    try {
      if (route === null) throw apiError("badRequest");
      refuseLevel(request.headers);
      text = encodeJson({ type, ...route.answer(request) }, false);
      headers = route.headers?.(request) ?? null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      isError = true;
      text = encodeJson({ type, error: error.json, ...route?.empty }, false);
    }
    if (reply !== "") account.replies.publish(account.account, reply, Buffer.from(text), headers);
    if (route?.quiet === true && !isError) return;
    account.apiTotal++;
    if (isError) account.apiErrors++;
    account.advisories.publish("API", "api_audit", () => ({
      server: this.#host.serverName,
      client: clientInfo(request.session, account.account.name, this.#host.serverName),
      subject: textFromWire(request.subject),
      ...(request.body !== "" && { request: request.body }),
      response: text,
    }));
  }
}

function hasConsumer(account: StreamAccount, subject: string): boolean {
  const [stream = "", consumer = ""] = tokensAfterPrefix(subject, resetPrefix);
  return account.streams.get(stream)?.consumers.has(consumer) === true;
}

/** @throws ApiError (10185) when the request needs more than there is */
function refuseLevel(headers: Buffer | null): void {
  if (headers === null) return;
  if (!isApiLevelEnough(headerValue(headers, requiredLevelHeader))) throw apiError("requiredApiLevel");
}
