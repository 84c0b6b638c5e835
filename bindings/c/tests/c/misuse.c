/* What no program should do, as far as it can be told: each is a status and a message. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

static zp_session *session;
static zp_publisher *publisher;
static zp_subscriber *subscriber;

static zp_frame *a_frame(void) {
    zp_slot *slot;
    zp_frame *frame = NULL;
    OK(zp_publisher_allocate(publisher, 100, &slot, NULL));
    OK(zp_publisher_put(publisher, slot, NULL, 0));
    OK(zp_subscriber_receive(subscriber, 10000, &frame));
    return frame;
}

/* Handles of one kind in the place of another, numbers that never were handles, and NULL. */
static void other_handles(void) {
    size_t bytes;
    uint64_t number;
    zp_frame *frame = a_frame();
    FAILS(zp_frame_drop((zp_frame *)session), ZP_NOT_A_HANDLE, "no frame");
    FAILS(zp_frame_data((zp_frame *)publisher, NULL, &bytes), ZP_NOT_A_HANDLE, "no frame");
    FAILS(zp_session_close((zp_session *)frame), ZP_NOT_A_HANDLE, "no session");
    FAILS(zp_subscriber_overrun((zp_subscriber *)(uintptr_t)1, &number), ZP_NOT_A_HANDLE, "no subscriber");
    int on_the_stack = 0;
    FAILS(zp_slot_drop((zp_slot *)&on_the_stack), ZP_NOT_A_HANDLE, "no slot");
    FAILS(zp_slot_drop((zp_slot *)((uintptr_t)frame + 1)), ZP_NOT_A_HANDLE, "no slot");
    FAILS(zp_listener_close((zp_listener *)UINTPTR_MAX), ZP_NOT_A_HANDLE, "no listener");
    FAILS(zp_pinner_close(NULL), ZP_INVALID_ARGUMENT, "pinner is NULL");
    FAILS(zp_device_buffer_wait(NULL), ZP_INVALID_ARGUMENT, "device buffer is NULL");
    FAILS(zp_frame_drop(NULL), ZP_INVALID_ARGUMENT, "frame is NULL");
    OK(zp_frame_drop(frame));
    /* The next one may have the same place, and is another one all the same. */
    zp_frame *next = a_frame();
    FAILS(zp_frame_drop(frame), ZP_CLOSED, "zp_frame_drop()");
    OK(zp_frame_drop(next));
}

/* The last error is the thread's. */
static void *another_thread(void *handle) {
    EXPECT(zp_last_status() == ZP_OK && zp_last_error()[0] == 0);
    FAILS(zp_frame_drop(NULL), ZP_INVALID_ARGUMENT, "frame is NULL");
    OK(zp_frame_drop(handle)); /* handles are of no thread */
    return NULL;
}

static void other_threads(void) {
    FAILS(zp_slot_drop(NULL), ZP_INVALID_ARGUMENT, "slot is NULL");
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, another_thread, a_frame()) == 0 && pthread_join(thread, NULL) == 0);
    EXPECT(zp_last_status() == ZP_INVALID_ARGUMENT && strstr(zp_last_error(), "slot is NULL"));
}

/* Many threads that drop the same frames: each goes once. */
enum { FRAMES = 64, THREADS = 4 };
static zp_frame *shared[FRAMES];
static atomic_int dropped, closed;

static void *dropping(void *unused) {
    for (int index = 0; index < FRAMES; index++) {
        const void *data;
        size_t bytes;
        zp_status status = zp_frame_data(shared[index], &data, &bytes);
        EXPECT(status == ZP_OK || status == ZP_CLOSED);
        switch (zp_frame_drop(shared[index])) {
        case ZP_OK: dropped++; break;
        case ZP_CLOSED: closed++; break;
        default: EXPECT(!"another status");
        }
    }
    return unused;
}

static void at_once(void) {
    for (int index = 0; index < FRAMES; index++) shared[index] = a_frame();
    pthread_t threads[THREADS];
    for (int index = 0; index < THREADS; index++) EXPECT(!pthread_create(&threads[index], NULL, dropping, NULL));
    for (int index = 0; index < THREADS; index++) EXPECT(!pthread_join(threads[index], NULL));
    EXPECT(dropped == FRAMES && closed == FRAMES * (THREADS - 1));
    zp_pool_statistics statistics;
    EVENTUALLY(zp_publisher_get_statistics(publisher, &statistics) == ZP_OK && statistics.in_use == 0);
}

/* A wait ends when its handle is closed. */
static atomic_int waits;

static void *receiving(void *handle) {
    zp_frame *frame = NULL;
    waits++;
    FAILS(zp_subscriber_receive(handle, 600000, &frame), ZP_CLOSED, "closed while this call waited");
    return NULL;
}

static void *receiving_any(void *handle) {
    zp_frame *frame = NULL;
    zp_subscriber *all[2] = {subscriber, handle};
    waits++;
    FAILS(zp_receive_any(all, 2, 600000, NULL, &frame), ZP_CLOSED, "closed while this call waited");
    return NULL;
}

static void *allocating(void *handle) {
    zp_slot *slot = NULL;
    waits++;
    FAILS(zp_publisher_allocate_within(handle, 100, 600000, &slot, NULL), ZP_CLOSED, "closed while this call waited");
    return NULL;
}

static void *draining(void *handle) {
    waits++;
    FAILS(zp_publisher_drain(handle, 600000), ZP_CLOSED, "closed while this call waited");
    return NULL;
}

static void waiting(void) {
    zp_subscriber *waited;
    zp_publisher *full;
    zp_slot *slot;
    OK(zp_subscriber_declare(session, "misuse/nothing", NULL, &waited));
    OK(zp_publisher_declare(session, "misuse/full", &(zp_publisher_options){.frame_bytes = 100, .slots = 1}, &full));
    OK(zp_publisher_allocate(full, 100, &slot, NULL));
    pthread_t threads[4];
    EXPECT(!pthread_create(&threads[0], NULL, receiving, waited));
    EXPECT(!pthread_create(&threads[1], NULL, receiving_any, waited));
    EXPECT(!pthread_create(&threads[2], NULL, allocating, full));
    EXPECT(!pthread_create(&threads[3], NULL, draining, full));
    EVENTUALLY(waits == 4);
    zp_pool_statistics statistics;
    EVENTUALLY(zp_publisher_get_statistics(full, &statistics) == ZP_OK && statistics.waits == 1);
    OK(zp_subscriber_close(waited));
    OK(zp_publisher_close(full));
    for (int index = 0; index < 4; index++) EXPECT(!pthread_join(threads[index], NULL));
    void *data;
    OK(zp_slot_data(slot, &data, NULL)); /* it outlives its publisher */
    memset(data, 1, 100);
    OK(zp_slot_drop(slot));
}

static void in_the_child(zp_frame *frame, zp_slot *slot) {
    zp_session *none = NULL;
    zp_pinner *pinner = NULL;
    size_t bytes;
    FAILS(zp_frame_data(frame, NULL, &bytes), ZP_FORKED, "exec");
    FAILS(zp_frame_drop(frame), ZP_FORKED, "exec");
    FAILS(zp_publisher_put(publisher, slot, NULL, 0), ZP_FORKED, "exec");
    FAILS(zp_subscriber_receive(subscriber, 1000, &frame), ZP_FORKED, "exec");
    FAILS(zp_session_open(ALONE, NULL, &none), ZP_FORKED, "exec");
    FAILS(zp_pinner_open(NULL, &pinner), ZP_FORKED, "exec");
    FAILS(zp_session_close(session), ZP_FORKED, "exec");
    FAILS(zp_publisher_close(publisher), ZP_FORKED, "exec");
    FAILS(zp_slot_drop(NULL), ZP_FORKED, "exec");
}

/* While other threads make calls, which have locks when the child is made. */
static atomic_int ends;

static void *calling(void *frame) {
    const void *data;
    while (!ends) OK(zp_frame_data(frame, &data, NULL));
    return NULL;
}

static void forking(void) {
    zp_frame *frame = a_frame();
    zp_slot *slot;
    OK(zp_publisher_allocate(publisher, 100, &slot, NULL));
    pthread_t thread;
    EXPECT(!pthread_create(&thread, NULL, calling, frame));
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            alarm(60);
            in_the_child(frame, slot);
            _exit(0);
        }
        int status = -1;
        EXPECT(waitpid(child, &status, 0) == child && status == 0);
    }
    ends = 1;
    EXPECT(!pthread_join(thread, NULL));
    /* Nothing of the parent's has been touched. */
    OK(zp_publisher_put(publisher, slot, NULL, 0));
    OK(zp_frame_drop(frame));
    OK(zp_subscriber_receive(subscriber, 10000, &frame));
    OK(zp_frame_drop(frame));
}

/* A child that was forked before the first call is a process like any other. */
static void forked_first(void) {
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        zp_session *own = NULL;
        OK(zp_session_open(ALONE, NULL, &own));
        OK(zp_session_close(own));
        _exit(0);
    }
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    forked_first();
    OK(zp_session_open(ALONE, NULL, &session));
    zp_publisher_options options = {.frame_bytes = 100, .slots = FRAMES + 2};
    zp_subscriber_options queue = {.capacity = FRAMES};
    OK(zp_subscriber_declare(session, "misuse/image", &queue, &subscriber));
    OK(zp_publisher_declare(session, "misuse/image", &options, &publisher));
    other_handles();
    other_threads();
    at_once();
    waiting();
    forking();
    OK(zp_publisher_close(publisher));
    OK(zp_subscriber_close(subscriber));
    OK(zp_session_close(session));
    return 0;
}
