/** The subjects under which a mirror or source stores what it gets: the first transform that fits says so. */
import { wireFromText } from "../../subjects/subject.ts";
import { SubjectTransform } from "../../subjects/transform.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";

export class SourcingTransforms {
  readonly #transforms: readonly SubjectTransform[];

  /** @param source that was checked */
  constructor({ subject_transforms: transforms = [] }: StreamSource) {
    // Without a destination it is a filter alone.
    this.#transforms = transforms
      .filter(({ dest }) => dest !== "")
      .map(({ src, dest }) => SubjectTransform.parseForMapping(wireFromText(src), wireFromText(dest)));
  }

  /** Wire strings. */
  apply(subject: string): string {
    for (const transform of this.#transforms) {
      const other = transform.apply(subject);
      if (other !== null) return other;
    }
    return subject;
  }
}
