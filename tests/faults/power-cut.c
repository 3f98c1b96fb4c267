/*
 * Models a power cut for one process: what it wrote and did not fsync is lost. Preloaded into the process, it keeps a
 * shadow copy of every file below POWERCUT_DIR as it was at its last fsync, in POWERCUT_SHADOW. After a kill the shadow
 * is what a disk would hold that dropped all unsynced writes. Names (unlink, rename) count as synced at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *dir, *shadow;
static size_t dir_length;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  dir = getenv("POWERCUT_DIR");
  shadow = getenv("POWERCUT_SHADOW");
  dir_length = dir ? strlen(dir) : 0;
}

/* The shadow of a path below the directory, 0 when it lies elsewhere. */
static int shadow_of(const char *path, char *out, size_t size) {
  char full[4096];
  if (!dir || !shadow || !path) return 0;
  if (path[0] == '/') snprintf(full, sizeof full, "%s", path);
  else {
    char cwd[2048];
    if (!getcwd(cwd, sizeof cwd)) return 0;
    snprintf(full, sizeof full, "%s/%s", cwd, path);
  }
  if (strncmp(full, dir, dir_length) || full[dir_length] != '/') return 0;
  return snprintf(out, size, "%s%s", shadow, full + dir_length) < (int)size;
}

static void make_parents(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0700);
    *slash = '/';
  }
}

static void keep(int fd) {
  char link[64], path[4096], target[4200], part[4300];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return;
  path[length] = 0;
  if (!shadow_of(path, target, sizeof target)) return;
  struct stat info;
  if (fstat(fd, &info) || !S_ISREG(info.st_mode)) return;
  pthread_mutex_lock(&lock);
  make_parents(target);
  snprintf(part, sizeof part, "%s.part", target);
  int in = open(path, O_RDONLY), out = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  static char buffer[1 << 20];
  int whole = in >= 0 && out >= 0;
  for (ssize_t n; whole && (n = read(in, buffer, sizeof buffer)) != 0;) whole = n > 0 && write(out, buffer, n) == n;
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  if (whole) {
    int (*real_rename)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    real_rename(part, target);
  }
  pthread_mutex_unlock(&lock);
}

int fsync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  int result = real(fd);
  if (!result) keep(fd);
  return result;
}

int fdatasync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
  int result = real(fd);
  if (!result) keep(fd);
  return result;
}

int unlink(const char *path) {
  int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
  char target[4200];
  int result = real(path);
  if (!result && shadow_of(path, target, sizeof target)) real(target);
  return result;
}

int link(const char *from, const char *to) {
  int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "link");
  char shadow_from[4200], shadow_to[4200];
  int result = real(from, to);
  if (!result && shadow_of(from, shadow_from, sizeof shadow_from) && shadow_of(to, shadow_to, sizeof shadow_to)) {
    make_parents(shadow_to);
    real(shadow_from, shadow_to);
  }
  return result;
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  char shadow_from[4200], shadow_to[4200];
  int result = real(from, to);
  if (!result && shadow_of(from, shadow_from, sizeof shadow_from) && shadow_of(to, shadow_to, sizeof shadow_to)) {
    make_parents(shadow_to);
    real(shadow_from, shadow_to);
  }
  return result;
}
