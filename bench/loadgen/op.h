// What a server may say to these connections, parsed from the front of a buffer.
#ifndef BENCH_OP_H
#define BENCH_OP_H

#include "sys.h"

typedef enum { OP_INFO, OP_MSG, OP_PING, OP_PONG, OP_OK } op_type;

// Pointers are into the parsed buffer. Everything but type is set for OP_MSG only, which stands for HMSG as well;
// reply_len 0: no reply, header_len 0: no headers. `size` counts the payload alone.
typedef struct {
  op_type type;
  const uint8_t *subject, *reply, *headers, *payload;
  size_t subject_len, reply_len, header_len, size;
  uint64_t sid;
} op;

// Bytes of the first op, 0 when it is not complete yet. -ERR and anything unknown fail the run.
size_t op_parse(const uint8_t *bytes, size_t len, op *out);

#endif
