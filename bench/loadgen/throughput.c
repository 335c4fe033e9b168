// Publishers write as fast as the server takes it while subscribers read, all from one thread, so that
// the generator costs one core and the server has the rest. Time counts from the first write to the
// last message received (to the PONG behind the last message, where nobody listens).
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "modes.h"
#include "payload.h"

enum {
  TCP_CHUNK_BYTES = 64 * 1024, // one write
  WS_CHUNK_BYTES = 32 * 1024,  // one frame: what clients gather before they flush
  CHUNK_BYTES_MAX = 256 * 1024,
  EVENTS = 256,
  DRAIN_SECONDS = 15,
};

// All publish lines of one publisher, prebuilt: `count` records of `stride` bytes, sent round and round.
typedef struct {
  conn conn;
  uint8_t *ring;
  size_t stride, payload_at, count, at, chunk;
  uint64_t seq; // of the next message
  bool writable, stopped;
} publisher;

typedef struct {
  conn conn;
  uint32_t first_pub, end_pub; // whose messages it receives
  const char *subjects;        // fixed width, in the order of sequence modulo their number
  uint64_t *next;              // expected sequence of each publisher
  uint64_t received;
  char tail[32]; // what follows the subject in every MSG line it gets
  size_t tail_len;
} subscriber;

typedef struct {
  const throughput_options *options;
  publisher *pubs;
  subscriber *subs;
  char **subjects; // of each publisher; one and the same table unless the shape is PAIRS
  size_t subject_len;
  uint64_t received, seq_sum, window;
  int epoll;
} run;

static void make_subjects(run *r);
static void open_all(run *r);
static void make_ring(run *r, uint32_t index);
static double exchange(run *r);
static bool publish_some(run *r, uint64_t stop_at_ns);
static bool stop_due(const run *r, const publisher *pub, uint64_t stop_at_ns);
static bool window_open(const run *r, uint32_t pub_index);
static uint64_t published_by_all(const run *r);
static uint64_t least_received(const run *r);
static void receive_some(run *r, subscriber *sub);
static void accept_msg(run *r, subscriber *sub, const uint8_t *subject, const uint8_t *payload);
static void read_publisher(publisher *pub);
static bool all_received(const run *r);
static void check_totals(run *r);
static void watch(int epoll, int fd, uint32_t events, void *what);
static void report(const run *r, double seconds, double cpu);

void run_throughput(const throughput_options *options) {
  run r = {.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
  deadline_ns = now_ns() + (uint64_t)((options->seconds + DRAIN_SECONDS) * 1e9);
  r.pubs = must_alloc(options->pubs * sizeof *r.pubs);
  r.subs = must_alloc(options->subs * sizeof *r.subs);
  make_subjects(&r);
  open_all(&r);
  double cpu_before = cpu_seconds();
  double seconds = exchange(&r);
  double cpu = cpu_seconds() - cpu_before;
  check_totals(&r);
  report(&r, seconds, cpu);
}

static void make_subjects(run *r) {
  const throughput_options *o = r->options;
  uint32_t tables = o->shape == PAIRS ? o->pubs : 1;
  r->subject_len = strlen(o->subjects > 1 ? "bench.000000" : "bench.00");
  r->subjects = must_alloc(o->pubs * sizeof *r->subjects);
  uint32_t *order = must_alloc(o->subjects * sizeof *order);
  for (uint32_t i = 0; i < o->subjects; i++) {
    uint32_t other = (uint32_t)(random_u64() % (i + 1));
    order[i] = order[other];
    order[other] = i;
  }
  for (uint32_t t = 0; t < tables; t++) {
    char *table = must_alloc(o->subjects * r->subject_len + 1);
    for (uint32_t i = 0; i < o->subjects; i++) {
      char *to = table + i * r->subject_len;
      if (o->subjects > 1) snprintf(to, r->subject_len + 1, "bench.%06u", order[i]);
      else snprintf(to, r->subject_len + 1, "bench.%02u", t % 100);
    }
    r->subjects[t] = table;
  }
  for (uint32_t p = tables; p < o->pubs; p++) r->subjects[p] = r->subjects[0];
  free(order);
}

static void open_all(run *r) {
  const throughput_options *o = r->options;
  for (uint32_t s = 0; s < o->subs; s++) {
    subscriber *sub = &r->subs[s];
    sub->first_pub = o->shape == PAIRS ? s : 0;
    sub->end_pub = o->shape == PAIRS ? s + 1 : o->pubs;
    sub->subjects = r->subjects[sub->first_pub];
    sub->next = must_alloc(o->pubs * sizeof *sub->next);
    sub->tail_len = (size_t)snprintf(sub->tail, sizeof sub->tail, " 1 %zu\r\n", o->size);
    char subscribe[128];
    snprintf(subscribe, sizeof subscribe, "SUB %.*s%s 1\r\n", o->subjects > 1 ? 7 : (int)r->subject_len,
             o->subjects > 1 ? "bench.>" : sub->subjects, o->shape == QUEUE ? " workers" : "");
    conn_connect(&sub->conn, o->to);
    conn_greet(&sub->conn, subscribe);
    conn_await_pong(&sub->conn);
    watch(r->epoll, sub->conn.fd, EPOLLIN, sub);
  }
  if (o->from.port != o->to.port) let_interest_travel();
  for (uint32_t p = 0; p < o->pubs; p++) {
    publisher *pub = &r->pubs[p];
    make_ring(r, p);
    conn_connect(&pub->conn, o->from);
    conn_greet(&pub->conn, "");
    conn_await_pong(&pub->conn);
    // Edge-triggered: a paused publisher on a writable socket must not wake the loop again and again.
    watch(r->epoll, pub->conn.fd, EPOLLIN | EPOLLOUT | EPOLLET, pub);
  }
  r->window = o->window_bytes / r->pubs[0].stride + 1;
}

static void make_ring(run *r, uint32_t index) {
  const throughput_options *o = r->options;
  publisher *pub = &r->pubs[index];
  char line[128];
  pub->payload_at = (size_t)snprintf(line, sizeof line, "PUB %.*s %zu\r\n", (int)r->subject_len,
                                     r->subjects[index], o->size);
  pub->stride = pub->payload_at + o->size + 2;
  size_t chunk_bytes = o->to.websocket ? WS_CHUNK_BYTES : TCP_CHUNK_BYTES;
  if (!o->to.websocket && chunk_bytes < 4 * pub->stride) {
    chunk_bytes = 4 * pub->stride < CHUNK_BYTES_MAX ? 4 * pub->stride : CHUNK_BYTES_MAX;
  }
  pub->chunk = chunk_bytes / pub->stride ? chunk_bytes / pub->stride : 1;
  pub->count = o->subjects * ((pub->chunk + o->subjects - 1) / o->subjects);
  pub->ring = must_alloc(pub->count * pub->stride);
  for (size_t i = 0; i < pub->count; i++) {
    uint8_t *record = pub->ring + i * pub->stride;
    memcpy(record, line, pub->payload_at);
    memcpy(record + 4, r->subjects[index] + (i % o->subjects) * r->subject_len, r->subject_len);
    payload_fill(record + pub->payload_at, o->size);
    memcpy(record + pub->payload_at + o->size, "\r\n", 2);
  }
}

static double exchange(run *r) {
  const throughput_options *o = r->options;
  struct epoll_event events[EVENTS];
  uint64_t start = now_ns();
  uint64_t stop_at = start + (uint64_t)(o->seconds * 1e9);
  bool can_publish = true;
  for (;;) {
    int max_ms = wait_ms(50, "the last messages");
    int ready = epoll_wait(r->epoll, events, EVENTS, can_publish ? 0 : max_ms);
    if (ready < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < ready; i++) {
      publisher *pub = events[i].data.ptr;
      if (pub >= r->pubs && pub < r->pubs + o->pubs) {
        if (events[i].events & EPOLLOUT) pub->writable = true;
        if (events[i].events & ~(uint32_t)EPOLLOUT) read_publisher(pub);
      } else {
        receive_some(r, events[i].data.ptr);
      }
    }
    can_publish = publish_some(r, stop_at);
    if (!can_publish && all_received(r)) return (double)(now_ns() - start) / 1e9;
  }
}

// One chunk for each publisher that may write. False: nobody can go on before an event comes in.
static bool publish_some(run *r, uint64_t stop_at_ns) {
  bool can_publish = false;
  for (uint32_t p = 0; p < r->options->pubs; p++) {
    publisher *pub = &r->pubs[p];
    if (!pub->writable) continue;
    if (!conn_flush(&pub->conn)) {
      pub->writable = false;
      continue;
    }
    if (pub->stopped) continue;
    if (stop_due(r, pub, stop_at_ns)) {
      pub->stopped = true;
      if (r->options->subs == 0) conn_put(&pub->conn, (const uint8_t *)"PING\r\n", 6);
    } else if (window_open(r, p)) {
      size_t room = pub->count - pub->at, batch = pub->chunk < room ? pub->chunk : room;
      if (r->options->count && r->options->count - pub->seq < batch) batch = r->options->count - pub->seq;
      uint8_t *first = pub->ring + pub->at * pub->stride, *payload = first + pub->payload_at;
      for (size_t i = 0; i < batch; i++, payload += pub->stride) {
        payload_stamp(payload, r->options->size, (uint64_t)p << SEQ_BITS | pub->seq++);
      }
      pub->at = (pub->at + batch) % pub->count;
      conn_put(&pub->conn, first, batch * pub->stride);
    } else {
      continue;
    }
    if (conn_flush(&pub->conn)) can_publish = true;
    else pub->writable = false;
  }
  return can_publish;
}

static bool stop_due(const run *r, const publisher *pub, uint64_t stop_at_ns) {
  return now_ns() >= stop_at_ns || (r->options->count && pub->seq >= r->options->count);
}

static bool window_open(const run *r, uint32_t pub_index) {
  const throughput_options *o = r->options;
  if (o->subs == 0) return true;
  if (o->shape == PAIRS) return r->pubs[pub_index].seq - r->subs[pub_index].received < r->window;
  return published_by_all(r) - (o->shape == QUEUE ? r->received : least_received(r)) < r->window;
}

static uint64_t published_by_all(const run *r) {
  uint64_t published = 0;
  for (uint32_t p = 0; p < r->options->pubs; p++) published += r->pubs[p].seq;
  return published;
}

static uint64_t least_received(const run *r) {
  uint64_t least = r->options->subs ? UINT64_MAX : 0;
  for (uint32_t s = 0; s < r->options->subs; s++) {
    if (r->subs[s].received < least) least = r->subs[s].received;
  }
  return least;
}

static void receive_some(run *r, subscriber *sub) {
  const uint8_t *bytes;
  size_t len, used;
  if (!conn_fill(&sub->conn, &bytes, &len)) return;
  // Nearly every op has the one shape that is expected here; anything else goes through the parser.
  const size_t tail_at = 4 + r->subject_len, payload_at = tail_at + sub->tail_len;
  const size_t size = r->options->size, total = payload_at + size + 2;
  while (len) {
    if (len >= total && !memcmp(bytes, "MSG ", 4) && !memcmp(bytes + tail_at, sub->tail, sub->tail_len) &&
        !memcmp(bytes + total - 2, "\r\n", 2)) {
      accept_msg(r, sub, bytes + 4, bytes + payload_at);
      bytes += total;
      len -= total;
      continue;
    }
    op received;
    if (!(used = op_parse(bytes, len, &received))) break;
    if (received.type != OP_MSG) {
      conn_control(&sub->conn, &received);
    } else {
      if (received.subject_len != r->subject_len || received.sid != 1 || received.size != size ||
          received.reply_len) {
        fail("a message with the wrong subject, sid, reply or size (%zu bytes)", received.size);
      }
      accept_msg(r, sub, received.subject, received.payload);
    }
    bytes += used;
    len -= used;
  }
  conn_keep(&sub->conn, bytes, len);
  conn_flush(&sub->conn);
}

static void accept_msg(run *r, subscriber *sub, const uint8_t *subject, const uint8_t *payload) {
  const throughput_options *o = r->options;
  uint64_t word = payload_check(payload, o->size), seq = word & SEQ_MASK;
  uint64_t pub = word >> SEQ_BITS;
  if (pub < sub->first_pub || pub >= sub->end_pub) fail("a message of publisher %" PRIu64 " went astray", pub);
  if (seq != sub->next[pub] && (o->shape != QUEUE || seq < sub->next[pub])) {
    fail("sequence %" PRIu64 " of publisher %" PRIu64 " where %" PRIu64 " was expected", seq, pub, sub->next[pub]);
  }
  sub->next[pub] = seq + 1;
  uint32_t which = o->subjects > 1 ? (uint32_t)(seq % o->subjects) : 0;
  if (memcmp(subject, sub->subjects + which * r->subject_len, r->subject_len)) {
    fail("sequence %" PRIu64 " came on %.*s", seq, (int)r->subject_len, subject);
  }
  sub->received++;
  r->received++;
  r->seq_sum += seq;
}

static void read_publisher(publisher *pub) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  while (conn_fill(&pub->conn, &bytes, &len)) {
    while (len && (used = op_parse(bytes, len, &received))) {
      if (received.type == OP_MSG) fail("a publisher received a message");
      conn_control(&pub->conn, &received);
      bytes += used;
      len -= used;
    }
    conn_keep(&pub->conn, bytes, len);
  }
}

static bool all_received(const run *r) {
  const throughput_options *o = r->options;
  for (uint32_t p = 0; p < o->pubs; p++) {
    const publisher *pub = &r->pubs[p];
    if (!pub->stopped || pub->conn.tx_len || (o->subs == 0 && pub->conn.pongs < 2)) return false;
  }
  uint64_t published = published_by_all(r);
  return r->received >= (o->shape == FAN ? published * o->subs : o->subs ? published : 0);
}

// Every subscriber has exactly its share, and nothing more is on its way behind the last message.
static void check_totals(run *r) {
  const throughput_options *o = r->options;
  uint64_t queue_sum = 0;
  for (uint32_t s = 0; s < o->subs; s++) {
    subscriber *sub = &r->subs[s];
    conn_send_and_wait(&sub->conn, "PING\r\n");
    if (o->shape == QUEUE) continue;
    for (uint32_t p = sub->first_pub; p < sub->end_pub; p++) {
      if (sub->next[p] != r->pubs[p].seq) fail("subscriber %u is short of messages from publisher %u", s, p);
    }
  }
  if (o->shape != QUEUE) return;
  for (uint32_t p = 0; p < o->pubs; p++) queue_sum += r->pubs[p].seq * (r->pubs[p].seq - 1) / 2;
  if (r->seq_sum != queue_sum) fail("the queue group did not receive each message once");
}

static void watch(int epoll, int fd, uint32_t events, void *what) {
  struct epoll_event event = {.events = events, .data.ptr = what};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static void report(const run *r, double seconds, double cpu) {
  uint64_t published = published_by_all(r), counted = r->options->subs ? r->received : published;
  printf("{\"published\": %" PRIu64 ", \"received\": %" PRIu64 ", \"least_received\": %" PRIu64 ", ", published,
         r->received, least_received(r));
  printf("\"payload_bytes\": %" PRIu64 ", \"seconds\": %.6f, \"msgs_per_second\": %.0f, ",
         counted * r->options->size, seconds, (double)counted / seconds);
  printf("\"generator_cores\": %.3f}\n", cpu / seconds);
}
