/* A camera: `camera CONFIGURATION KEY BYTES SLOTS`. Sends frame 0 again and again until it is told something:
 * `go N` sends the frames 1 to N at 30 Hz, `tell` prints what the pool says of itself, the end of input ends it. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "expect.h"

static zp_publisher *publisher;
static size_t bytes;

static void send_frame(unsigned long long number) {
    zp_slot *slot;
    void *image;
    OK(zp_publisher_allocate(publisher, bytes, &slot, &image));
    fill(image, bytes, number);
    OK(zp_publisher_put(publisher, slot, &number, sizeof number));
}

static void send_many(unsigned long long frames) {
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned long long number = 1; number <= frames; number++) {
        send_frame(number);
        next.tv_nsec += 1000000000 / 30;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR) {}
    }
}

int main(int count, char **arguments) {
    EXPECT(count == 5);
    bytes = strtoull(arguments[3], NULL, 10);
    zp_session *session;
    zp_publisher_options options = {.frame_bytes = bytes, .wait_ms = 30000};
    options.slots = (uint32_t)strtoul(arguments[4], NULL, 10);
    OK(zp_session_open(arguments[1], NULL, &session));
    OK(zp_publisher_declare(session, arguments[2], &options, &publisher));
    printf("declared\n");
    fflush(stdout);
    char line[100];
    struct pollfd input = {.fd = 0, .events = POLLIN};
    int is_told = 0;
    for (;;) {
        while (!is_told && poll(&input, 1, 20) == 0) send_frame(0);
        if (fgets(line, sizeof line, stdin) == NULL) break;
        unsigned long long frames;
        zp_pool_statistics now;
        is_told = 1;
        if (sscanf(line, "go %llu", &frames) == 1) {
            send_many(frames);
            OK(zp_publisher_drain(publisher, 30000));
            printf("sent %llu\n", frames);
        } else {
            char lines[2000], quarantine[2000];
            OK(zp_publisher_get_statistics(publisher, &now));
            OK(zp_publisher_lines(publisher, lines, sizeof lines, NULL));
            OK(zp_publisher_quarantine(publisher, quarantine, sizeof quarantine, NULL));
            printf("told in_use %llu reclaimed %llu timeouts %llu lines [%s] [%s]\n", (unsigned long long)now.in_use,
                   (unsigned long long)now.reclaimed, (unsigned long long)now.timeouts, lines, quarantine);
        }
        fflush(stdout);
    }
    OK(zp_publisher_close(publisher));
    OK(zp_session_close(session));
    return 0;
}
