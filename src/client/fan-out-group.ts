/** Clients that are sent the same bytes: each message is encoded once, and the bytes are shared by all their outputs. */
import type { Message } from "../protocol/message.ts";
import type { FanOutGroup, Subscriber, Subscription } from "../broker/subscriber.ts";
import type { FlushPass } from "../transport/flush-pass.ts";
import type { Outbound } from "../transport/outbound.ts";
import { SharedBuffer } from "../transport/shared-buffer.ts";
import { encodedBytesMax, encodeMessage } from "./delivery.ts";

/** A member: where its bytes go, and what has been sent to it. */
interface FanOutMember extends Subscriber {
  readonly connection: { readonly outbound: Outbound };
  outMessages: number;
  outBytes: number;
}

export class ClientFanOutGroup implements FanOutGroup {
  readonly members: readonly Subscription[];
  readonly #headers: boolean;
  readonly #pass: FlushPass;
  /** The run that messages of this pass go to; null or closed before the first. */
  #sharedBuffer: SharedBuffer | null = null;

  constructor(members: readonly Subscription[], headers: boolean, pass: FlushPass) {
    this.members = members;
    this.#headers = headers;
    this.#pass = pass;
  }

  deliver(message: Message, silent: Subscriber | null): number {
    const sharedBuffer = this.#sharedBufferFor(encodedBytesMax(message, this.members[0] as Subscription));
    const start = sharedBuffer.at;
    sharedBuffer.at = encodeMessage(
      sharedBuffer.viewed,
      start,
      message,
      this.members[0] as Subscription,
      this.#headers,
    );
    const members = this.members;
    const bodyBytes = message.bodyEnd - message.bodyStart;
    let delivered = 0;
    let alone = 0;
    for (let at = 0; at < members.length; at++) {
      const member = members[at] as Subscription;
      const client = member.subscriber as FanOutMember;
      const outbound = client.connection.outbound;
      if (member.dead || client === silent || member.deliveredMax !== 0) {
        // Out of another run it goes when it is given something else.
        if (outbound.sharedBuffer === sharedBuffer) outbound.leaveSharedBuffer(start);
        if (member.deliveredMax !== 0) alone++;
      } else if (
        outbound.sharedBuffer === sharedBuffer
          ? !outbound.closed
          : outbound.joinSharedBuffer(sharedBuffer, start)
      ) {
        client.outMessages++;
        client.outBytes += bodyBytes;
        member.deliveredCount++;
        delivered++;
      }
    }
    return alone === 0 ? delivered : delivered + this.#deliverAlone(message, silent);
  }

  /**
   * To members whose deliveries are counted. After the others: what these need may cause a flush, which ends the run,
   * and everybody must have joined it by then.
   */
  #deliverAlone(message: Message, silent: Subscriber | null): number {
    let delivered = 0;
    for (const member of this.members) {
      if (member.deliveredMax === 0 || member.dead || member.subscriber === silent) continue;
      if (member.subscriber.deliver(message, member)) delivered++;
    }
    return delivered;
  }

  #sharedBufferFor(bytes: number): SharedBuffer {
    const sharedBuffer = this.#sharedBuffer;
    if (sharedBuffer !== null && sharedBuffer.hasCapacity(bytes)) return sharedBuffer;
    return (this.#sharedBuffer = new SharedBuffer(
      this.#pass,
      bytes,
      sharedBuffer === null || sharedBuffer.closed ? 0 : sharedBuffer.bytes.length,
    ));
  }
}
