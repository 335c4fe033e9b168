#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// One read buffer for all connections keeps it in the cache; an unfinished op is kept apart (rest).
enum { READ_BYTES = 256 * 1024, REST_BYTES_MAX = 2 * 1024 * 1024 };
static uint8_t read_buffer[REST_BYTES_MAX + READ_BYTES];

static const char CONNECT[] =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"name\":\"bench\",\"lang\":\"c\","
    "\"version\":\"1.0.0\",\"protocol\":1,\"echo\":true,\"headers\":true,\"no_responders\":true}\r\n";

static void wait_for(conn *c, const uint64_t *counter, uint64_t target, const char *what);
static _Noreturn void fail_with_last_words(conn *c, const char *while_doing);

void conn_connect(conn *c, address to) {
  *c = (conn){.websocket = to.websocket};
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("could not make a socket: %s (see ulimit -n)", strerror(errno));
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)to.port)};
  if (inet_pton(AF_INET, to.host, &peer.sin_addr) != 1) fail("not an IPv4 address: %s", to.host);
  if (connect(c->fd, (struct sockaddr *)&peer, sizeof peer)) {
    fail("could not connect to %s:%d: %s", to.host, to.port, strerror(errno));
  }
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (c->websocket) ws_handshake(c->fd, to.host, to.port);
  if (fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK)) fail("fcntl: %s", strerror(errno));
}

void let_interest_travel(void) {
  usleep(300 * 1000);
}

void conn_greet(conn *c, const char *commands) {
  wait_for(c, &c->infos, 1, "INFO");
  size_t cap = sizeof CONNECT + strlen(commands) + 8;
  char *text = must_alloc(cap);
  int len = snprintf(text, cap, "%s%sPING\r\n", CONNECT, commands);
  conn_put(c, (const uint8_t *)text, (size_t)len);
  conn_flush_all(c);
  free(text);
}

void conn_await_pong(conn *c) {
  wait_for(c, &c->pongs, 1, "the first PONG");
}

void conn_send_and_wait(conn *c, const char *commands) {
  uint64_t target = c->pongs;
  for (const char *at = commands; (at = strstr(at, "PING\r\n")); at++) target++;
  conn_flush_all(c);
  conn_put(c, (const uint8_t *)commands, strlen(commands));
  conn_flush_all(c);
  wait_for(c, &c->pongs, target, "PONG");
}

static void wait_for(conn *c, const uint64_t *counter, uint64_t target, const char *what) {
  while (*counter < target) {
    struct pollfd poll_fd = {.fd = c->fd, .events = POLLIN};
    poll(&poll_fd, 1, wait_ms(1000, what));
    const uint8_t *bytes;
    size_t len, used;
    if (!conn_fill(c, &bytes, &len)) continue;
    op received;
    while (len && (used = op_parse(bytes, len, &received))) {
      if (received.type == OP_MSG) {
        fail("an unexpected message on %.*s", (int)received.subject_len, (const char *)received.subject);
      }
      conn_control(c, &received);
      bytes += used;
      len -= used;
    }
    conn_keep(c, bytes, len);
    conn_flush_all(c);
  }
}

bool conn_fill(conn *c, const uint8_t **bytes, size_t *len) {
  ssize_t got = recv(c->fd, read_buffer + c->rest_len, READ_BYTES, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) fail("reading: %s", strerror(errno));
  if (got == 0) fail("the server closed a connection");
  if (c->rest_len) memcpy(read_buffer, c->rest, c->rest_len);
  size_t fresh = (size_t)got;
  if (c->websocket) fresh = ws_deframe(&c->ws, read_buffer + c->rest_len, fresh);
  *bytes = read_buffer;
  *len = c->rest_len + fresh;
  c->rest_len = 0;
  return true;
}

void conn_keep(conn *c, const uint8_t *bytes, size_t len) {
  if (len > REST_BYTES_MAX) fail("an op of more than %d bytes", REST_BYTES_MAX);
  if (len > c->rest_cap) {
    c->rest_cap = len * 2;
    c->rest = realloc(c->rest, c->rest_cap);
    if (!c->rest) fail("out of memory");
  }
  if (len) memcpy(c->rest, bytes, len);
  c->rest_len = len;
}

void conn_control(conn *c, const op *received) {
  if (received->type == OP_PING) c->pong_owed = true;
  if (received->type == OP_PONG) c->pongs++;
  if (received->type == OP_INFO) c->infos++;
}

void conn_put(conn *c, const uint8_t *bytes, size_t len) {
  if (c->tx_len) fail("a batch was put before the last one was written");
  c->tx = bytes;
  c->tx_len = len;
  if (!c->websocket) return;
  if (c->frame_cap < len + WS_HEADER_MAX) {
    free(c->frame);
    c->frame_cap = len + WS_HEADER_MAX;
    c->frame = must_alloc(c->frame_cap);
  }
  c->tx_len = ws_frame(c->frame, WS_BINARY, bytes, len);
  c->tx = c->frame;
}

bool conn_flush(conn *c) {
  for (;;) {
    if (c->tx_len == 0) {
      if (c->ws.pong_owed) {
        uint8_t pong[WS_HEADER_MAX + WS_CONTROL_MAX];
        size_t len = ws_frame(pong, WS_PONG, c->ws.control, c->ws.control_len);
        if (send(c->fd, pong, len, MSG_NOSIGNAL) != (ssize_t)len) fail("could not answer a WebSocket ping");
        c->ws.pong_owed = false;
      }
      if (!c->pong_owed) return true;
      c->pong_owed = false;
      conn_put(c, (const uint8_t *)"PONG\r\n", 6);
    }
    ssize_t sent = send(c->fd, c->tx, c->tx_len, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (sent < 0) fail_with_last_words(c, strerror(errno));
    c->tx += sent;
    c->tx_len -= (size_t)sent;
  }
}

void conn_flush_all(conn *c) {
  while (!conn_flush(c)) {
    struct pollfd poll_fd = {.fd = c->fd, .events = POLLOUT};
    poll(&poll_fd, 1, wait_ms(1000, "room to write"));
  }
}

// A server that cuts a connection says why before it closes: the op parser fails with its -ERR.
static _Noreturn void fail_with_last_words(conn *c, const char *while_doing) {
  const uint8_t *bytes;
  size_t len, used;
  op received;
  while (conn_fill(c, &bytes, &len)) {
    while (len && (used = op_parse(bytes, len, &received))) {
      bytes += used;
      len -= used;
    }
    conn_keep(c, bytes, len);
  }
  fail("writing: %s", while_doing);
}
