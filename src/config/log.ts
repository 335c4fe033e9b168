/** What is logged, and where to: keys of the top level. */
import type { LogDraft } from "./draft.ts";
import { asBoolean, asCount, asString } from "./grammar/fields.ts";
import type { KeyReader } from "./grammar/fields.ts";

const readFile: KeyReader<LogDraft> = (node, log, { key }) => (log.file = asString(node, key) || null);
const readFileSize: KeyReader<LogDraft> = (node, log, { key }) => (log.fileSizeBytesMax = asCount(node, key));
const readFileCount: KeyReader<LogDraft> = (node, log, { key }) => (log.fileCountMax = asCount(node, key));

export const logKeys: Readonly<Record<string, KeyReader<LogDraft>>> = {
  debug: (node, log, { key }) => (log.debug = asBoolean(node, key)),
  trace: (node, log, { key }) => (log.trace = asBoolean(node, key)),
  trace_verbose: (node, log, { key }) => {
    log.traceVerbose = asBoolean(node, key);
    log.trace ||= log.traceVerbose;
  },
  trace_headers: (node, log, { key }) => {
    log.traceHeaders = asBoolean(node, key);
    log.trace ||= log.traceHeaders;
  },
  logtime: (node, log, { key }) => (log.time = asBoolean(node, key)),
  logtime_utc: (node, log, { key }) => (log.timeUtc = asBoolean(node, key)),
  logfile: readFile,
  log_file: readFile,
  logfile_size_limit: readFileSize,
  log_size_limit: readFileSize,
  logfile_max_num: readFileCount,
  log_max_num: readFileCount,
  max_traced_msg_len: (node, log, { key }) => (log.maxTracedBytes = asCount(node, key)),
};
