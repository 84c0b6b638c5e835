/* A camera in C: frames written in place, in slots of a bounded pool, until a hundred have been sent. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zenoh_pinned.h>

enum { BYTES = 1920 * 1080 * 4, FRAMES = 100 };

/* Says why the last call failed, and ends. */
static void check(zp_status status) {
    if (status >= 0) return;
    fprintf(stderr, "camera: %s\n", zp_last_error());
    exit(1);
}

int main(int count, char **arguments) {
    char config[300];
    snprintf(config, sizeof config, "{listen: {endpoints: ['%s']}}", count > 1 ? arguments[1] : "tcp/127.0.0.1:7452");
    zp_session *session;
    check(zp_session_open(config, NULL, &session));
    zp_publisher *camera;
    zp_publisher_options options = {.frame_bytes = BYTES, .slots = 8};
    check(zp_publisher_declare(session, "camera/front", &options, &camera));

    /* Until somebody is there: the consumer beside this one has a line. */
    char lines[300] = "";
    const struct timespec pause = {0, 33000000};
    for (int tries = 0; tries < 1000 && strstr(lines, "by a line") == NULL; tries++) {
        nanosleep(&pause, NULL);
        check(zp_publisher_lines(camera, lines, sizeof lines, NULL));
    }
    for (int number = 0; number < FRAMES; number++) {
        zp_slot *slot;
        void *image;
        check(zp_publisher_allocate(camera, BYTES, &slot, &image)); /* waits for a free one */
        memset(image, number, BYTES);                               /* a camera writes here */
        check(zp_publisher_put(camera, slot, &number, sizeof number));
        nanosleep(&pause, NULL);
    }
    check(zp_publisher_drain(camera, 10000)); /* the last ones arrive before the session closes */
    zp_pool_statistics pool;
    check(zp_publisher_get_statistics(camera, &pool));
    printf("%llu frames of %d bytes, written in place in %llu slots\n", (unsigned long long)pool.allocations, BYTES,
           (unsigned long long)pool.slots);
    check(zp_publisher_close(camera));
    check(zp_session_close(session));
    return 0;
}
