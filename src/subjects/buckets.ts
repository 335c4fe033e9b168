/**
 * What the broker itself knows of key-value and object buckets, which are streams with certain names and subjects: their
 * subjects stay within a domain and have a name under it, and a purged key needs no marker of its expiry. Source: ADR-8.
 */
export const keyValue = {
  /** Before the bucket's name in the name of its stream. */
  streamPrefix: "KV_",
  /** Before the bucket and the key. */
  subjectPrefix: "$KV.",
  /** Of a message that is no value; missing with a put. */
  operationHeader: "KV-Operation",
  deleted: "DEL",
  purged: "PURGE",
} as const;

/** Of all buckets. */
export const bucketSubjects: readonly string[] = [`${keyValue.subjectPrefix}>`, "$OBJ.>"];
