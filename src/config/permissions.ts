/** The `permissions` block: what may be published and subscribed to. Subjects become wire strings here. */
import { isValidSubject, wireFromText } from "../subjects/subject.ts";
import { asBoolean, asDuration, asInteger, asMap, asStrings, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { kindName } from "./grammar/node.ts";
import type { ConfigNode } from "./grammar/node.ts";
import type { PermissionsOptions, SubscribePermission } from "./options.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

interface Lists<T> {
  allow: readonly T[] | null;
  deny: readonly T[] | null;
}

interface Responses {
  maxMessages: number;
  expiresMs: number;
}

interface PermissionsDraft {
  publish: Lists<string>;
  subscribe: Lists<SubscribePermission>;
  responses: Responses | null;
}

const responsesDefault: Readonly<Responses> = { maxMessages: 1, expiresMs: 120_000 };

// `import` and `export` are the words of routes; nats-server takes them here as well.
const readPublish: KeyReader<PermissionsDraft> = (node, permissions, { key, diagnostics }) => {
  permissions.publish = readLists(node, key, publishSubject, diagnostics);
};
const readSubscribe: KeyReader<PermissionsDraft> = (node, permissions, { key, diagnostics }) => {
  permissions.subscribe = readLists(node, key, subscribeSubject, diagnostics);
};
const readResponses: KeyReader<PermissionsDraft> = (node, permissions, { diagnostics }) => {
  permissions.responses = responsesOf(node, diagnostics);
};

const unknown = (key: string): string => `Unknown field "${key}" parsing permissions`;

const block: Block<PermissionsDraft> = {
  name: "permissions",
  unknown,
  keys: {
    pub: readPublish,
    publish: readPublish,
    import: readPublish,
    sub: readSubscribe,
    subscribe: readSubscribe,
    export: readSubscribe,
    allow_responses: readResponses,
    publish_allow_responses: readResponses,
  },
};

export function readPermissions(node: ConfigNode, diagnostics: Diagnostics): PermissionsOptions {
  if (node.kind !== "map") {
    throw diagnosticAt(node, `Expected permissions to be a map/struct, got ${kindName(node)}`);
  }
  const draft: PermissionsDraft = {
    publish: { allow: null, deny: null },
    subscribe: { allow: null, deny: null },
    responses: null,
  };
  readBlock(block, node, draft, diagnostics);
  // Whoever may only respond may publish nothing else.
  if (draft.responses !== null && draft.publish.allow === null) draft.publish.allow = [];
  return draft;
}

/** A subject, an array of them, or a map of `allow` and `deny`. */
function readLists<T>(
  node: ConfigNode,
  key: string,
  parse: (node: ConfigNode, text: string) => T,
  diagnostics: Diagnostics,
): Lists<T> {
  const lists: Lists<T> = { allow: null, deny: null };
  if (node.kind !== "map") {
    lists.allow = subjectsOf(node, key, parse, diagnostics);
    return lists;
  }
  const listsBlock: Block<Lists<T>> = {
    name: "permissions",
    unknown: (name) =>
      `Unknown field name "${name}" parsing subject permissions, only 'allow' or 'deny' are permitted`,
    keys: {
      allow: (list, target) => (target.allow = subjectsOf(list, `${key}.allow`, parse, diagnostics)),
      deny: (list, target) => (target.deny = subjectsOf(list, null, parse, diagnostics)),
    },
  };
  readBlock(listsBlock, node, lists, diagnostics);
  return lists;
}

/**
 * An empty list is no list, as nats-server has it.
 *
 * @param allowKey names an allow list, where being empty is a surprise worth a warning; null for a deny list
 */
function subjectsOf<T>(
  node: ConfigNode,
  allowKey: string | null,
  parse: (node: ConfigNode, text: string) => T,
  diagnostics: Diagnostics,
): readonly T[] | null {
  const elements = node.kind === "array" ? node.value : [node];
  const subjects = asStrings(node, allowKey ?? "deny").map((text, at) =>
    parse(elements[at] as ConfigNode, text),
  );
  if (subjects.length > 0) return subjects;
  if (allowKey !== null)
    diagnostics.warn(node, `an empty "${allowKey}" restricts nothing; to allow nothing, deny ">"`);
  return null;
}

function publishSubject(node: ConfigNode, text: string): string {
  const subject = wireFromText(text);
  if (!isValidSubject(subject))
    throw diagnosticAt(node, `subject ${JSON.stringify(text)} is not a valid subject`);
  return subject;
}

/** `"subject"`, or `"subject queue"`. */
function subscribeSubject(node: ConfigNode, text: string): SubscribePermission {
  const wire = wireFromText(text);
  if (isValidSubject(wire)) return { subject: wire, queue: null };
  const [subject = "", queue, ...more] = wire.trim().split(/[ \t\n\f\r]+/);
  if (queue === undefined || more.length > 0) {
    throw diagnosticAt(node, `subject ${JSON.stringify(text)} is not a valid subject`);
  }
  const [subjectText, queueText] = text.trim().split(/[ \t\n\f\r]+/);
  if (!isValidSubject(subject)) {
    throw diagnosticAt(node, `subject ${JSON.stringify(subjectText)} is not a valid subject`);
  }
  if (!isValidSubject(queue))
    throw diagnosticAt(node, `queue ${JSON.stringify(queueText)} is not a valid queue`);
  return { subject, queue };
}

function responsesOf(node: ConfigNode, diagnostics: Diagnostics): Responses | null {
  if (node.kind === "boolean") return asBoolean(node, "allow_responses") ? { ...responsesDefault } : null;
  if (node.kind !== "map")
    throw diagnosticAt(node, "error parsing response permissions, expected a boolean or a map");
  const responses = { ...responsesDefault };
  // Negative means without limit; 0 means the default.
  const readMax: KeyReader<Responses> = (value, target, { key }) => {
    target.maxMessages = asInteger(value, key) || responsesDefault.maxMessages;
  };
  const readExpires: KeyReader<Responses> = (value, target, { key }) => {
    if (value.kind !== "string") throw diagnosticAt(value, "error parsing expires, not a duration string");
    target.expiresMs = asDuration(value, key) || responsesDefault.expiresMs;
  };
  const responsesBlock: Block<Responses> = {
    name: "permissions",
    unknown,
    keys: {
      max: readMax,
      max_msgs: readMax,
      max_messages: readMax,
      max_responses: readMax,
      expires: readExpires,
      expiration: readExpires,
      ttl: readExpires,
    },
  };
  readBlock(responsesBlock, asMap(node, "allow_responses"), responses, diagnostics);
  return responses;
}
