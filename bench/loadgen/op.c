#include "op.h"

#include <string.h>
#include <strings.h>

enum { LINE_MAX_BYTES = 64 * 1024 };

static size_t parse_msg(const uint8_t *line, size_t verb_len, size_t line_len, size_t len, op *out);
static bool parse_number(const uint8_t *digits, size_t len, uint64_t *out);

size_t op_parse(const uint8_t *bytes, size_t len, op *out) {
  const uint8_t *newline = memchr(bytes, '\n', len);
  if (!newline) {
    if (len > LINE_MAX_BYTES) fail("a line of more than %d bytes from the server", LINE_MAX_BYTES);
    return 0;
  }
  size_t line_len = (size_t)(newline - bytes) + 1;
  if (line_len < 2 || newline[-1] != '\r') fail("a line from the server does not end in CRLF");
  if (!strncmp((const char *)bytes, "MSG ", 4)) return parse_msg(bytes, 4, line_len, len, out);
  if (!strncmp((const char *)bytes, "HMSG ", 5)) return parse_msg(bytes, 5, line_len, len, out);
  if (line_len == 6 && !memcmp(bytes, "PING", 4)) out->type = OP_PING;
  else if (line_len == 6 && !memcmp(bytes, "PONG", 4)) out->type = OP_PONG;
  else if (!strncmp((const char *)bytes, "INFO ", 5)) out->type = OP_INFO;
  else if (!strncmp((const char *)bytes, "+OK", 3)) out->type = OP_OK;
  else fail("the server said: %.*s", (int)(line_len > 202 ? 200 : line_len - 2), (const char *)bytes);
  return line_len;
}

// MSG <subject> <sid> [reply] <size>, HMSG <subject> <sid> [reply] <header size> <total size>
static size_t parse_msg(const uint8_t *line, size_t verb_len, size_t line_len, size_t len, op *out) {
  const bool headers = verb_len == 5;
  const size_t words_max = headers ? 5 : 4;
  const uint8_t *word[5];
  size_t word_len[5], words = 0;
  const uint8_t *at = line + verb_len, *end = line + line_len - 2;
  while (at < end) {
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    const uint8_t *start = at;
    while (at < end && *at != ' ' && *at != '\t') at++;
    if (at == start) break;
    if (words == words_max) fail("too many words in: %.*s", (int)(line_len - 2), (const char *)line);
    word[words] = start;
    word_len[words++] = (size_t)(at - start);
  }
  uint64_t sid, size, header_len = 0;
  if (words < words_max - 1 ||
      (headers && !parse_number(word[words - 2], word_len[words - 2], &header_len)) || !parse_number(word[1], word_len[1], &sid) ||
      !parse_number(word[words - 1], word_len[words - 1], &size)) {
    fail("malformed: %.*s", (int)(line_len - 2), (const char *)line);
  }
  size_t total = line_len + size + 2;
  if (len < total) return 0;
  if (header_len > size) fail("more headers than bytes in: %.*s", (int)(line_len - 2), (const char *)line);
  if (memcmp(line + total - 2, "\r\n", 2)) fail("no CRLF after a payload of %zu bytes", (size_t)size);
  *out = (op){.type = OP_MSG,
              .subject = word[0],
              .subject_len = word_len[0],
              .sid = sid,
              .reply = words == words_max ? word[2] : NULL,
              .reply_len = words == words_max ? word_len[2] : 0,
              .headers = line + line_len,
              .header_len = header_len,
              .payload = line + line_len + header_len,
              .size = size - header_len};
  return total;
}

static bool parse_number(const uint8_t *digits, size_t len, uint64_t *out) {
  if (len == 0 || len > 12) return false;
  uint64_t value = 0;
  for (size_t i = 0; i < len; i++) {
    if (digits[i] < '0' || digits[i] > '9') return false;
    value = value * 10 + (uint64_t)(digits[i] - '0');
  }
  *out = value;
  return true;
}
