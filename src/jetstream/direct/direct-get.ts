/**
 * Gets messages without going through the API: `$JS.API.DIRECT.GET.<stream>` with a request as body, or with the subject
 * of the message behind. Answers are the messages themselves, or a status. Source: nats-server
 * `processDirectGetRequest`, ADR-31.
 */
import { headerValue } from "../../protocol/headers.ts";
import type { Message } from "../../protocol/message.ts";
import type { Service } from "../../broker/service.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { wireFromText } from "../../subjects/subject.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../api-level.ts";
import type { MessageLog } from "../../store/contract.ts";
import type { CurrentConfig } from "../stream/config/stream-config.ts";
import { AnswerHeaders } from "./answer-headers.ts";
import { DirectAnswer } from "./direct-answer.ts";
import type { DirectReplies } from "./direct-replies.ts";
import { answerLast, answerMulti, answerRequest } from "./direct-answers.ts";
import { emptyRequest, hasSelector, isContradictory, parseDirectRequest } from "./direct-request.ts";

const queue = "_sys_";
const prefix = "$JS.API.DIRECT.GET.";

export class DirectGet {
  readonly #replies: DirectReplies;
  readonly #service: Service;
  readonly #log: MessageLog;
  readonly #current: CurrentConfig;
  #subscriptions: Subscription[] = [];
  /** What the subscriptions are for. */
  #names = "";
  /** A mirror has nearly all of its origin, so that it may answer for it. */
  #isCaughtUp = false;
  /** Made for the first request: most streams never see one. */
  #headers: AnswerHeaders | null = null;

  constructor(replies: DirectReplies, service: Service, log: MessageLog, current: CurrentConfig) {
    this.#replies = replies;
    this.#service = service;
    this.#log = log;
    this.#current = current;
  }

  /** For mirrors. */
  onCaughtUp(): void {
    if (this.#isCaughtUp) return;
    this.#isCaughtUp = true;
    this.start();
  }

  /** Begins, or goes on with another configuration. */
  start(): void {
    const names = this.#namesWanted();
    if (names.join(" ") === this.#names) return;
    this.close();
    this.#names = names.join(" ");
    const service = this.#service;
    const { account } = this.#replies;
    for (const name of names) {
      const subject = `${prefix}${wireFromText(name)}`;
      this.#subscriptions.push(
        service.listen(account, subject, queue, (message) => this.#onRequest(message)),
        service.listen(account, `${subject}.>`, queue, (message) =>
          this.#onSubject(message, subject.length + 1),
        ),
      );
    }
  }

  close(): void {
    this.#names = "";
    for (const subscription of this.#subscriptions) this.#service.stop(subscription);
    this.#subscriptions = [];
  }

  /** A mirror may answer for its origin as well, with what it has of it. Wherever that is, its name is asked for here. */
  #namesWanted(): string[] {
    const { allow_direct: direct, mirror_direct: mirrors, mirror, name } = this.#current.config;
    const names = direct ? [name] : [];
    if (mirrors && mirror !== undefined && this.#isCaughtUp) names.push(mirror.name);
    return names;
  }

  #onRequest(message: Message): void {
    if (!message.hasReply) return;
    const answer = this.#answerTo(message);
    if (!isLevelEnough(message)) return answer.status(412, "Required Api Level");
    const body = bodyOf(message);
    if (body === "") return answer.status(408, "Empty Request");
    const request = parseDirectRequest(body);
    if (request === null) return answer.status(408, "Malformed Request");
    if (!hasSelector(request)) return answer.status(408, "Empty Request");
    if (isContradictory(request)) return answer.status(408, "Bad Request");
    if (request.multiLast.length > 0) answerMulti(answer, request);
    else answerRequest(answer, request);
  }

  /** @param headChars what stands before the subject that is asked for */
  #onSubject(message: Message, headChars: number): void {
    if (!message.hasReply) return;
    const answer = this.#answerTo(message);
    if (!isLevelEnough(message)) return answer.status(412, "Required Api Level");
    const { subjectBytes, subjectStart, subjectEnd } = message;
    const subject = subjectBytes.latin1Slice(Math.min(subjectStart + headChars, subjectEnd), subjectEnd);
    const body = bodyOf(message);
    // Without a body in nearly all cases: a get from a bucket.
    const request = body === "" ? emptyRequest : parseDirectRequest(body);
    if (request === null) return answer.status(408, "Malformed Request");
    const { batch, upToSeq, upToTime } = request;
    if (subject === "" || hasSelector(request) || batch !== 0 || upToSeq !== 0 || upToTime !== null)
      return answer.status(408, "Bad Request");
    answerLast(answer, subject, request.noHeaders);
  }

  #answerTo(request: Message): DirectAnswer {
    this.#headers ??= new AnswerHeaders(wireFromText(this.#current.config.name));
    return new DirectAnswer(this.#log, this.#replies, request, this.#headers);
  }
}

function bodyOf({ bytes, bodyStart, bodyEnd, headerBytes }: Message): string {
  const start = bodyStart + headerBytes;
  return start === bodyEnd ? "" : bytes.utf8Slice(start, bodyEnd);
}

function isLevelEnough({ bytes, bodyStart, headerBytes }: Message): boolean {
  if (headerBytes === 0) return true;
  const block = bytes.subarray(bodyStart, bodyStart + headerBytes);
  return isApiLevelEnough(headerValue(block, requiredLevelHeader));
}
