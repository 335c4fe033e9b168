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
    "usage: loadgen throughput|latency|idle|asking|consuming|watching|interest --port PORT [--host 127.0.0.1] [--ws] [--seconds S] [--apart PID]\n"
    "  throughput  --size BYTES --pubs P --subs S --subjects K --shape fan|pairs|queue\n"
    "              --count N --window BYTES\n"
    "  latency     --size BYTES --in-flight N\n"
    "  idle        --connections N\n"
    "  asking      --subject S --expected TEXT --size BYTES --connections N --window N --subjects K\n"
    "  consuming   --create-subject S --create JSON [--next-subject S] --batch N --size BYTES --count N\n"
    "  watching    --stream S --subject S --size BYTES --watchers N --window N\n"
    "  interest    --subjects K\n"
    "--from-port: publishers and requesters connect there, the others to --port. --ws: over WebSocket. --apart: this process on one core, the server with that PID on the others.\n";

// Far beyond any run's own deadline: if a loop here had a flaw, the process would still end.
enum { LAST_RESORT_SECONDS = 180 };

static _Noreturn void usage(const char *problem);
static double number(const char *name, const char *text, double min, double max);

int main(int argc, char **argv) {
  address to = {.host = "127.0.0.1"}, from = {0};
  throughput_options throughput = {.size = 16, .pubs = 1, .subs = 1, .subjects = 1, .seconds = 1};
  latency_options latency = {.in_flight = 1};
  idle_options idle = {.connections = 1000};
  asking_options asking = {.expected = "", .subjects = 1, .window = 1};
  consuming_options consuming = {.batch = 100};
  interest_options interest = {0};
  watching_options watching = {.watchers = 100, .window = 100};
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
    else if (!strcmp(name, "--from-port")) from.port = (int)number(name, value, 1, 65535);
    else if (!strcmp(name, "--apart")) server_pid = (int)number(name, value, 1, 1e9);
    else if (!strcmp(name, "--size")) throughput.size = (size_t)number(name, value, 0, 1024 * 1024);
    else if (!strcmp(name, "--subject")) asking.subject = watching.subject = value;
    else if (!strcmp(name, "--expected")) asking.expected = value;
    else if (!strcmp(name, "--create-subject")) consuming.create_subject = value;
    else if (!strcmp(name, "--create")) consuming.create = value;
    else if (!strcmp(name, "--next-subject")) consuming.next_subject = value;
    else if (!strcmp(name, "--batch")) consuming.batch = (uint32_t)number(name, value, 1, 100000);
    else if (!strcmp(name, "--stream")) watching.stream = value;
    else if (!strcmp(name, "--watchers")) watching.watchers = (uint32_t)number(name, value, 1, 1000);
    else if (!strcmp(name, "--pubs")) throughput.pubs = (uint32_t)number(name, value, 1, 1000);
    else if (!strcmp(name, "--subs")) throughput.subs = (uint32_t)number(name, value, 0, 1000);
    else if (!strcmp(name, "--subjects")) throughput.subjects = (uint32_t)number(name, value, 1, 10000000);
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

  if (throughput.size < PAYLOAD_MIN && (throughput.size || strcmp(argv[1], "asking"))) usage("--size is too small");
  const int from_port = from.port;
  from = to;
  if (from_port) from.port = from_port;
  throughput.from = latency.from = interest.from = from;
  interest.to = to;
  interest.subjects = throughput.subjects;
  throughput.to = latency.to = idle.to = asking.to = consuming.to = watching.to = to;
  asking.size = consuming.size = watching.size = throughput.size;
  asking.seconds = watching.seconds = throughput.seconds;
  asking.connections = idle.connections;
  asking.subjects = throughput.subjects;
  consuming.count = throughput.count;
  consuming.seconds = LAST_RESORT_SECONDS / 2;
  if (throughput.window_bytes) asking.window = watching.window = (uint32_t)throughput.window_bytes;
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
  } else if (!strcmp(argv[1], "interest")) {
    run_interest(&interest);
  } else if (!strcmp(argv[1], "asking")) {
    if (!asking.subject) usage("--subject is missing");
    run_asking(&asking);
  } else if (!strcmp(argv[1], "consuming")) {
    if (!consuming.create_subject || !consuming.create || !consuming.count) usage("--create and --count are needed");
    run_consuming(&consuming);
  } else if (!strcmp(argv[1], "watching")) {
    if (!watching.stream || !watching.subject) usage("--stream and --subject are needed");
    run_watching(&watching);
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
