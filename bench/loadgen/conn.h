// One client connection, over TCP or WebSocket: opened step by step, read in chunks of ops,
// written in whole batches of ops.
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include "op.h"
#include "ws.h"

typedef struct {
  int fd;
  bool websocket;
  ws_reader ws;
  uint8_t *rest; // the start of an op whose end has not been read yet
  size_t rest_len, rest_cap;
  const uint8_t *tx; // what is being written; conn_put's caller owns it, or it is `frame`
  size_t tx_len;
  uint8_t *frame; // the last WebSocket frame built
  size_t frame_cap;
  bool pong_owed;
  uint64_t infos, pongs; // how many were received
} conn;

typedef struct {
  const char *host;
  int port;
  bool websocket;
} address;

// Connects (and upgrades); the socket is non-blocking afterwards. INFO is still to come.
void conn_connect(conn *c, address to);

// Waits for INFO, sends CONNECT, then `commands` (may be ""), then PING, all in one write.
void conn_greet(conn *c, const char *commands);

// Waits until the PONG to conn_greet's PING is here: whatever was subscribed is in force.
void conn_await_pong(conn *c);

// Writes `commands` and waits for everything that is due; any message that comes in fails the run.
void conn_send_and_wait(conn *c, const char *commands);

// A broker hears of what was subscribed to at another one some moments later; nobody says when.
void let_interest_travel(void);

// Reads once. False: nothing there. Otherwise [*bytes, +*len) holds what is to be parsed, valid until
// the next conn_fill on any connection; the caller gives back with conn_keep what it did not consume.
bool conn_fill(conn *c, const uint8_t **bytes, size_t *len);
void conn_keep(conn *c, const uint8_t *bytes, size_t len);

// Handles every op that is not a message: a PING is owed a PONG, which the next conn_flush writes.
void conn_control(conn *c, const op *received);

// Takes a batch of whole ops when the last one is written (tx_len is 0). TCP writes from `bytes`
// themselves, so they stay untouched until conn_flush says true; WebSocket sends them as one masked frame.
void conn_put(conn *c, const uint8_t *bytes, size_t len);

// Writes what the socket takes. True: all is written, PONGs too.
bool conn_flush(conn *c);
void conn_flush_all(conn *c);

#endif
