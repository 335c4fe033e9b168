/**
 * From a program's options to the snapshot, through the same checks as a file's; a problem names the property, as in
 * `options.websocket.port: …`.
 */
import type { BrokerOptions } from "./broker-options.ts";
import { completeOptions } from "./complete.ts";
import { configDigest } from "./digest.ts";
import { emptyDraft } from "./draft.ts";
import type { LoadedOptions } from "./load.ts";
import type { MapNode } from "./grammar/node.ts";
import { mapFromObject } from "./grammar/object-node.ts";
import { parseConfigFile, parseConfigText } from "./grammar/parser.ts";
import type { Environment } from "./grammar/parser.ts";
import { ConfigError, Diagnostics } from "./grammar/diagnostics.ts";
import { readServer } from "./server.ts";

export type { BrokerOptions } from "./broker-options.ts";

const hostDefault = "127.0.0.1";

/**
 * @param env for `$NAME` in `config` and in the file
 * @throws ConfigError with all that is wrong
 */
export function optionsFromObject(given: BrokerOptions = {}, env: Environment = process.env): LoadedOptions {
  const draft = emptyDraft();
  const diagnostics = new Diagnostics();
  const { config, configFile, ...settings } = given;
  const written = writtenConfig(config, configFile, env);
  const digest = written === null ? null : configDigest(written);
  readServer(mapFromObject(settings, written, diagnostics), draft, diagnostics);
  draft.host ??= hostDefault;
  if (draft.websocket !== null) draft.websocket.host ??= draft.host;
  if (draft.leafnodes !== null) draft.leafnodes.host ??= draft.host;
  const options = completeOptions(draft, { file: configFile ?? null, digest }, diagnostics);
  return { options, warnings: diagnostics.warnings, hasMisuse: diagnostics.hasMisuse };
}

function writtenConfig(text: string | undefined, file: string | undefined, env: Environment): MapNode | null {
  if (text !== undefined && file !== undefined) {
    throw new ConfigError(["options.config and options.configFile exclude each other: give one of them"]);
  }
  if (file !== undefined) return parseConfigFile(file, env);
  return text === undefined ? null : parseConfigText(text, "options.config", env);
}
