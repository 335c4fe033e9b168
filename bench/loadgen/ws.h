// The client's half of RFC 6455, as much as a NATS connection needs: no extensions, no text frames.
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include "sys.h"

enum { WS_HEADER_MAX = 14, WS_CONTROL_MAX = 125 };

// Where the stream of frames stands; a frame may be cut anywhere by a read, its header too.
typedef struct {
  uint8_t header[WS_HEADER_MAX];
  size_t header_len;
  uint64_t payload_left;
  bool in_payload, in_message;
  uint8_t opcode;
  uint8_t control[WS_CONTROL_MAX];
  size_t control_len;
  bool pong_owed; // a ping arrived; its payload is in control until the pong is written
} ws_reader;

// Upgrades a connected blocking socket; the answer's Sec-WebSocket-Accept is checked.
void ws_handshake(int fd, const char *host, int port);

// Takes the frame headers out of bytes in place; returns how many bytes of message data remain.
size_t ws_deframe(ws_reader *reader, uint8_t *bytes, size_t len);

// Writes one masked frame to `to`, which holds WS_HEADER_MAX + len bytes; returns its length.
size_t ws_frame(uint8_t *to, uint8_t opcode, const uint8_t *payload, size_t len);

enum { WS_CONTINUATION = 0, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#endif
