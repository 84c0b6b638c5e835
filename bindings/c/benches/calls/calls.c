/* What one frame costs from C: `calls CONFIGURATION CONFIGURATION ROUNDS`, of a publisher and a subscriber in this one
 * process, by a line. Prints three times for each frame, in nanoseconds as 32-bit numbers, a clock's reading included:
 * allocate and put, receive, drop. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "zenoh_pinned.h"

enum { BYTES = 4096, WARM_UP = 2000 };

static void check(zp_status status) {
    if (status == ZP_OK) return;
    fprintf(stderr, "calls: %d %s\n", status, zp_last_error());
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    size_t rounds = strtoul(arguments[3], NULL, 10);
    zp_session *publishing, *subscribing;
    zp_publisher *publisher;
    zp_subscriber *subscriber;
    zp_publisher_options options = {.frame_bytes = BYTES, .alone = 1};
    check(zp_session_open(arguments[1], NULL, &publishing));
    check(zp_session_open(arguments[2], NULL, &subscribing));
    check(zp_subscriber_declare(subscribing, "calls", NULL, &subscriber));
    check(zp_publisher_declare(publishing, "calls", &options, &publisher));
    uint32_t(*taken)[3] = calloc(rounds, sizeof *taken);
    if (taken == NULL) return 1;
    zp_slot *slot;
    zp_frame *frame;
    void *data;
    /* Until they have met, frames reach nobody. */
    do {
        check(zp_publisher_allocate(publisher, BYTES, &slot, &data));
        check(zp_publisher_put(publisher, slot, NULL, 0));
    } while (zp_subscriber_receive(subscriber, 100, &frame) != ZP_OK);
    do check(zp_frame_drop(frame));
    while (zp_subscriber_receive(subscriber, 100, &frame) == ZP_OK);
    for (size_t round = 0; round < WARM_UP + rounds; round++) {
        uint64_t begun = now();
        check(zp_publisher_allocate(publisher, BYTES, &slot, &data));
        *(unsigned char *)data = (unsigned char)round;
        check(zp_publisher_put(publisher, slot, NULL, 0));
        uint64_t sent = now();
        check(zp_subscriber_receive(subscriber, 10000, &frame));
        uint64_t received = now();
        check(zp_frame_drop(frame));
        uint64_t dropped = now();
        if (round < WARM_UP) continue;
        taken[round - WARM_UP][0] = (uint32_t)(sent - begun);
        taken[round - WARM_UP][1] = (uint32_t)(received - sent);
        taken[round - WARM_UP][2] = (uint32_t)(dropped - received);
    }
    fwrite(taken, sizeof *taken, rounds, stdout);
    free(taken);
    check(zp_publisher_close(publisher));
    check(zp_subscriber_close(subscriber));
    check(zp_session_close(subscribing));
    check(zp_session_close(publishing));
    return 0;
}
