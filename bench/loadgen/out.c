#include "out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 2048 };

void out_open(out *o, address to, const char *commands, size_t cap) {
  *o = (out){.cap = cap};
  o->batch = must_alloc(cap);
  o->in_flight = must_alloc(cap);
  conn_connect(&o->conn, to);
  conn_greet(&o->conn, commands);
  conn_await_pong(&o->conn);
}

void out_append(out *o, const void *bytes, size_t len) {
  if (o->batch_len + len > o->cap) fail("more to be written than %zu bytes", o->cap);
  memcpy(o->batch + o->batch_len, bytes, len);
  o->batch_len += len;
}

void out_format(out *o, const char *format, ...) {
  char line[LINE_BYTES];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (len < 0 || len >= LINE_BYTES) fail("a line of more than %d bytes to be written", LINE_BYTES);
  out_append(o, line, (size_t)len);
}

void out_flush(out *o) {
  conn_flush_all(&o->conn);
  if (!o->batch_len) return;
  uint8_t *ops = o->batch;
  o->batch = o->in_flight;
  o->in_flight = ops;
  conn_put(&o->conn, ops, o->batch_len);
  o->batch_len = 0;
  conn_flush_all(&o->conn);
}
