/** What the main thread has said to one of the store's workers since it last looked. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";

/** @param port null in a process that is no worker */
export function* pendingOrders<T>(port: MessagePort | null): Generator<T> {
  if (port === null) return;
  for (let order = receiveMessageOnPort(port); order !== undefined; order = receiveMessageOnPort(port))
    yield order.message as T;
}
