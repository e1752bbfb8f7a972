/* Preloaded into a mount: a clock that jumps. The file $CLOCK holds how many seconds the time of day is off. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    const char *file = getenv("CLOCK");
    if (result != 0 || clock != CLOCK_REALTIME || !file) return result;
    char text[32] = {0};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, text, sizeof text - 1) > 0) now->tv_sec += atoll(text);
        close(fd);
    }
    return result;
}
