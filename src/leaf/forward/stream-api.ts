/** Requests to the JetStream API of one end of a link, from within the broker and in the account of the link. */
import type { Deadline } from "../../base/clock.ts";
import { encodeJson } from "../../base/json.ts";
import type { Account } from "../../broker/account.ts";
import type { Message } from "../../protocol/message.ts";
import type { Publisher } from "../../broker/publisher.ts";
import type { Service } from "../../broker/service.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { LeafContext } from "../context.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Of the API, or why there is none; `code` is the API's `err_code`, 0 when it was not the API that said so. */
export type ApiAnswer =
  | { readonly value: Fields; readonly code: null }
  | { readonly value: null; readonly code: number; readonly text: string };

export const streamNotFound = 10059;
const answerMsMax = 10_000;

export interface ApiConnection {
  readonly context: LeafContext;
  readonly publisher: Publisher;
  readonly service: Service;
  readonly nuid: () => string;
}

export class StreamApi {
  readonly #parts: ApiConnection;
  readonly #account: Account;
  /** Text, as in `$JS.API`. */
  readonly prefix: string;

  constructor(parts: ApiConnection, account: Account, prefix: string) {
    this.#parts = parts;
    this.#account = account;
    this.prefix = prefix;
  }

  async info(stream: string): Promise<ApiAnswer> {
    return this.request(`STREAM.INFO.${stream}`, null);
  }

  /** Always comes to an end: with an answer, or without one when it takes too long. */
  async request(operation: string, body: Fields | null): Promise<ApiAnswer> {
    const { context, publisher, service, nuid } = this.#parts;
    const { clock } = context.broker;
    const subject = `${this.prefix}.${operation}`;
    const payload = Buffer.from(body === null ? "" : encodeJson(body, false), "utf8");
    const answered = new Promise<ApiAnswer>((resolve) => {
      let deadline: Deadline | null = null;
      const end = (answer: ApiAnswer): void => {
        deadline?.cancel();
        service.stop(subscription);
        resolve(answer);
      };
      const reply = `_INBOX.${nuid()}`;
      const subscription = service.listen(this.#account, reply, null, (message) => end(answerIn(message)));
      deadline = clock.after(answerMsMax, () => end(failure(`no answer on ${subject}`)));
      context.pass.run(() => {
        if (publisher.publish(this.#account, wireFromText(subject), reply, null, payload) === 0)
          end(failure(`nobody answers on ${subject}`));
      });
    });
    if (clock.moving) clock.expect(answered.then(() => {}));
    return answered;
  }
}

function failure(text: string, code = 0): ApiAnswer {
  return { value: null, code, text };
}

function answerIn({ bytes, bodyStart, bodyEnd, headerBytes }: Message): ApiAnswer {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8", bodyStart + headerBytes, bodyEnd));
  } catch {
    return failure("the answer is not JSON");
  }
  const fields = fieldsIn(value);
  if (fields["error"] === undefined) return { value: fields, code: null };
  const { err_code: code, description } = fieldsIn(fields["error"]);
  return failure(typeof description === "string" ? description : "an error without text", numberIn(code));
}

/** Empty when it is no object. */
export function fieldsIn(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listIn(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsIn) : [];
}

/** 0 when it is no number. */
export function numberIn(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
