// Ops gathered for one connection while a read is handled, and written together after it.
#ifndef BENCH_OUT_H
#define BENCH_OUT_H

#include "conn.h"

typedef struct {
  conn conn;
  uint8_t *batch, *in_flight; // ops being gathered, and those being written
  size_t batch_len, cap;
} out;

// Connects, subscribes with `commands`, and waits until that is in force. `cap`: bytes gathered at most.
void out_open(out *o, address to, const char *commands, size_t cap);
void out_append(out *o, const void *bytes, size_t len);
void out_format(out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Writes everything, waiting for room if need be.
void out_flush(out *o);

#endif
