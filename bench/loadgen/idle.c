// Opens connections with one subscription each and holds them, answering pings, until stdin says so;
// then makes sure that every one of them still answers.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "modes.h"

enum { OPEN_AT_ONCE = 100, EVENTS = 256, OPEN_SECONDS = 30, CHECK_SECONDS = 15 };

static void open_some(conn *conns, uint32_t first, uint32_t end, address to);
static void hold(int epoll);
static void read_conn(conn *c);

void run_idle(const idle_options *o) {
  deadline_ns = now_ns() + (uint64_t)OPEN_SECONDS * 1000000000u;
  conn *conns = must_alloc(o->connections * sizeof *conns);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  uint64_t start = now_ns();
  for (uint32_t first = 0; first < o->connections; first += OPEN_AT_ONCE) {
    uint32_t end = first + OPEN_AT_ONCE < o->connections ? first + OPEN_AT_ONCE : o->connections;
    open_some(conns, first, end, o->to);
    for (uint32_t i = first; i < end; i++) {
      struct epoll_event event = {.events = EPOLLIN, .data.ptr = &conns[i]};
      if (epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &event)) fail("epoll_ctl: %s", strerror(errno));
    }
  }
  printf("{\"opened\": %u, \"seconds\": %.6f}\n", o->connections, (double)(now_ns() - start) / 1e9);
  fflush(stdout);
  deadline_ns = now_ns() + (uint64_t)(o->seconds * 1e9);
  hold(epoll);
  deadline_ns = now_ns() + (uint64_t)CHECK_SECONDS * 1000000000u;
  for (uint32_t i = 0; i < o->connections; i++) conn_send_and_wait(&conns[i], "PING\r\n");
  printf("{\"alive\": %u}\n", o->connections);
}

static void open_some(conn *conns, uint32_t first, uint32_t end, address to) {
  for (uint32_t i = first; i < end; i++) conn_connect(&conns[i], to);
  for (uint32_t i = first; i < end; i++) {
    char subscribe[64];
    snprintf(subscribe, sizeof subscribe, "SUB idle.device.%05u 1\r\n", i);
    conn_greet(&conns[i], subscribe);
  }
  for (uint32_t i = first; i < end; i++) conn_await_pong(&conns[i]);
}

static void hold(int epoll) {
  struct epoll_event events[EVENTS], input = {.events = EPOLLIN, .data.ptr = NULL};
  // A terminal or a pipe can be watched; /dev/null and files cannot, and then only time ends the hold.
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  while (now_ns() < deadline_ns) {
    int ready = epoll_wait(epoll, events, EVENTS, 100);
    if (ready < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < ready; i++) {
      if (!events[i].data.ptr) return;
      read_conn(events[i].data.ptr);
    }
  }
}

static void read_conn(conn *c) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  if (!conn_fill(c, &bytes, &len)) return;
  while (len && (used = op_parse(bytes, len, &received))) {
    if (received.type == OP_MSG) fail("an idle connection received a message");
    conn_control(c, &received);
    bytes += used;
    len -= used;
  }
  conn_keep(c, bytes, len);
  conn_flush_all(c);
}
