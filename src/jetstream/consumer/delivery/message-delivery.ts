/** Where a consumer's messages go: to those who pull, or to a subject. */
import type { Body } from "../../../broker/publisher.ts";
import { encodeStatus } from "../../../protocol/headers.ts";
import { addField } from "../../stream/message/header-block.ts";
import type { DeliveryFrame } from "./delivery-frame.ts";

export interface MessageDelivery {
  /** Whether it would take a message now. */
  readonly isReady: boolean;
  /**
   * Sends one message, if there is somebody for it.
   * @param size of the message, as limits on bytes count it
   * @param nowMs when the run began
   * @returns false when nobody took it
   */
  deliver(frame: DeliveryFrame, size: number, nowMs: number): boolean;
  /** There is nothing more to deliver now. */
  onEnd(): void;
  /** Waiting requests, for reports. */
  readonly waitingCount: number;
  readonly isBound: boolean;
  onUpdated(): void;
  /** @param status what those who wait are told; null for nothing */
  close(status: Buffer | null): void;
}

export const statuses = {
  deleted: encodeStatus(409, "Consumer Deleted"),
  badApiLevel: encodeStatus(412, "Required Api Level"),
  isPush: encodeStatus(409, "Consumer is push based"),
  noMessages: encodeStatus(404, "No Messages"),
  requestsPending: encodeStatus(408, "Requests Pending"),
  tooManyWaiting: encodeStatus(409, "Exceeded MaxWaiting"),
  flowControl: encodeStatus(100, "FlowControl Request"),
};

/** @param text the status line behind the version, such as `408 Request Timeout` */
export function statusWithPending(text: string, messages: number, bytes: number): Buffer {
  const fields = `Nats-Pending-Messages: ${messages}\r\nNats-Pending-Bytes: ${bytes}\r\n`;
  return Buffer.from(`NATS/1.0 ${text}\r\n${fields}\r\n`, "latin1");
}

export function heartbeat(consumerSeq: number, streamSeq: number, stalledBy: string): Buffer {
  const stalled = stalledBy === "" ? "" : `Nats-Consumer-Stalled: ${stalledBy}\r\n`;
  const fields = `Nats-Last-Consumer: ${consumerSeq}\r\nNats-Last-Stream: ${streamSeq}\r\n${stalled}`;
  return Buffer.from(`NATS/1.0 100 Idle Heartbeat\r\n${fields}\r\n`, "latin1");
}

/** The headers alone, and how much payload there was. */
export function headersOnly({ bytes, bodyStart, bodyEnd, headerBytes }: Body): Body {
  const block = headerBytes === 0 ? null : bytes.subarray(bodyStart, bodyStart + headerBytes);
  const headers = addField(block, "Nats-Msg-Size", String(bodyEnd - bodyStart - headerBytes));
  return { bytes: headers, bodyStart: 0, bodyEnd: headers.length, headerBytes: headers.length };
}
