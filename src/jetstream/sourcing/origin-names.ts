/** Names and subjects by which a stream is known to its origins; those of nats-server. */
import { createHash } from "node:crypto";
import { wireFromText } from "../../subjects/subject.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const hashLength = 8;
const apiPrefix = "$JS.API";

/** Eight letters and digits for a text. Source: nats-server `getHash`. */
export function shortHash(text: string): string {
  const hash = createHash("sha256").update(text).digest().subarray(0, hashLength);
  return [...hash].map((byte) => digits[byte % digits.length]).join("");
}

/**
 * What a source is found again by, in stored messages too: `<stream>[:<hash>] <filters> <destinations>`.
 * Source: nats-server `composeIName`.
 */
export function sourceIndex(source: StreamSource): string {
  const { name, external, consumer, filter_subject: filter, subject_transforms: transforms = [] } = source;
  const externalPart = external === undefined ? "" : `:${shortHash(external.api)}`;
  const consumerPart = consumer === undefined ? "" : `:C=${shortHash(consumer.name ?? "")}`;
  const stream = `${name}${externalPart}${consumerPart}`;
  if (transforms.length === 0) return `${stream} ${filter || ">"} >`;
  const sources = transforms.map(({ src }) => src || ">").join("\f");
  const destinations = transforms.map(({ dest }) => dest || ">").join("\f");
  return `${stream} ${sources} ${destinations}`;
}

/** Always the same for a stream, so that an origin knows its consumer again. */
export function sourcingHash(stream: string, account: string, domain: string | null): string {
  return shortHash(sourcingId(stream, account, domain));
}

/** The same stream may be a source twice, with other filters; then each has its own. */
export function sourceHash(
  stream: string,
  account: string,
  domain: string | null,
  source: StreamSource,
  sources: readonly StreamSource[],
): string {
  const id = shortHash(sourcingId(stream, account, domain));
  const isShared = sources.filter(({ name }) => name === source.name).length > 1;
  return shortHash(isShared ? `${id} ${sourceIndex(source)}` : id);
}

function sourcingId(stream: string, account: string, domain: string | null): string {
  return domain === null || domain === "" ? `${stream} ${account}` : `${stream} ${account} ${domain}`;
}

/** A wire subject of the origin's API. @param operation behind `$JS.API.` or what stands for it */
export function originApi(source: StreamSource, operation: string): string {
  const prefix = source.external?.api || apiPrefix;
  return wireFromText(`${prefix}.${operation}`.replaceAll("..", "."));
}

/** Where an origin is to deliver to, as text: below the prefix that was given for it, or `$JS`. */
export function deliverSubject(source: StreamSource, kind: "mirror" | "source", unique: string): string {
  const letter = kind === "mirror" ? "M" : "S";
  return `${source.external?.deliver || "$JS"}.${letter}.${unique}`.replaceAll("..", ".");
}
