/** A stream of the hub that is mirrored here, so that it can be read while the link is away. */
import type { ForwardedStreamOptions } from "../../config/leafnode-options.ts";
import type { FlowEnds, FlowStatus, Flow } from "./flow.ts";
import { type Fields, fieldsIn, numberIn, type StreamApi, streamNotFound } from "./stream-api.ts";

export class DownFlow implements Flow {
  readonly direction = "down";
  readonly options: ForwardedStreamOptions;
  /** Of the hub's stream, when it was asked last. */
  #hubSeq = 0;
  #isKnown = false;

  constructor(options: ForwardedStreamOptions) {
    this.options = options;
  }

  async check({ here, hub }: FlowEnds): Promise<FlowStatus> {
    const { stream, as } = this.options;
    const local = await here.info(as);
    if (local.code !== null && local.code !== streamNotFound)
      return this.#found(`stream ${as} here: ${local.text}`, 0, null);
    const copiedSeq = local.code === null ? numberIn(fieldsIn(local.value["state"])["last_seq"]) : 0;
    if (hub === null) return this.#found(null, copiedSeq, null);
    const origin = await hub.info(stream);
    if (origin.code !== null)
      return this.#found(`stream ${stream} at the hub: ${origin.text}`, copiedSeq, null);
    this.#hubSeq = numberIn(fieldsIn(origin.value["state"])["last_seq"]);
    this.#isKnown = true;
    if (local.code === streamNotFound) return this.#create(here, hub.prefix);
    return this.#found(this.#problemWith(local.value, hub.prefix), copiedSeq, null);
  }

  #found(problem: string | null, copiedSeq: number, done: string | null): FlowStatus {
    const lag = Math.max(0, this.#hubSeq - copiedSeq);
    return { problem, isLocal: false, lag, isGuess: !this.#isKnown, done };
  }

  async #create(here: StreamApi, hubApi: string): Promise<FlowStatus> {
    const { stream, as } = this.options;
    const answer = await here.request(`STREAM.CREATE.${as}`, {
      name: as,
      mirror: { name: stream, external: { api: hubApi, deliver: "" } },
      storage: "file",
      allow_direct: true,
      mirror_direct: true,
    });
    if (answer.code !== null) return this.#found(`stream ${as} here: ${answer.text}`, 0, null);
    return this.#found(null, 0, `stream ${as} here mirrors ${stream} of the hub from now on`);
  }

  /** A stream of that name may be here for another reason. */
  #problemWith(info: Fields | null, hubApi: string): string | null {
    const { stream, as } = this.options;
    const { mirror } = fieldsIn(info?.["config"]);
    const { name, external } = fieldsIn(mirror);
    if (name !== stream || fieldsIn(external)["api"] !== hubApi)
      return `stream ${as} here is not a mirror of ${stream} by ${hubApi}: rename or delete it, or set as: "…"`;
    const { description } = fieldsIn(fieldsIn(info?.["mirror"])["error"]);
    return typeof description === "string" ? `can not copy ${stream}: ${description}` : null;
  }
}
