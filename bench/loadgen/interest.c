// How long it takes until interest is known on the other side of a link: many subscriptions at one broker, then
// messages on the last of them at the other one until the first of these arrives, then one on some of the rest.
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "modes.h"
#include "out.h"

enum { LINE_BYTES = 64, TRY_MS = 1, PROBES = 100, SECONDS_MAX = 60 };

static bool received_any(out *o, uint32_t *count);

void run_interest(const interest_options *o) {
  deadline_ns = now_ns() + SECONDS_MAX * 1000000000ull;
  out subscriber, publisher;
  out_open(&subscriber, o->to, "", (size_t)o->subjects * LINE_BYTES);
  out_open(&publisher, o->from, "", (PROBES + 1) * LINE_BYTES);
  double cpu_before = cpu_seconds();
  uint64_t began = now_ns();
  for (uint32_t i = 0; i < o->subjects; i++) out_format(&subscriber, "SUB bench.interest.%u.x %u\r\n", i, i + 1);
  out_flush(&subscriber);
  uint32_t received = 0;
  while (!received_any(&subscriber, &received)) {
    out_format(&publisher, "PUB bench.interest.%u.x 0\r\n\r\n", o->subjects - 1);
    out_flush(&publisher);
    struct pollfd poll_fd = {.fd = subscriber.conn.fd, .events = POLLIN};
    poll(&poll_fd, 1, wait_ms(TRY_MS, "the first message"));
  }
  double seconds = (double)(now_ns() - began) / 1e9, cpu = cpu_seconds() - cpu_before;
  // Those sent before the first one arrived come as well.
  let_interest_travel();
  while (received_any(&subscriber, &received)) {
  }
  received = 0;
  for (uint32_t i = 0; i < PROBES; i++) {
    out_format(&publisher, "PUB bench.interest.%u.x 0\r\n\r\n", (uint32_t)((uint64_t)i * o->subjects / PROBES));
  }
  out_flush(&publisher);
  while (received < PROBES) {
    struct pollfd poll_fd = {.fd = subscriber.conn.fd, .events = POLLIN};
    poll(&poll_fd, 1, wait_ms(1000, "a message on each of some subjects"));
    received_any(&subscriber, &received);
  }
  printf("{\"subjects\": %u, \"seconds\": %.6f, \"ms\": %.3f, \"generator_cores\": %.3f}\n", o->subjects, seconds,
         seconds * 1e3, cpu / seconds);
}

static bool received_any(out *o, uint32_t *count) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  bool any = false;
  if (!conn_fill(&o->conn, &bytes, &len)) return false;
  while (len && (used = op_parse(bytes, len, &received))) {
    if (received.type != OP_MSG) conn_control(&o->conn, &received);
    else {
      any = true;
      ++*count;
    }
    bytes += used;
    len -= used;
  }
  conn_keep(&o->conn, bytes, len);
  out_flush(o);
  return any;
}
