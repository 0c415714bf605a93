/* A wall clock that a test sets: preloaded into the server alone.
 *
 * CLOCK_REALTIME is the kernel's plus the milliseconds that the first 8 bytes of the file
 * TROUPE_TEST_CLOCK hold. When they change, timers on the wall clock fire, as the kernel cancels
 * those that asked to hear of steps (TFD_TIMER_CANCEL_ON_SET). Other clocks are the kernel's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { timers_max = 64 };

static const volatile int64_t* offset_ms;
static int wall_timers[timers_max]; /* descriptors + 1; 0: none */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct timespec shifted(struct timespec t, int64_t ms) {
  const int64_t ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + ms * 1000000;
  return (struct timespec){ns / 1000000000, ns % 1000000000};
}

int clock_gettime(clockid_t id, struct timespec* t) {
  const int code = (int)syscall(SYS_clock_gettime, id, t);
  if (code == 0 && id == CLOCK_REALTIME && offset_ms) *t = shifted(*t, *offset_ms);
  return code;
}

time_t time(time_t* to) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (to) *to = t.tv_sec;
  return t.tv_sec;
}

int gettimeofday(struct timeval* to, void* zone) {
  (void)zone;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  *to = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
  return 0;
}

int timerfd_create(int clock, int flags) {
  const int fd = (int)syscall(SYS_timerfd_create, clock, flags);
  if (fd < 0 || clock != CLOCK_REALTIME) return fd;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < timers_max; ++i) {
    if (wall_timers[i] == 0) {
      wall_timers[i] = fd + 1;
      break;
    }
  }
  pthread_mutex_unlock(&mutex);
  return fd;
}

static int is_wall_timer(int fd) {
  for (int i = 0; i < timers_max; ++i) {
    if (wall_timers[i] == fd + 1) return 1;
  }
  return 0;
}

int timerfd_settime(int fd, int flags, const struct itimerspec* to, struct itimerspec* was) {
  struct itimerspec kernel = *to;
  pthread_mutex_lock(&mutex);
  const int armed = to->it_value.tv_sec != 0 || to->it_value.tv_nsec != 0;
  if ((flags & TFD_TIMER_ABSTIME) && armed && offset_ms && is_wall_timer(fd)) {
    kernel.it_value = shifted(to->it_value, -*offset_ms);
    if (kernel.it_value.tv_sec <= 0) kernel.it_value = (struct timespec){1, 0};
  }
  const int code = (int)syscall(SYS_timerfd_settime, fd, flags, &kernel, was);
  pthread_mutex_unlock(&mutex);
  return code;
}

static void fire_all(void) {
  const struct itimerspec now = {{0, 0}, {1, 0}};
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < timers_max; ++i) {
    if (wall_timers[i]) {
      syscall(SYS_timerfd_settime, wall_timers[i] - 1, TFD_TIMER_ABSTIME, &now, NULL);
    }
  }
  pthread_mutex_unlock(&mutex);
}

static void* watch(void* unused) {
  (void)unused;
  int64_t known = *offset_ms;
  const struct timespec pause = {0, 2000000};
  for (;;) {
    nanosleep(&pause, NULL);
    if (*offset_ms == known) continue;
    known = *offset_ms;
    fire_all();
  }
  return NULL;
}

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("TROUPE_TEST_CLOCK");
  const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return;
  offset_ms = mapped;
  pthread_t thread;
  if (pthread_create(&thread, NULL, watch, NULL) == 0) pthread_detach(thread);
}
