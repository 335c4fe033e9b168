// Command line of the load generator: one mode a run, its result as JSON on stdout, exit 1 on any
// wrong answer of the server.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "affinity.h"
#include "modes.h"
#include "payload.h"

static const char USAGE[] =
    "usage: loadgen throughput|latency|idle --port PORT [--host 127.0.0.1] [--ws] [--seconds S] [--apart PID]\n"
    "  throughput  --size BYTES --pubs P --subs S --subjects K --shape fan|pairs|queue\n"
    "              --count N --window BYTES\n"
    "  latency     --size BYTES --in-flight N\n"
    "  idle        --connections N\n"
    "--ws: over WebSocket. --apart: this process on one core, the server with that PID on the others.\n";

// Far beyond any run's own deadline: if a loop here had a flaw, the process would still end.
enum { LAST_RESORT_SECONDS = 180 };

static _Noreturn void usage(const char *problem);
static double number(const char *name, const char *text, double min, double max);

int main(int argc, char **argv) {
  address to = {.host = "127.0.0.1"};
  throughput_options throughput = {.size = 16, .pubs = 1, .subs = 1, .subjects = 1, .seconds = 1};
  latency_options latency = {.in_flight = 1};
  idle_options idle = {.connections = 1000};
  int server_pid = 0;
  if (argc < 2) usage("no mode given");
  for (int i = 2; i < argc; i++) {
    const char *name = argv[i];
    if (!strcmp(name, "--ws")) {
      to.websocket = true;
      continue;
    }
    if (++i == argc) usage("an option without a value, or an unknown one");
    const char *value = argv[i];
    if (!strcmp(name, "--host")) to.host = value;
    else if (!strcmp(name, "--port")) to.port = (int)number(name, value, 1, 65535);
    else if (!strcmp(name, "--apart")) server_pid = (int)number(name, value, 1, 1e9);
    else if (!strcmp(name, "--size")) throughput.size = (size_t)number(name, value, PAYLOAD_MIN, 1024 * 1024);
    else if (!strcmp(name, "--pubs")) throughput.pubs = (uint32_t)number(name, value, 1, 1000);
    else if (!strcmp(name, "--subs")) throughput.subs = (uint32_t)number(name, value, 0, 1000);
    else if (!strcmp(name, "--subjects")) throughput.subjects = (uint32_t)number(name, value, 1, 999999);
    else if (!strcmp(name, "--seconds")) throughput.seconds = number(name, value, 0.01, 60);
    else if (!strcmp(name, "--count")) throughput.count = (uint64_t)number(name, value, 1, 1e12);
    else if (!strcmp(name, "--window")) throughput.window_bytes = (size_t)number(name, value, 1, 1e12);
    else if (!strcmp(name, "--in-flight")) latency.in_flight = (uint32_t)number(name, value, 1, 1024);
    else if (!strcmp(name, "--connections")) idle.connections = (uint32_t)number(name, value, 1, 60000);
    else if (!strcmp(name, "--shape") && !strcmp(value, "fan")) throughput.shape = FAN;
    else if (!strcmp(name, "--shape") && !strcmp(value, "pairs")) throughput.shape = PAIRS;
    else if (!strcmp(name, "--shape") && !strcmp(value, "queue")) throughput.shape = QUEUE;
    else usage(name);
  }
  if (!to.port) usage("--port is missing");
  signal(SIGPIPE, SIG_IGN);
  alarm(LAST_RESORT_SECONDS);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  if (server_pid) keep_apart(server_pid);

  throughput.to = latency.to = idle.to = to;
  latency.size = throughput.size;
  latency.seconds = idle.seconds = throughput.seconds;
  if (!strcmp(argv[1], "throughput")) {
    if (throughput.shape == PAIRS) {
      if (throughput.pubs != throughput.subs) usage("--shape pairs needs as many --pubs as --subs");
      if (throughput.subjects != 1) usage("--shape pairs has one subject a pair");
      if (throughput.pubs > 100) usage("--shape pairs takes at most 100 pairs");
    }
    if (!throughput.window_bytes) {
      // Half of a server's usual max_pending for each subscriber, and 64 MiB over all of them: enough to
      // never be the bottleneck, yet a server that queues everything is not cut for being measured.
      size_t share = throughput.subs ? (size_t)64 * 1024 * 1024 / throughput.subs : 0;
      throughput.window_bytes = share > 32u << 20 ? 32u << 20 : share < 1u << 20 ? 1u << 20 : share;
    }
    run_throughput(&throughput);
  } else if (!strcmp(argv[1], "latency")) {
    run_latency(&latency);
  } else if (!strcmp(argv[1], "idle")) {
    run_idle(&idle);
  } else {
    usage(argv[1]);
  }
  return 0;
}

static void usage(const char *problem) {
  fprintf(stderr, "loadgen: %s\n%s", problem, USAGE);
  exit(2);
}

static double number(const char *name, const char *text, double min, double max) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || value < min || value > max) {
    fprintf(stderr, "loadgen: %s takes a number from %.0f to %.0f\n", name, min, max);
    exit(2);
  }
  return value;
}
