/* What a process sees of the world: names and the time of day, put before the C library's
 * own by LD_PRELOAD.
 *
 * FAKE_NAMES  a.example=127.0.0.2,127.0.0.1;b.example=!unknown;c.example=!fails;d.example=!hangs
 * FAKE_CLOCK  seconds that the clock is ahead of the right time; where several are given,
 *             each look at it is at the next of them, and at the first after the last
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static long ahead[16];
static unsigned clocks;
static atomic_uint looks;

__attribute__((constructor)) static void read_clock(void)
{
    const char *text = getenv("FAKE_CLOCK");
    while (text && *text && clocks < 16) {
        char *end;
        ahead[clocks++] = strtol(text, &end, 10);
        text = *end ? end + 1 : end;
    }
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    int result = syscall(SYS_clock_gettime, id, time);
    if (result == 0 && clocks && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        time->tv_sec += ahead[atomic_fetch_add(&looks, 1) % clocks];
    return result;
}

static int known(const char *text, const char *service, const struct addrinfo *hints,
                 struct addrinfo **result)
{
    look_up *real = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");
    *result = NULL;
    if (!strncmp(text, "!unknown", 8))
        return EAI_NONAME;
    if (!strncmp(text, "!fails", 6))
        return EAI_AGAIN;
    while (!strncmp(text, "!hangs", 6))
        pause();
    while (*text && *text != ';') {
        char address[64] = "";
        size_t length = strcspn(text, ",;");
        struct addrinfo *one, **last = result;
        strncpy(address, text, length < 63 ? length : 63);
        text += length + (text[length] == ',');
        if (real(address, service, hints, &one))
            continue;
        while (*last)
            last = &(*last)->ai_next;
        *last = one;
    }
    return *result ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    const char *entry = getenv("FAKE_NAMES");
    size_t length = name ? strlen(name) : 0;
    while (name && entry && *entry) {
        if (!strncmp(entry, name, length) && entry[length] == '=')
            return known(entry + length + 1, service, hints, result);
        entry = strchr(entry, ';');
        entry = entry ? entry + 1 : NULL;
    }
    return ((look_up *)dlsym(RTLD_NEXT, "getaddrinfo"))(name, service, hints, result);
}
