/* A disk that fails while the file named by FAILING_DISK_FLAG exists: its text names the call that returns EIO,
   `fdatasync` (the content has reached the page cache, as on a real disk) or `pwrite`. Only files below
   FAILING_DISK_DIR are touched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int failing(int fd, const char *call) {
  const char *flag = getenv("FAILING_DISK_FLAG"), *dir = getenv("FAILING_DISK_DIR");
  char link[64], path[4096] = "", text[32] = "";
  if (!flag || !dir) return 0;
  FILE *file = fopen(flag, "r");
  if (!file) return 0;
  if (!fgets(text, sizeof text, file)) text[0] = 0;
  fclose(file);
  if (strcmp(text, call)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) < 0) return 0;
  return strstr(path, "zhian.db") && !strncmp(path, dir, strlen(dir));
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (failing(fd, "fdatasync")) { errno = EIO; return -1; }
  return real(fd);
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  if (failing(fd, "fdatasync")) { errno = EIO; return -1; }
  return real(fd);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  if (failing(fd, "pwrite")) { errno = EIO; return -1; }
  return real(fd, data, bytes, at);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) { return pwrite64(fd, data, bytes, at); }
