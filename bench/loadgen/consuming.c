// Reading a stream: by pulls in batches with an ack for each message, or pushed with flow control answered. The
// consumer is made by a request of this process, so that the time runs from there to the last message.
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modes.h"
#include "out.h"
#include "payload.h"

enum { WRITE_BYTES = 4 * 1024 * 1024, PULLS_AHEAD = 2 };

typedef struct {
  const consuming_options *options;
  out *outs;
  uint64_t received, pulled;
  uint64_t last_seq; // of the stream, on one connection
  bool created;
} run;

static void start(run *r);
static void pull(run *r);
static void read_some(run *r, out *o);
static void handle(run *r, out *o, const op *message);

void run_consuming(const consuming_options *options) {
  run r = {.options = options};
  deadline_ns = now_ns() + (uint64_t)(options->seconds * 1e9);
  r.outs = must_alloc(sizeof *r.outs);
  out_open(r.outs, options->to, "SUB bench.deliver 1\r\nSUB bench.answer 2\r\n", WRITE_BYTES);
  double cpu_before = cpu_seconds();
  uint64_t began = now_ns();
  start(&r);
  while (r.received < options->count) {
    struct pollfd poll_fd = {.fd = r.outs->conn.fd, .events = POLLIN};
    poll(&poll_fd, 1, wait_ms(1000, "a message"));
    read_some(&r, r.outs);
  }
  // The server has read every ack when it answers this. Pushed messages may still come; they need no ack.
  if (options->next_subject) conn_send_and_wait(&r.outs->conn, "PING\r\n");
  double seconds = (double)(now_ns() - began) / 1e9, cpu = cpu_seconds() - cpu_before;
  printf("{\"received\": %" PRIu64 ", \"seconds\": %.6f, \"msgs_per_second\": %.0f, \"generator_cores\": %.3f}\n",
         r.received, seconds, (double)r.received / seconds, cpu / seconds);
}

static void start(run *r) {
  const consuming_options *o = r->options;
  out_format(r->outs, "PUB %s bench.answer %zu\r\n%s\r\n", o->create_subject, strlen(o->create), o->create);
  out_flush(r->outs);
}

static void pull(run *r) {
  const consuming_options *o = r->options;
  char body[96];
  int len = snprintf(body, sizeof body, "{\"batch\":%u,\"expires\":30000000000}", o->batch);
  out_format(r->outs, "PUB %s bench.deliver %d\r\n%s\r\n", o->next_subject, len, body);
  r->pulled += o->batch;
}

static void read_some(run *r, out *o) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  if (!conn_fill(&o->conn, &bytes, &len)) return;
  while (len && (used = op_parse(bytes, len, &received))) {
    if (received.type != OP_MSG) conn_control(&o->conn, &received);
    else handle(r, o, &received);
    bytes += used;
    len -= used;
  }
  conn_keep(&o->conn, bytes, len);
  out_flush(o);
}

static void handle(run *r, out *o, const op *message) {
  const consuming_options *options = r->options;
  if (message->sid == 2) {
    if (memmem(message->payload, message->size, "\"error\"", 7)) {
      fail("no consumer: %.*s", (int)message->size, (const char *)message->payload);
    }
    if (options->next_subject) {
      for (int i = 0; i < PULLS_AHEAD; i++) pull(r);
    }
    return;
  }
  if (message->header_len && !message->size && !memcmp(message->headers, "NATS/1.0 100", 12)) {
    if (message->reply_len) out_format(o, "PUB %.*s 0\r\n\r\n", (int)message->reply_len, (const char *)message->reply);
    return;
  }
  if (message->header_len && !memcmp(message->headers, "NATS/1.0 ", 9)) {
    fail("a status instead of a message: %.*s", (int)message->header_len, (const char *)message->headers);
  }
  if (message->size != options->size) fail("a message of %zu bytes", message->size);
  payload_check(message->payload, message->size);
  r->received++;
  if (!options->next_subject) return;
  out_format(o, "PUB %.*s 4\r\n+ACK\r\n", (int)message->reply_len, (const char *)message->reply);
  if (r->received + (uint64_t)options->batch * (PULLS_AHEAD - 1) == r->pulled && r->pulled < options->count) pull(r);
}
