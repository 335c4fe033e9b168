#include "ws.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

// The example pair of RFC 6455 section 1.3: a known key makes the expected answer a constant.
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static size_t header_size(const uint8_t *header, size_t len);
static void begin_frame(ws_reader *reader);
static void end_frame(ws_reader *reader);

void ws_handshake(int fd, const char *host, int port) {
  char text[4096];
  int len = snprintf(text, sizeof text,
                     "GET / HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                     host, port, KEY);
  if (send(fd, text, (size_t)len, MSG_NOSIGNAL) != len) fail("could not send the WebSocket handshake");
  // Byte by byte: what follows the blank line is already the first frame and belongs to the reader.
  size_t got = 0;
  while (got < 4 || memcmp(text + got - 4, "\r\n\r\n", 4)) {
    if (got == sizeof text - 1) fail("the WebSocket handshake's answer is too long");
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, wait_ms(1000, "the WebSocket handshake")) <= 0) continue;
    if (recv(fd, text + got, 1, 0) != 1) fail("the server closed during the WebSocket handshake");
    got++;
  }
  text[got] = 0;
  if (strncmp(text, "HTTP/1.1 101 ", 13)) {
    fail("the WebSocket handshake was refused: %.*s", (int)strcspn(text, "\r"), text);
  }
  const char *accept = strcasestr(text, "\r\nSec-WebSocket-Accept:");
  if (!accept || !strstr(accept, ACCEPT)) fail("wrong Sec-WebSocket-Accept in the handshake's answer");
}

size_t ws_deframe(ws_reader *reader, uint8_t *bytes, size_t len) {
  size_t in = 0, out = 0;
  while (in < len) {
    if (!reader->in_payload) {
      reader->header[reader->header_len++] = bytes[in++];
      if (reader->header_len < header_size(reader->header, reader->header_len)) continue;
      begin_frame(reader);
    }
    size_t take = len - in < reader->payload_left ? len - in : (size_t)reader->payload_left;
    if (reader->opcode >= WS_CLOSE) {
      memcpy(reader->control + reader->control_len, bytes + in, take);
      reader->control_len += take;
    } else {
      memmove(bytes + out, bytes + in, take);
      out += take;
    }
    in += take;
    reader->payload_left -= take;
    if (reader->payload_left == 0) end_frame(reader);
  }
  return out;
}

static size_t header_size(const uint8_t *header, size_t len) {
  if (len < 2) return 2;
  size_t code = header[1] & 0x7f;
  return code == 126 ? 4 : code == 127 ? 10 : 2;
}

static void begin_frame(ws_reader *reader) {
  const uint8_t *header = reader->header;
  if (header[0] & 0x70) fail("the server set reserved WebSocket bits that were not negotiated");
  if (header[1] & 0x80) fail("the server masked a WebSocket frame");
  reader->opcode = header[0] & 0x0f;
  size_t code = header[1] & 0x7f;
  reader->payload_left = code;
  if (code >= 126) {
    reader->payload_left = 0;
    for (size_t i = 2; i < reader->header_len; i++) {
      reader->payload_left = reader->payload_left << 8 | header[i];
    }
  }
  bool final = header[0] & 0x80;
  if (reader->opcode == WS_BINARY || reader->opcode == WS_CONTINUATION) {
    if ((reader->opcode == WS_CONTINUATION) != reader->in_message) fail("a WebSocket frame out of order");
    reader->in_message = !final;
  } else if (reader->opcode < WS_CLOSE || !final || reader->payload_left > WS_CONTROL_MAX) {
    fail("an invalid WebSocket frame: opcode %d, %" PRIu64 " bytes", reader->opcode, reader->payload_left);
  } else {
    reader->control_len = 0;
  }
  reader->header_len = 0;
  reader->in_payload = true;
}

static void end_frame(ws_reader *reader) {
  reader->in_payload = false;
  if (reader->opcode == WS_PING) reader->pong_owed = true;
  if (reader->opcode != WS_CLOSE) return;
  unsigned code = reader->control_len >= 2 ? (unsigned)reader->control[0] << 8 | reader->control[1] : 1005;
  int reason_len = reader->control_len > 2 ? (int)reader->control_len - 2 : 0;
  fail("the server closed the WebSocket: %u %.*s", code, reason_len, (const char *)reader->control + 2);
}

size_t ws_frame(uint8_t *to, uint8_t opcode, const uint8_t *payload, size_t len) {
  size_t at = 0;
  to[at++] = 0x80 | opcode;
  if (len < 126) {
    to[at++] = 0x80 | (uint8_t)len;
  } else if (len < 65536) {
    to[at++] = 0x80 | 126;
    to[at++] = (uint8_t)(len >> 8);
    to[at++] = (uint8_t)len;
  } else {
    to[at++] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) to[at++] = (uint8_t)((uint64_t)len >> shift);
  }
  uint32_t key = (uint32_t)(random_u64() >> 16);
  memcpy(to + at, &key, 4);
  at += 4;
  uint64_t wide = (uint64_t)key << 32 | key;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) store_u64(to + at + i, load_u64(payload + i) ^ wide);
  for (; i < len; i++) to[at + i] = payload[i] ^ (uint8_t)(key >> 8 * (i & 3));
  return at + len;
}
