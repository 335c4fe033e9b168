/** Lists that are answered in pieces. */
import { int, object, string } from "../json/shape.ts";

export const namesMax = 1_024;
export const listMax = 256;

export const pageRequest = object("JSApiStreamNamesRequest", { offset: int, subject: string });

/** Sorted by name. */
export function cutPage<T extends { readonly name: string }>(
  all: T[],
  asked: number | undefined,
  limit: number,
): { readonly items: T[]; readonly offset: number } {
  const offset = Math.min(Math.max(0, asked ?? 0), all.length);
  all.sort(({ name: left }, { name: right }) => (left < right ? -1 : 1));
  return { items: all.slice(offset, offset + limit), offset };
}
