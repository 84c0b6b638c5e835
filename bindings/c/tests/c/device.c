/* Copies to and from a device whose driver executes them late. The pool has one slot. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#include "driver.h"

enum { BYTES = 1 << 20 };

static void *context, *stream;
static uint64_t memory;
static unsigned char host[BYTES];

static zp_pinner *pinner;
static zp_session *session;
static zp_publisher *publisher;
static zp_subscriber *subscriber;

static uint64_t in_flight(void) {
    zp_pinner_statistics statistics;
    OK(zp_pinner_get_statistics(pinner, &statistics));
    EXPECT(statistics.holds_leaked == 0);
    return statistics.copies_in_flight;
}

static zp_frame *a_frame(unsigned number) {
    zp_slot *slot;
    zp_frame *frame = NULL;
    void *data;
    OK(zp_publisher_allocate_within(publisher, BYTES, 10000, &slot, &data));
    fill(data, BYTES, number);
    OK(zp_publisher_put(publisher, slot, NULL, 0));
    OK(zp_subscriber_receive(subscriber, 10000, &frame));
    return frame;
}

static zp_path path_of(zp_frame *frame) {
    zp_path path;
    OK(zp_frame_path(frame, &path));
    return path;
}

static zp_frame *a_direct_frame(unsigned number) {
    zp_frame *frame = a_frame(number);
    EVENTUALLY(path_of(frame) == ZP_DIRECT);
    return frame;
}

static void a_dropped_frame_is_held_until_its_copy_has_been_made(void) {
    zp_slot *slot = NULL;
    char reason[100];
    zp_frame *frame = a_direct_frame(1);
    OK(zp_frame_reason(frame, reason, sizeof reason, NULL));
    EXPECT(reason[0] == 0);
    FAILS(zp_frame_copy_to_device(frame, memory, BYTES - 1, stream), ZP_INVALID_ARGUMENT, "do not fit");
    OK(zp_frame_copy_to_device(frame, memory, BYTES, stream));
    OK(zp_frame_drop(frame));
    EXPECT(in_flight() == 1 && no_context_is_current());
    /* Its slot is the only one, and nobody may write it yet. */
    FAILS(zp_publisher_allocate_within(publisher, BYTES, 0, &slot, NULL), ZP_POOL_FULL, "slots");
    synchronize(context, stream);
    to_host(context, host, memory, BYTES);
    EXPECT(is_frame(host, BYTES, 1));
    EVENTUALLY(in_flight() == 0);
    OK(zp_publisher_allocate_within(publisher, BYTES, 10000, &slot, NULL));
    OK(zp_slot_drop(slot));
}

static void a_buffer_has_the_bytes_and_can_be_lent_and_copied_back(void) {
    zp_device_buffer *buffer = NULL, *none = NULL;
    uint64_t address = 0;
    size_t bytes = 0;
    zp_path path;
    char reason[100];
    zp_frame *frame = a_direct_frame(2);
    FAILS(zp_frame_to_device_buffer(frame, stream, NULL), ZP_INVALID_ARGUMENT, "NULL");
    OK(zp_frame_to_device_buffer(frame, NULL, &buffer));
    OK(zp_frame_drop(frame));
    EXPECT(no_context_is_current());
    OK(zp_device_buffer_address(buffer, &address, &bytes));
    EXPECT(address != 0 && bytes == BYTES);
    OK(zp_device_buffer_path(buffer, &path));
    OK(zp_device_buffer_reason(buffer, reason, sizeof reason, NULL));
    EXPECT(path == ZP_DIRECT && reason[0] == 0);
    OK(zp_device_buffer_lend_to(buffer, stream));
    FAILS(zp_device_buffer_copy_to_host(buffer, host, BYTES + 1), ZP_INVALID_ARGUMENT, "do not fit");
    FAILS(zp_device_buffer_copy_to_host(buffer, NULL, BYTES), ZP_INVALID_ARGUMENT, "NULL");
    OK(zp_device_buffer_wait(buffer));
    OK(zp_device_buffer_copy_to_host(buffer, host, BYTES));
    EXPECT(is_frame(host, BYTES, 2));
    OK(zp_device_buffer_drop(buffer));
    FAILS(zp_device_buffer_drop(buffer), ZP_CLOSED, "zp_device_buffer_drop()");
    FAILS(zp_device_buffer_wait(none), ZP_INVALID_ARGUMENT, "NULL");
}

static zp_slot *copied_back(unsigned number) {
    zp_slot *slot;
    DRIVER(cuCtxSetCurrent, (void *), context);
    fill(host, BYTES, number);
    DRIVER(cuMemcpyHtoD_v2, (uint64_t, const void *, size_t), memory, host, BYTES);
    DRIVER(cuCtxSetCurrent, (void *), NULL);
    OK(zp_publisher_allocate_within(publisher, BYTES, 10000, &slot, NULL));
    FAILS(zp_slot_copy_from_device(slot, pinner, memory, BYTES - 1, stream), ZP_INVALID_ARGUMENT, "do not fit");
    FAILS(zp_slot_copy_from_device(slot, pinner, 0, BYTES, stream), ZP_INVALID_ARGUMENT, "0x0");
    OK(zp_slot_copy_from_device(slot, pinner, memory, BYTES, stream));
    return slot;
}

static atomic_int waits;

static void *waiting(void *slot) {
    waits = 1;
    OK(zp_slot_wait(slot));
    waits = 2;
    return NULL;
}

static void a_slot_that_a_device_writes_is_put_when_it_is_written(void) {
    void *data = NULL;
    zp_frame *frame = NULL;
    const void *received;
    OK(zp_publisher_register(publisher, pinner));
    zp_slot *slot = copied_back(3);
    FAILS(zp_slot_data(slot, &data, NULL), ZP_BUSY, "zp_slot_wait()");
    FAILS(zp_slot_copy_from_device(slot, pinner, memory, BYTES, stream), ZP_BUSY, "zp_slot_wait()");
    OK(zp_slot_wait(slot));
    OK(zp_slot_data(slot, &data, NULL));
    EXPECT(is_frame(data, BYTES, 3));
    OK(zp_slot_drop(slot));

    /* Nobody waits, and the frame is whole. */
    slot = copied_back(4);
    OK(zp_publisher_put(publisher, slot, NULL, 0));
    OK(zp_subscriber_receive(subscriber, 10000, &frame));
    OK(zp_frame_data(frame, &received, NULL));
    EXPECT(is_frame(received, BYTES, 4));
    OK(zp_frame_drop(frame));

    /* It goes back to the pool when the device writes it no more. */
    slot = copied_back(5);
    OK(zp_slot_drop(slot));
    FAILS(zp_publisher_allocate_within(publisher, BYTES, 0, &slot, NULL), ZP_POOL_FULL, "slots");
    OK(zp_publisher_allocate_within(publisher, BYTES, 10000, &slot, NULL));
    OK(zp_slot_drop(slot));

    /* The wrong thread: another one waits for this very slot. */
    slot = copied_back(6);
    pthread_t thread;
    EXPECT(!pthread_create(&thread, NULL, waiting, slot));
    while (waits == 0) pause_for_a_millisecond();
    pause_for_a_millisecond();
    if (waits == 1) {
        zp_status status = zp_publisher_put(publisher, slot, NULL, 0);
        EXPECT(status == ZP_BUSY && strstr(zp_last_error(), "another thread") != NULL);
        EXPECT(zp_slot_drop(slot) == ZP_BUSY && zp_slot_data(slot, &data, NULL) == ZP_BUSY);
    }
    EXPECT(!pthread_join(thread, NULL));
    OK(zp_slot_drop(slot));
}

/* What is not in shared memory is staged, and comes back. */
static void released(void *context) { *(atomic_int *)context = 1; }

static void memory_of_the_application_is_copied_and_given_back(void) {
    unsigned char *own = malloc(BYTES);
    static atomic_int is_released;
    zp_frame *frame = NULL;
    EXPECT(own != NULL);
    fill(own, BYTES, 8);
    OK(zp_frame_of_memory(pinner, own, BYTES, released, &is_released, &frame));
    OK(zp_frame_copy_to_device(frame, memory, BYTES, stream));
    EXPECT(path_of(frame) == ZP_STAGED || path_of(frame) == ZP_PAGEABLE);
    OK(zp_frame_drop(frame));
    EVENTUALLY(is_released);
    free(own);
    synchronize(context, stream);
    to_host(context, host, memory, BYTES);
    EXPECT(is_frame(host, BYTES, 8));
}

/* With everything closed before it, a copy in flight still has its source. */
static void a_copy_outlives_all_handles(void) {
    zp_frame *frame = a_direct_frame(7);
    OK(zp_frame_copy_to_device(frame, memory, BYTES, stream));
    OK(zp_frame_drop(frame));
    OK(zp_publisher_close(publisher));
    OK(zp_subscriber_close(subscriber));
    OK(zp_session_close(session));
    OK(zp_pinner_close(pinner));
    synchronize(context, stream);
    to_host(context, host, memory, BYTES);
    EXPECT(is_frame(host, BYTES, 7));
}

int main(void) {
    char text[100];
    context = own_context();
    stream = own_stream(context);
    memory = device_memory(context, BYTES);
    zp_pinner_options of_context = {.target = ZP_TARGET_CONTEXT, .context = context};
    OK(zp_pinner_open(&of_context, &pinner));
    OK(zp_pinner_reason(pinner, text, sizeof text, NULL));
    EXPECT(text[0] == 0);
    OK(zp_pinner_device_name(pinner, text, sizeof text, NULL));
    EXPECT(text[0] != 0 && no_context_is_current());
    printf("%s\n", text);
    OK(zp_session_open(ALONE, pinner, &session));
    OK(zp_subscriber_declare(session, "device/image", NULL, &subscriber));
    zp_publisher_options one_slot = {.frame_bytes = BYTES, .slots = 1};
    OK(zp_publisher_declare(session, "device/image", &one_slot, &publisher));
    a_dropped_frame_is_held_until_its_copy_has_been_made();
    a_buffer_has_the_bytes_and_can_be_lent_and_copied_back();
    a_slot_that_a_device_writes_is_put_when_it_is_written();
    memory_of_the_application_is_copied_and_given_back();
    a_copy_outlives_all_handles();
    return 0;
}
