/** The `permissions` block: what may be published and subscribed to. Subjects become wire strings here. */
import { isValidSubject, wireFromText } from "../subjects/subject.ts";
import { asBoolean, asDuration, asInteger, asMap, asStrings, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { kindName } from "./grammar/node.ts";
import type { ConfigNode } from "./grammar/node.ts";
import type { PermissionsOptions, SubscribePermission } from "./options.ts";
import { problemAt } from "./grammar/diagnostics.ts";
import type { Problems } from "./grammar/diagnostics.ts";

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
const readPublish: KeyReader<PermissionsDraft> = (node, permissions, { key, problems }) => {
  permissions.publish = readLists(node, key, publishSubject, problems);
};
const readSubscribe: KeyReader<PermissionsDraft> = (node, permissions, { key, problems }) => {
  permissions.subscribe = readLists(node, key, subscribeSubject, problems);
};
const readResponses: KeyReader<PermissionsDraft> = (node, permissions, { problems }) => {
  permissions.responses = responsesOf(node, problems);
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

export function readPermissions(node: ConfigNode, problems: Problems): PermissionsOptions {
  if (node.kind !== "map") {
    throw problemAt(node, `Expected permissions to be a map/struct, got ${kindName(node)}`);
  }
  const draft: PermissionsDraft = {
    publish: { allow: null, deny: null },
    subscribe: { allow: null, deny: null },
    responses: null,
  };
  readBlock(block, node, draft, problems);
  // Whoever may only respond may publish nothing else.
  if (draft.responses !== null && draft.publish.allow === null) draft.publish.allow = [];
  return draft;
}

/** A subject, an array of them, or a map of `allow` and `deny`. */
function readLists<T>(
  node: ConfigNode,
  key: string,
  parse: (node: ConfigNode, text: string) => T,
  problems: Problems,
): Lists<T> {
  const lists: Lists<T> = { allow: null, deny: null };
  if (node.kind !== "map") {
    lists.allow = subjectsOf(node, key, parse, problems);
    return lists;
  }
  const listsBlock: Block<Lists<T>> = {
    name: "permissions",
    unknown: (name) =>
      `Unknown field name "${name}" parsing subject permissions, only 'allow' or 'deny' are permitted`,
    keys: {
      allow: (list, target) => (target.allow = subjectsOf(list, `${key}.allow`, parse, problems)),
      deny: (list, target) => (target.deny = subjectsOf(list, null, parse, problems)),
    },
  };
  readBlock(listsBlock, node, lists, problems);
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
  problems: Problems,
): readonly T[] | null {
  const elements = node.kind === "array" ? node.value : [node];
  const subjects = asStrings(node, allowKey ?? "deny").map((text, at) =>
    parse(elements[at] as ConfigNode, text),
  );
  if (subjects.length > 0) return subjects;
  if (allowKey !== null)
    problems.warn(node, `an empty "${allowKey}" restricts nothing; to allow nothing, deny ">"`);
  return null;
}

function publishSubject(node: ConfigNode, text: string): string {
  const subject = wireFromText(text);
  if (!isValidSubject(subject))
    throw problemAt(node, `subject ${JSON.stringify(text)} is not a valid subject`);
  return subject;
}

/** `"subject"`, or `"subject queue"`. */
function subscribeSubject(node: ConfigNode, text: string): SubscribePermission {
  const wire = wireFromText(text);
  if (isValidSubject(wire)) return { subject: wire, queue: null };
  const [subject = "", queue, ...more] = wire.trim().split(/[ \t\n\f\r]+/);
  if (queue === undefined || more.length > 0) {
    throw problemAt(node, `subject ${JSON.stringify(text)} is not a valid subject`);
  }
  const [subjectText, queueText] = text.trim().split(/[ \t\n\f\r]+/);
  if (!isValidSubject(subject)) {
    throw problemAt(node, `subject ${JSON.stringify(subjectText)} is not a valid subject`);
  }
  if (!isValidSubject(queue))
    throw problemAt(node, `queue ${JSON.stringify(queueText)} is not a valid queue`);
  return { subject, queue };
}

function responsesOf(node: ConfigNode, problems: Problems): Responses | null {
  if (node.kind === "boolean") return asBoolean(node, "allow_responses") ? { ...responsesDefault } : null;
  if (node.kind !== "map")
    throw problemAt(node, "error parsing response permissions, expected a boolean or a map");
  const responses = { ...responsesDefault };
  // Negative means without limit; 0 means the default.
  const readMax: KeyReader<Responses> = (value, target, { key }) => {
    target.maxMessages = asInteger(value, key) || responsesDefault.maxMessages;
  };
  const readExpires: KeyReader<Responses> = (value, target, { key }) => {
    if (value.kind !== "string") throw problemAt(value, "error parsing expires, not a duration string");
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
  readBlock(responsesBlock, asMap(node, "allow_responses"), responses, problems);
  return responses;
}
