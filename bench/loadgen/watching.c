// Many who watch one bucket: each a connection with a push consumer of its own, made beforehand by a request of this
// process, while one publisher changes keys, `window` of them at a time.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "modes.h"
#include "out.h"
#include "payload.h"

enum { WRITE_BYTES = 1024 * 1024, DRAIN_SECONDS = 30 };

typedef struct {
  out out;
  bool publishes;
  uint64_t received;
} end;

typedef struct {
  const watching_options *options;
  uint64_t published, acked, delivered;
  uint32_t created;
  uint8_t *payload;
  bool stopped;
} run;

static void publish(run *r, end *e);
static void read_end(run *r, end *e);
static void handle(run *r, end *e, const op *message);

void run_watching(const watching_options *o) {
  run r = {.options = o};
  deadline_ns = now_ns() + (uint64_t)((o->seconds + DRAIN_SECONDS) * 1e9);
  r.payload = must_alloc(o->size);
  payload_fill(r.payload, o->size);
  end *ends = must_alloc((o->watchers + 1) * sizeof *ends);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (uint32_t i = 0; i <= o->watchers; i++) {
    char subscribe[128];
    snprintf(subscribe, sizeof subscribe, "SUB bench.watch%u 1\r\nSUB bench.answer%u 2\r\n", i, i);
    ends[i] = (end){.publishes = i == o->watchers};
    out_open(&ends[i].out, o->to, subscribe, WRITE_BYTES);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ends[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i].out.conn.fd, &event)) fail("epoll_ctl: %s", strerror(errno));
    if (ends[i].publishes) continue;
    char create[512];
    int len = snprintf(create, sizeof create,
                       "{\"stream_name\":\"%s\",\"config\":{\"deliver_policy\":\"new\",\"ack_policy\":\"none\","
                       "\"replay_policy\":\"instant\",\"max_deliver\":1,\"flow_control\":true,"
                       "\"idle_heartbeat\":30000000000,\"mem_storage\":true,\"num_replicas\":1,"
                       "\"deliver_subject\":\"bench.watch%u\"}}",
                       o->stream, i);
    out_format(&ends[i].out, "PUB $JS.API.CONSUMER.CREATE.%s bench.answer%u %d\r\n%s\r\n", o->stream, i, len, create);
    out_flush(&ends[i].out);
  }
  double cpu_before = 0;
  uint64_t began = 0, stop_at = UINT64_MAX;
  while (!r.stopped || r.acked < r.published || r.delivered < r.published * o->watchers) {
    struct epoll_event events[64];
    int ready = epoll_wait(epoll, events, 64, wait_ms(1000, "a change"));
    if (ready < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < ready; i++) read_end(&r, events[i].data.ptr);
    if (!began && r.created == o->watchers) {
      cpu_before = cpu_seconds();
      began = now_ns();
      stop_at = began + (uint64_t)(o->seconds * 1e9);
      for (uint32_t i = 0; i < o->window; i++) publish(&r, &ends[o->watchers]);
      out_flush(&ends[o->watchers].out);
    }
    if (now_ns() >= stop_at) r.stopped = true;
  }
  double seconds = (double)(now_ns() - began) / 1e9, cpu = cpu_seconds() - cpu_before;
  printf("{\"delivered\": %" PRIu64 ", \"seconds\": %.6f, \"msgs_per_second\": %.0f, \"generator_cores\": %.3f}\n",
         r.delivered, seconds, (double)r.delivered / seconds, cpu / seconds);
}

static void publish(run *r, end *e) {
  const watching_options *o = r->options;
  payload_stamp(r->payload, o->size, r->published);
  out_format(&e->out, "PUB %s%" PRIu64 " bench.watch%u %zu\r\n", o->subject, r->published % 1000, o->watchers, o->size);
  out_append(&e->out, r->payload, o->size);
  out_append(&e->out, "\r\n", 2);
  r->published++;
}

static void read_end(run *r, end *e) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  if (!conn_fill(&e->out.conn, &bytes, &len)) return;
  while (len && (used = op_parse(bytes, len, &received))) {
    if (received.type != OP_MSG) conn_control(&e->out.conn, &received);
    else handle(r, e, &received);
    bytes += used;
    len -= used;
  }
  conn_keep(&e->out.conn, bytes, len);
  out_flush(&e->out);
}

static void handle(run *r, end *e, const op *message) {
  if (message->sid == 2 || e->publishes) {
    if (memmem(message->payload, message->size, "\"error\"", 7)) {
      fail("refused: %.*s", (int)message->size, (const char *)message->payload);
    }
    if (message->sid == 2) {
      r->created++;
      return;
    }
    r->acked++;
    if (!r->stopped) publish(r, e);
    return;
  }
  if (message->header_len && !message->size && !memcmp(message->headers, "NATS/1.0 100", 12)) {
    if (message->reply_len) {
      out_format(&e->out, "PUB %.*s 0\r\n\r\n", (int)message->reply_len, (const char *)message->reply);
    }
    return;
  }
  if (payload_check(message->payload, message->size) != e->received) fail("a change is missing or out of order");
  e->received++;
  r->delivered++;
}
