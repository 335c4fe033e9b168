/** What the main thread has said to one of the store's workers since it last looked. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";

/** @param port null in a process that is no worker */
export function* mailboxMessages<T>(port: MessagePort | null): Generator<T> {
  if (port === null) return;
  for (let message = receiveMessageOnPort(port); message !== undefined; message = receiveMessageOnPort(port))
    yield message.message as T;
}
