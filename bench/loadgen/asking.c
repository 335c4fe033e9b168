// Requests that the server itself answers: publishes to a stream with their acks, reads of a key. Each connection
// keeps `window` of them outstanding; each has a reply subject of its own under one wildcard inbox, as clients do.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "modes.h"
#include "out.h"
#include "payload.h"

enum { SAMPLES_MAX = 8 * 1000 * 1000, OP_BYTES = 256, DRAIN_SECONDS = 15 };

typedef struct {
  out out;
  uint32_t index;
  uint64_t *sent_ns; // of the request in each slot
  uint32_t outstanding;
} asker;

typedef struct {
  const asking_options *options;
  uint32_t *samples_ns;
  uint32_t *order; // a shuffled cycle through the subjects
  uint64_t asked, answered;
  uint32_t outstanding;
  uint8_t *payload;
  bool stopped;
} run;

static void ask(run *r, asker *a, uint32_t slot);
static void read_asker(run *r, asker *a);
static void handle_answer(run *r, asker *a, const op *answer, uint64_t now);
static void report(run *r, double seconds, double cpu);
static bool contains(const uint8_t *bytes, size_t len, const char *text);

void run_asking(const asking_options *o) {
  run r = {.options = o};
  deadline_ns = now_ns() + (uint64_t)((o->seconds + DRAIN_SECONDS) * 1e9);
  r.samples_ns = must_alloc(SAMPLES_MAX * sizeof *r.samples_ns);
  r.payload = must_alloc(o->size + 16);
  if (o->size) payload_fill(r.payload, o->size);
  r.order = must_alloc(o->subjects * sizeof *r.order);
  for (uint32_t i = 0; i < o->subjects; i++) r.order[i] = i;
  for (uint32_t i = o->subjects - 1; i > 0; i--) {
    uint32_t j = (uint32_t)(random_u64() % (i + 1)), kept = r.order[i];
    r.order[i] = r.order[j];
    r.order[j] = kept;
  }
  asker *askers = must_alloc(o->connections * sizeof *askers);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (uint32_t i = 0; i < o->connections; i++) {
    asker *a = &askers[i];
    char subscribe[64];
    snprintf(subscribe, sizeof subscribe, "SUB _INBOX.bEnChAsK%u.* 1\r\n", i);
    out_open(&a->out, o->to, subscribe, (o->window + 1) * (o->size + OP_BYTES));
    a->index = i;
    a->outstanding = 0;
    a->sent_ns = must_alloc(o->window * sizeof *a->sent_ns);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = a};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, a->out.conn.fd, &event)) fail("epoll_ctl: %s", strerror(errno));
  }
  double cpu_before = cpu_seconds();
  uint64_t start = now_ns(), stop_at = start + (uint64_t)(o->seconds * 1e9);
  for (uint32_t i = 0; i < o->connections; i++) {
    for (uint32_t slot = 0; slot < o->window; slot++) ask(&r, &askers[i], slot);
    out_flush(&askers[i].out);
  }
  while (r.outstanding) {
    struct epoll_event events[64];
    int ready = epoll_wait(epoll, events, 64, wait_ms(1000, "an answer"));
    if (ready < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    if (now_ns() >= stop_at) r.stopped = true;
    for (int i = 0; i < ready; i++) read_asker(&r, events[i].data.ptr);
  }
  report(&r, (double)(now_ns() - start) / 1e9, cpu_seconds() - cpu_before);
}

static void ask(run *r, asker *a, uint32_t slot) {
  const asking_options *o = r->options;
  uint32_t subject = r->order[r->asked % o->subjects];
  if (o->subjects > 1) out_format(&a->out, "PUB %s%u", o->subject, subject);
  else out_format(&a->out, "PUB %s", o->subject);
  out_format(&a->out, " _INBOX.bEnChAsK%u.%u %zu\r\n", a->index, slot, o->size);
  if (o->size) payload_stamp(r->payload, o->size, r->asked);
  out_append(&a->out, r->payload, o->size);
  out_append(&a->out, "\r\n", 2);
  a->sent_ns[slot] = now_ns();
  a->outstanding++;
  r->outstanding++;
  r->asked++;
}

static void read_asker(run *r, asker *a) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  if (!conn_fill(&a->out.conn, &bytes, &len)) return;
  uint64_t now = now_ns();
  while (len && (used = op_parse(bytes, len, &received))) {
    if (received.type != OP_MSG) conn_control(&a->out.conn, &received);
    else handle_answer(r, a, &received, now);
    bytes += used;
    len -= used;
  }
  conn_keep(&a->out.conn, bytes, len);
  out_flush(&a->out);
}

static void handle_answer(run *r, asker *a, const op *answer, uint64_t now) {
  const asking_options *o = r->options;
  uint32_t slot = 0;
  const uint8_t *digit = answer->subject + answer->subject_len, *dot = digit;
  while (dot > answer->subject && dot[-1] != '.') dot--;
  for (const uint8_t *at = dot; at < digit; at++) slot = slot * 10 + (uint32_t)(*at - '0');
  if (slot >= o->window || !a->sent_ns[slot]) fail("an answer to no request");
  if (!contains(answer->headers, answer->header_len + answer->size, o->expected)) {
    fail("not the answer that was expected: %.*s", (int)(answer->header_len + answer->size), (const char *)answer->headers);
  }
  uint64_t took = now - a->sent_ns[slot];
  a->sent_ns[slot] = 0;
  a->outstanding--;
  r->outstanding--;
  r->samples_ns[r->answered++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
  if (r->asked == SAMPLES_MAX) r->stopped = true;
  if (!r->stopped) ask(r, a, slot);
}

static bool contains(const uint8_t *bytes, size_t len, const char *text) {
  return memmem(bytes, len, text, strlen(text)) != NULL;
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
  qsort(r->samples_ns, r->answered, sizeof *r->samples_ns, by_value);
  printf("{\"answered\": %" PRIu64 ", \"seconds\": %.6f, \"requests_per_second\": %.0f, ", r->answered, seconds,
         (double)r->answered / seconds);
  printf("\"p50_us\": %.2f, \"p99_us\": %.2f, ", percentile_us(r, 0.5), percentile_us(r, 0.99));
  printf("\"generator_cores\": %.3f}\n", cpu / seconds);
}
