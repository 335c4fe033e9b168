// Request-reply over two connections, requester and responder, from one thread that sleeps in epoll
// whenever nothing is there: no busy waiting, as in a real client. Every request has a reply subject of
// its own under one wildcard inbox. Each sample is from just before the request's write to just after
// the read that brought its reply; all samples are kept and sorted.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "modes.h"
#include "payload.h"

enum { SAMPLES_MAX = 8 * 1000 * 1000, TOKEN_LEN = 8, SLOT_BITS = 10, DRAIN_SECONDS = 15 };

static const char INBOX[] = "_INBOX.bEnChmArKbEnChmArKbEnC";
static const char SERVICE[] = "bench.service";

typedef struct {
  conn conn;
  uint8_t *batch, *in_flight; // ops gathered while a read is handled, and those being written
  size_t batch_len, cap;
} endpoint;

typedef struct {
  const latency_options *options;
  endpoint requester, responder;
  uint64_t *sent_ns, *sent_id; // of the request that occupies each slot
  uint64_t next_id, answered;
  uint32_t outstanding;
  uint32_t *samples_ns;
  uint8_t *payload;
  bool stopped;
} run;

static void open_endpoint(endpoint *e, const latency_options *o, address to, const char *commands);
static void request(run *r, uint32_t slot, uint64_t now);
static void handle_reply(run *r, const op *reply, uint64_t now);
static void handle_request(run *r, const op *asked);
static void read_endpoint(run *r, endpoint *e);
static void flush_endpoint(endpoint *e);
static void append(endpoint *e, const void *bytes, size_t len);
static void report(run *r, double seconds, double cpu);

void run_latency(const latency_options *o) {
  run r = {.options = o};
  deadline_ns = now_ns() + (uint64_t)((o->seconds + DRAIN_SECONDS) * 1e9);
  if (o->in_flight > 1 << SLOT_BITS) fail("at most %d requests in flight", 1 << SLOT_BITS);
  r.sent_ns = must_alloc(o->in_flight * sizeof *r.sent_ns);
  r.sent_id = must_alloc(o->in_flight * sizeof *r.sent_id);
  r.samples_ns = must_alloc(SAMPLES_MAX * sizeof *r.samples_ns);
  r.payload = must_alloc(o->size);
  payload_fill(r.payload, o->size);
  char subscribe[128];
  snprintf(subscribe, sizeof subscribe, "SUB %s 1\r\n", SERVICE);
  open_endpoint(&r.responder, o, o->to, subscribe);
  snprintf(subscribe, sizeof subscribe, "SUB %s.* 1\r\n", INBOX);
  open_endpoint(&r.requester, o, o->from, subscribe);
  if (o->from.port != o->to.port) let_interest_travel();

  int epoll = epoll_create1(EPOLL_CLOEXEC);
  endpoint *ends[] = {&r.requester, &r.responder};
  for (int i = 0; i < 2; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = ends[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i]->conn.fd, &event)) fail("epoll_ctl: %s", strerror(errno));
  }
  double cpu_before = cpu_seconds();
  uint64_t start = now_ns(), stop_at = start + (uint64_t)(o->seconds * 1e9);
  for (uint32_t slot = 0; slot < o->in_flight; slot++) request(&r, slot, now_ns());
  flush_endpoint(&r.requester);
  while (r.outstanding) {
    struct epoll_event events[2];
    int ready = epoll_wait(epoll, events, 2, wait_ms(1000, "a reply"));
    if (ready < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    if (now_ns() >= stop_at) r.stopped = true;
    for (int i = 0; i < ready; i++) read_endpoint(&r, events[i].data.ptr);
  }
  report(&r, (double)(now_ns() - start) / 1e9, cpu_seconds() - cpu_before);
}

static void open_endpoint(endpoint *e, const latency_options *o, address to, const char *commands) {
  e->cap = (o->in_flight + 1) * (o->size + 128);
  e->batch = must_alloc(e->cap);
  e->in_flight = must_alloc(e->cap);
  conn_connect(&e->conn, to);
  conn_greet(&e->conn, commands);
  conn_await_pong(&e->conn);
}

static void token_of(uint64_t id, char *token) {
  static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";
  for (int i = TOKEN_LEN - 1; i >= 0; i--, id >>= 6) token[i] = DIGITS[id & 63];
}

static void request(run *r, uint32_t slot, uint64_t now) {
  uint64_t id = r->next_id++;
  char line[128], token[TOKEN_LEN];
  token_of(id, token);
  int len = snprintf(line, sizeof line, "PUB %s %s.%.*s %zu\r\n", SERVICE, INBOX, TOKEN_LEN, token,
                     r->options->size);
  payload_stamp(r->payload, r->options->size, id << SLOT_BITS | slot);
  append(&r->requester, line, (size_t)len);
  append(&r->requester, r->payload, r->options->size);
  append(&r->requester, "\r\n", 2);
  r->sent_id[slot] = id;
  r->sent_ns[slot] = now;
  r->outstanding++;
}

static void handle_reply(run *r, const op *reply, uint64_t now) {
  if (reply->size != r->options->size) fail("a reply of %zu bytes", reply->size);
  uint64_t word = payload_check(reply->payload, reply->size), id = word >> SLOT_BITS;
  uint32_t slot = (uint32_t)(word & ((1 << SLOT_BITS) - 1));
  char token[TOKEN_LEN];
  token_of(id, token);
  const size_t inbox_len = sizeof INBOX - 1;
  if (slot >= r->options->in_flight || r->sent_id[slot] != id || !r->sent_ns[slot]) {
    fail("a reply to no request");
  }
  if (reply->subject_len != inbox_len + 1 + TOKEN_LEN ||
      memcmp(reply->subject + inbox_len + 1, token, TOKEN_LEN)) {
    fail("a reply came on the wrong subject: %.*s", (int)reply->subject_len, reply->subject);
  }
  uint64_t took = now - r->sent_ns[slot];
  r->sent_ns[slot] = 0;
  r->outstanding--;
  r->samples_ns[r->answered++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
  if (r->next_id == SAMPLES_MAX) r->stopped = true;
  if (!r->stopped) request(r, slot, now_ns());
}

static void handle_request(run *r, const op *asked) {
  if (asked->size != r->options->size) fail("a request of %zu bytes", asked->size);
  if (!asked->reply_len) fail("a request without a reply subject");
  char line[32];
  int len = snprintf(line, sizeof line, " %zu\r\n", asked->size);
  append(&r->responder, "PUB ", 4);
  append(&r->responder, asked->reply, asked->reply_len);
  append(&r->responder, line, (size_t)len);
  append(&r->responder, asked->payload, asked->size + 2);
}

static void read_endpoint(run *r, endpoint *e) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  if (!conn_fill(&e->conn, &bytes, &len)) return;
  uint64_t now = now_ns();
  while (len && (used = op_parse(bytes, len, &received))) {
    if (received.type != OP_MSG) conn_control(&e->conn, &received);
    else if (e == &r->requester) handle_reply(r, &received, now);
    else handle_request(r, &received);
    bytes += used;
    len -= used;
  }
  conn_keep(&e->conn, bytes, len);
  flush_endpoint(e);
}

// At most in_flight small ops: waiting for room to write does not happen on a healthy connection.
static void flush_endpoint(endpoint *e) {
  conn_flush_all(&e->conn);
  if (!e->batch_len) return;
  uint8_t *ops = e->batch;
  e->batch = e->in_flight;
  e->in_flight = ops;
  conn_put(&e->conn, ops, e->batch_len);
  e->batch_len = 0;
  conn_flush_all(&e->conn);
}

static void append(endpoint *e, const void *bytes, size_t len) {
  if (e->batch_len + len > e->cap) fail("more replies than requests");
  memcpy(e->batch + e->batch_len, bytes, len);
  e->batch_len += len;
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double percentile_us(const run *r, double share) {
  uint64_t rank = (uint64_t)(share * (double)r->answered);
  return r->samples_ns[rank < r->answered ? rank : r->answered - 1] / 1e3;
}

static void report(run *r, double seconds, double cpu) {
  if (!r->answered) fail("no request was answered");
  qsort(r->samples_ns, r->answered, sizeof *r->samples_ns, by_value);
  printf("{\"answered\": %" PRIu64 ", \"seconds\": %.6f, \"requests_per_second\": %.0f, ", r->answered, seconds,
         (double)r->answered / seconds);
  printf("\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, ", percentile_us(r, 0.5),
         percentile_us(r, 0.99), percentile_us(r, 0.999), r->samples_ns[r->answered - 1] / 1e3);
  printf("\"generator_cores\": %.3f}\n", cpu / seconds);
}
