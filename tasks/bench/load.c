/* The load that `bench` and `soak` put on servers and clients: the same for all of them, one thread, no library.
 *
 *   load accept PORT CONCURRENCY MS   connect, read to the end, close, over and over; one line of JSON
 *   load fetch PORT                   one connection, read to the end; one line of JSON
 *   load hold PORT COUNT              open COUNT connections, say "ready", hold them until stdin ends
 *   load push PORT BYTES              one connection, send BYTES, wait until it is closed; one line of JSON
 *   load source BYTES                 listen, say the port, send BYTES to one client after the other; a line for each
 *   load greet PORT                   greet one client after the other, a line for each
 *   load run FILE PROGRAM ARG...      run a program; its time, CPU and peak memory go to FILE as JSON
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define MAX_SAMPLES 4000000
#define LONGEST_S 60

static char buffer[CHUNK];
static pid_t child;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int dial(int port, int flags) {
  struct sockaddr_in a = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (fd < 0) fail("socket");
  if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) fail("connect");
  return fd;
}

static int serve(int port) {
  struct sockaddr_in a = loopback(port);
  socklen_t size = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) || listen(fd, 511)) fail("listen");
  getsockname(fd, (struct sockaddr *)&a, &size);
  printf("%d\n", ntohs(a.sin_port));
  fflush(stdout);
  return fd;
}

static long drain(int fd) {
  long sum = 0;
  for (ssize_t n; (n = read(fd, buffer, CHUNK)) != 0; sum += n) {
    if (n < 0) fail("read");
  }
  return sum;
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void start_one(int epoll, int port, double *begun) {
  int fd = dial(port, SOCK_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  begun[fd] = now();
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) fail("epoll_ctl");
}

static void load_accept(int port, int concurrency, double ms) {
  int epoll = epoll_create1(0);
  double *begun = calloc(65536, sizeof *begun);
  float *took = malloc(MAX_SAMPLES * sizeof *took);
  struct epoll_event events[256];
  long done = 0, failed = 0, live = concurrency;
  double start = now(), last = start;
  for (int i = 0; i < concurrency; i++) start_one(epoll, port, begun);
  while (live > 0) {
    int count = epoll_wait(epoll, events, 256, 2000);
    if (count <= 0) break;
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      ssize_t n;
      while ((n = read(fd, buffer, CHUNK)) > 0) {}
      if (n < 0 && errno == EAGAIN) continue;
      if (n < 0) failed++;
      else if (done < MAX_SAMPLES) took[done++] = now() - begun[fd];
      close(fd);
      last = now();
      if (last - start < ms) start_one(epoll, port, begun);
      else live--;
    }
  }
  qsort(took, done, sizeof *took, by_size);
  printf("{\"done\":%ld,\"failed\":%ld,\"ms\":%.1f,\"p50\":%.3f,\"p99\":%.3f}\n", done, failed + live, last - start,
         done ? took[done / 2] : 0, done ? took[done * 99 / 100] : 0);
}

static void load_fetch(int port) {
  alarm(LONGEST_S);
  double start = now();
  long sum = drain(dial(port, 0));
  printf("{\"bytes\":%ld,\"ms\":%.2f}\n", sum, now() - start);
}

static void load_hold(int port, int count) {
  for (int i = 0; i < count; i++) dial(port, 0);
  puts("ready");
  fflush(stdout);
  while (read(0, buffer, CHUNK) > 0) {}
}

static void push(int fd, long bytes) {
  double start = now();
  long left = bytes;
  while (left > 0) {
    ssize_t n = write(fd, buffer, left < CHUNK ? left : CHUNK);
    if (n < 0) break;
    left -= n;
  }
  shutdown(fd, SHUT_WR);
  while (read(fd, buffer, CHUNK) > 0) {}
  printf("{\"bytes\":%ld,\"ms\":%.2f}\n", bytes - left, now() - start);
  fflush(stdout);
  close(fd);
}

static void load_push(int port, long bytes) {
  alarm(LONGEST_S);
  push(dial(port, 0), bytes);
}

static void load_source(long bytes) {
  int listener = serve(0);
  for (int i = 0; i < CHUNK; i++) buffer[i] = rand() >> 8;
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    push(fd, bytes);
  }
}

static void load_greet(int port) {
  int listener = serve(port);
  for (;;) {
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    char line[96];
    int fd = accept(listener, (struct sockaddr *)&a, &size);
    if (fd < 0) continue;
    int n = snprintf(line, sizeof line, "Connection from %s:%d has been established!\n", inet_ntoa(a.sin_addr),
                     ntohs(a.sin_port));
    if (write(1, line, n) < 0 || write(fd, "Hello, Client!", 14) < 0) perror("write");
    close(fd);
  }
}

static void forward(int number) {
  if (child > 0) kill(child, number);
}

static int load_run(const char *path, char **command) {
  double start = now();
  struct rusage use;
  int status;
  signal(SIGTERM, forward);
  signal(SIGINT, forward);
  child = fork();
  if (child == 0) {
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    execvp(command[0], command);
    fail(command[0]);
  }
  while (wait4(child, &status, 0, &use) < 0) {
    if (errno != EINTR) fail("wait4");
  }
  double ms = now() - start;
  double cpu = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
  FILE *file = fopen(path, "w");
  if (!file) fail(path);
  fprintf(file, "{\"ms\":%.2f,\"cpu\":%.2f,\"rss\":%ld}\n", ms, cpu, use.ru_maxrss * 1024);
  fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int count, char **args) {
  const char *verb = count > 1 ? args[1] : "";
  signal(SIGPIPE, SIG_IGN);
  if (!strcmp(verb, "accept") && count == 5) load_accept(atoi(args[2]), atoi(args[3]), atof(args[4]));
  else if (!strcmp(verb, "fetch") && count == 3) load_fetch(atoi(args[2]));
  else if (!strcmp(verb, "hold") && count == 4) load_hold(atoi(args[2]), atoi(args[3]));
  else if (!strcmp(verb, "push") && count == 4) load_push(atoi(args[2]), atol(args[3]));
  else if (!strcmp(verb, "source") && count == 3) load_source(atol(args[2]));
  else if (!strcmp(verb, "greet") && count == 3) load_greet(atoi(args[2]));
  else if (!strcmp(verb, "run") && count > 3) return load_run(args[2], args + 3);
  else {
    fprintf(stderr, "see the head of load.c\n");
    return 2;
  }
  return 0;
}
