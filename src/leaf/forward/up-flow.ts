/**
 * A stream of this broker that its hub gathers: a stream there has it as a source, among others maybe. The hub copies it
 * by itself from where it was; this end sees to it that the source is there, and measures.
 */
import type { ForwardedStreamOptions } from "../../config/leafnode-options.ts";
import type { FlowEnds, FlowStatus, Flow } from "./flow.ts";
import { type Fields, fieldsIn, listIn, numberIn, type StreamApi, streamNotFound } from "./stream-api.ts";

/** A hub that heard of the stream so recently knows how far it is; heartbeats come every second. */
const activeNsMax = 2_500_000_000;

export class UpFlow implements Flow {
  readonly direction = "up";
  readonly options: ForwardedStreamOptions;
  readonly #replicas: number;
  /** The last sequence that the hub is known to have. */
  #copiedSeq = 0;
  #isKnown = false;

  constructor(options: ForwardedStreamOptions, replicas: number) {
    this.options = options;
    this.#replicas = replicas;
  }

  async check({ here, hub, ownApi }: FlowEnds): Promise<FlowStatus> {
    const local = await this.#localState(here);
    if (typeof local === "string") return this.#found(local, true, 0, 0, null);
    const { lastSeq, messages } = local;
    if (lastSeq < this.#copiedSeq) this.#copiedSeq = 0;
    if (hub === null) return this.#found(null, false, lastSeq, messages, null);
    const { problem, done } = await this.#gather(hub, ownApi, lastSeq);
    return this.#found(problem, false, lastSeq, messages, done);
  }

  #found(
    problem: string | null,
    isLocal: boolean,
    lastSeq: number,
    messages: number,
    done: string | null,
  ): FlowStatus {
    const lag = Math.min(messages, lastSeq - this.#copiedSeq);
    return { problem, isLocal, lag, isGuess: !this.#isKnown, done };
  }

  async #localState(here: StreamApi): Promise<{ lastSeq: number; messages: number } | string> {
    const { stream, subjects } = this.options;
    let answer = await here.info(stream);
    if (answer.code === streamNotFound) {
      if (subjects.length === 0) return `there is no stream ${stream} here yet`;
      answer = await here.request(`STREAM.CREATE.${stream}`, { name: stream, subjects, storage: "file" });
    }
    if (answer.code !== null) return `stream ${stream} here: ${answer.text}`;
    const state = fieldsIn(answer.value["state"]);
    return { lastSeq: numberIn(state["last_seq"]), messages: numberIn(state["messages"]) };
  }

  async #gather(
    hub: StreamApi,
    ownApi: string,
    lastSeq: number,
  ): Promise<{ problem: string | null; done: string | null }> {
    const { stream, as } = this.options;
    const source = { name: stream, external: { api: ownApi, deliver: "" } };
    const info = await hub.info(as);
    if (info.code === streamNotFound) return this.#change(hub, "CREATE", this.#newStream(source));
    if (info.code !== null) return { problem: `stream ${as} at the hub: ${info.text}`, done: null };
    const config = fieldsIn(info.value["config"]);
    if (config["mirror"] !== undefined)
      return { problem: `stream ${as} at the hub is a mirror, and can not gather ${stream}`, done: null };
    const isOurs = (one: Fields): boolean =>
      one["name"] === stream && fieldsIn(one["external"])["api"] === ownApi;
    const sources = listIn(config["sources"]);
    if (!sources.some(isOurs))
      return this.#change(hub, "UPDATE", { ...config, sources: [...sources, source] });
    const shown = listIn(info.value["sources"]).find(isOurs) ?? {};
    const active = numberIn(shown["active"]);
    const { description } = fieldsIn(shown["error"]);
    if (typeof description === "string")
      return { problem: `the hub can not copy ${stream}: ${description}`, done: null };
    if (active >= 0 && active < activeNsMax && shown["active"] !== undefined) {
      this.#copiedSeq = Math.max(0, lastSeq - numberIn(shown["lag"]));
      this.#isKnown = true;
    }
    return { problem: null, done: null };
  }

  /**
   * Without a window for duplicates: the hub knows a message by its sequence, and two leaf nodes may use the same
   * `Nats-Msg-Id`, or one of them twice in eight hours that are copied in a moment.
   */
  #newStream(source: Fields): Fields {
    return {
      name: this.options.as,
      sources: [source],
      num_replicas: this.#replicas,
      storage: "file",
      allow_direct: true,
    };
  }

  async #change(
    hub: StreamApi,
    operation: "CREATE" | "UPDATE",
    config: Fields,
  ): Promise<{ problem: string | null; done: string | null }> {
    const { stream, as } = this.options;
    const answer = await hub.request(`STREAM.${operation}.${as}`, config);
    if (answer.code !== null) return { problem: `stream ${as} at the hub: ${answer.text}`, done: null };
    const subjects = config["subjects"];
    const warning =
      Array.isArray(subjects) && subjects.length > 0
        ? `; it takes subjects itself, so what crosses the link by them is there twice: ${subjects.join(", ")}`
        : "";
    return { problem: null, done: `stream ${as} at the hub gathers ${stream} from now on${warning}` };
  }
}
