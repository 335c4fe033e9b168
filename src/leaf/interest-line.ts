/** How one end tells the other of an interest: LS+ and LS-. */

/** What a nats-server keeps a weight in; beyond that it would be negative there. */
const weightMax = 2 ** 31 - 1;

/** @param weight members of the queue group; 0: nobody any more */
export function interestLine(subject: string, queue: string | null, weight: number): string {
  if (weight === 0) return queue === null ? `LS- ${subject}\r\n` : `LS- ${subject} ${queue}\r\n`;
  return queue === null ? `LS+ ${subject}\r\n` : `LS+ ${subject} ${queue} ${Math.min(weight, weightMax)}\r\n`;
}
