/* Goes through every call that needs no device and every status that can be had alone in a process. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "expect.h"

enum { BYTES = 10000 };

static zp_session *session;
static const zp_publisher_options two_slots = {.frame_bytes = BYTES, .slots = 2, .wait_ms = 20};

static void opening(void) {
    EXPECT(zp_last_status() == ZP_OK && strcmp(zp_last_error(), "") == 0);
    EXPECT(strcmp(zp_version(), "0.1.0") == 0);
    OK(zp_log_to_standard_error());
    OK(zp_log_to_standard_error());

    zp_session *none = (zp_session *)7;
    FAILS(zp_session_open(ALONE, NULL, NULL), ZP_INVALID_ARGUMENT, "NULL");
    FAILS(zp_session_open("{mode: 5}", NULL, &none), ZP_INVALID_ARGUMENT, "configuration");
    FAILS(zp_session_open("\xff", NULL, &none), ZP_INVALID_ARGUMENT, "UTF-8");
    FAILS(zp_session_open("{", NULL, &none), ZP_INVALID_ARGUMENT, "configuration");
    FAILS(zp_session_open_within("{mode: 'client', scouting: {multicast: {enabled: false}}, connect: {endpoints: "
                                 "['tcp/127.0.0.1:1'], timeout_ms: -1}}", NULL, 200, &none),
          ZP_TIMED_OUT, "zp_session_open_within()");
    EXPECT(none == (zp_session *)7);
    OK(zp_session_open(ALONE, NULL, &session));
}

static void pinners(void) {
    char text[200];
    size_t length = 0;
    zp_pinner *pinner = NULL;
    zp_pinner_statistics statistics;
    FAILS(zp_pinner_open(NULL, NULL), ZP_INVALID_ARGUMENT, "NULL");
    OK(zp_pinner_open(NULL, &pinner));
    OK(zp_pinner_reason(pinner, text, sizeof text, &length));
    EXPECT(strcmp(text, "the application asked for no device") == 0 && length == strlen(text));
    OK(zp_pinner_reason(pinner, text, 5, &length));
    EXPECT(strcmp(text, "the ") == 0 && length > 5);
    OK(zp_pinner_reason(pinner, NULL, 0, &length));
    OK(zp_pinner_reason(pinner, text, sizeof text, NULL));
    FAILS(zp_pinner_reason(pinner, NULL, 5, &length), ZP_INVALID_ARGUMENT, "NULL");
    OK(zp_pinner_device_name(pinner, text, sizeof text, &length));
    EXPECT(length == 0 && text[0] == 0);
    OK(zp_pinner_get_statistics(pinner, &statistics));
    EXPECT(statistics.registered_bytes == 0 && statistics.copies_in_flight == 0 && statistics.holds_leaked == 0);
    FAILS(zp_pinner_get_statistics(pinner, NULL), ZP_INVALID_ARGUMENT, "NULL");

    zp_session *of_pinner = NULL;
    OK(zp_session_open(ALONE, pinner, &of_pinner));
    OK(zp_pinner_close(pinner));
    OK(zp_session_close(of_pinner));
    FAILS(zp_pinner_close(pinner), ZP_CLOSED, "zp_pinner_close()");
    FAILS(zp_session_open(ALONE, pinner, &of_pinner), ZP_CLOSED, "pinner");

    zp_pinner_options options = {.target = ZP_TARGET_CONTEXT};
    FAILS(zp_pinner_open(&options, &pinner), ZP_INVALID_ARGUMENT, "CUcontext");
    options.target = (zp_target)3;
    FAILS(zp_pinner_open(&options, &pinner), ZP_INVALID_ARGUMENT, "zp_target");
    options = (zp_pinner_options){.target = ZP_TARGET_DEVICE, .device = 99, .max_bytes = 1 << 20};
    OK(zp_pinner_open(&options, &pinner));
    OK(zp_pinner_reason(pinner, text, sizeof text, &length));
    EXPECT(length > 10);
    OK(zp_pinner_close(pinner));
    options.reserved[3] = 1;
    FAILS(zp_pinner_open(&options, &pinner), ZP_INVALID_ARGUMENT, "reserved");
}

static void publishing(void) {
    zp_publisher *publisher = NULL;
    zp_publisher_options options = {0};
    FAILS(zp_publisher_declare(session, "calls/image", &options, &publisher), ZP_INVALID_ARGUMENT, "frame_bytes");
    FAILS(zp_publisher_declare(session, "calls/image", NULL, &publisher), ZP_INVALID_ARGUMENT, "options");
    FAILS(zp_publisher_declare(session, NULL, &two_slots, &publisher), ZP_INVALID_ARGUMENT, "key");
    FAILS(zp_publisher_declare(session, "a//b", &two_slots, &publisher), ZP_INVALID_ARGUMENT, "a//b");
    FAILS(zp_publisher_declare(session, "calls/image", &two_slots, NULL), ZP_INVALID_ARGUMENT, "NULL");
    FAILS(zp_publisher_declare(NULL, "calls/image", &two_slots, &publisher), ZP_INVALID_ARGUMENT, "session is NULL");
    options = two_slots;
    options.max_bytes = 4096;
    FAILS(zp_publisher_declare(session, "calls/image", &options, &publisher), ZP_OVER_BUDGET, "raise max_bytes");
    options.max_bytes = 0;
    options.reserved[0] = 1;
    FAILS(zp_publisher_declare(session, "calls/image", &options, &publisher), ZP_INVALID_ARGUMENT, "reserved");
    OK(zp_publisher_declare(session, "calls/image", &two_slots, &publisher));

    zp_slot *slots[3] = {NULL, NULL, NULL};
    void *data = NULL;
    FAILS(zp_publisher_allocate(publisher, 0, &slots[0], &data), ZP_INVALID_ARGUMENT, "zero bytes");
    FAILS(zp_publisher_allocate(publisher, 1 << 20, &slots[0], &data), ZP_INVALID_ARGUMENT, "raise frame_bytes");
    FAILS(zp_publisher_allocate(publisher, BYTES, NULL, &data), ZP_INVALID_ARGUMENT, "NULL");
    OK(zp_publisher_allocate(publisher, BYTES, &slots[0], &data));
    EXPECT((uintptr_t)data % 4096 == 0);
    fill(data, BYTES, 1);
    OK(zp_publisher_allocate_within(publisher, BYTES, 0, &slots[1], NULL));
    size_t bytes = 0;
    void *same = NULL;
    OK(zp_slot_data(slots[0], &same, &bytes));
    EXPECT(same == data && bytes == BYTES);
    OK(zp_slot_data(slots[1], NULL, NULL));
    FAILS(zp_publisher_allocate(publisher, BYTES, &slots[2], NULL), ZP_POOL_FULL, "unsent in this process");
    FAILS(zp_publisher_allocate_within(publisher, BYTES, 0, &slots[2], NULL), ZP_POOL_FULL, "unsent");
    char text[400];
    size_t length;
    OK(zp_publisher_holders(publisher, text, sizeof text, &length));
    EXPECT(strstr(text, "2 unsent") != NULL);
    OK(zp_publisher_quarantine(publisher, text, sizeof text, &length));
    EXPECT(length == 0);
    OK(zp_publisher_lines(publisher, text, sizeof text, &length));
    OK(zp_publisher_reason(publisher, text, sizeof text, &length));
    zp_pool_statistics statistics;
    OK(zp_publisher_get_statistics(publisher, &statistics));
    EXPECT(statistics.slots == 2 && statistics.slot_bytes >= BYTES && statistics.in_use == 2);
    EXPECT(statistics.allocations == 2 && statistics.timeouts >= 1 && statistics.bytes > 2 * BYTES);
    FAILS(zp_publisher_drain(publisher, 1), ZP_TIMED_OUT, "still held");

    OK(zp_slot_wait(slots[0]));
    OK(zp_slot_drop(slots[1]));
    FAILS(zp_slot_drop(slots[1]), ZP_CLOSED, "zp_slot_drop()");
    FAILS(zp_slot_data(slots[1], &data, &bytes), ZP_CLOSED, "slot");
    FAILS(zp_publisher_put(publisher, slots[0], NULL, 3), ZP_INVALID_ARGUMENT, "attachment");
    FAILS(zp_slot_data(slots[0], &data, &bytes), ZP_CLOSED, "slot"); /* given away all the same */
    OK(zp_publisher_drain(publisher, 1000));
    OK(zp_publisher_close(publisher));
    FAILS(zp_publisher_close(publisher), ZP_CLOSED, "zp_publisher_close()");
    FAILS(zp_publisher_allocate(publisher, BYTES, &slots[0], &data), ZP_CLOSED, "publisher");
}

static void put(zp_publisher *publisher, unsigned long long number, const void *attachment, size_t bytes) {
    zp_slot *slot;
    void *data;
    OK(zp_publisher_allocate(publisher, BYTES, &slot, &data));
    fill(data, BYTES, number);
    OK(zp_publisher_put(publisher, slot, attachment, bytes));
}

static void receiving(void) {
    zp_publisher *publisher;
    zp_subscriber *subscriber = NULL, *other = NULL;
    zp_frame *frame = NULL;
    zp_subscriber_options options = {.overflow = (zp_overflow)2};
    FAILS(zp_subscriber_declare(session, "calls/image", &options, &subscriber), ZP_INVALID_ARGUMENT, "zp_overflow");
    options = (zp_subscriber_options){.reserved = {0, 1, 0, 0}};
    FAILS(zp_subscriber_declare(session, "calls/image", &options, &subscriber), ZP_INVALID_ARGUMENT, "reserved");
    FAILS(zp_subscriber_declare(session, "a//b", NULL, &subscriber), ZP_INVALID_ARGUMENT, "a//b");
    options = (zp_subscriber_options){.capacity = 1, .overflow = ZP_REFUSE, .no_line = 1};
    OK(zp_subscriber_declare(session, "calls/image", &options, &other));
    OK(zp_subscriber_declare(session, "calls/*", NULL, &subscriber));
    zp_publisher_options alone = {.frame_bytes = BYTES, .alone = 1};
    OK(zp_publisher_declare(session, "calls/image", &alone, &publisher));

    EXPECT(zp_subscriber_try_receive(subscriber, &frame) == ZP_NOTHING);
    EXPECT(zp_subscriber_receive(subscriber, 5, &frame) == ZP_NOTHING && frame == NULL);
    FAILS(zp_subscriber_receive(subscriber, 5, NULL), ZP_INVALID_ARGUMENT, "NULL");
    put(publisher, 1, "seven", 5);
    put(publisher, 2, NULL, 0);
    OK(zp_subscriber_receive(subscriber, 10000, &frame));

    const void *data = NULL;
    size_t bytes = 0, length = 0;
    const char *key = NULL;
    char text[300];
    int is_shared = 5;
    uint64_t time = 5, overrun = 5;
    zp_path path;
    OK(zp_frame_data(frame, &data, &bytes));
    EXPECT(bytes == BYTES && is_frame(data, bytes, 1));
    OK(zp_frame_data(frame, NULL, NULL));
    OK(zp_frame_key(frame, &key));
    EXPECT(strcmp(key, "calls/image") == 0);
    OK(zp_frame_attachment(frame, &data, &bytes));
    EXPECT(bytes == 5 && memcmp(data, "seven", 5) == 0);
    OK(zp_frame_timestamp(frame, &time));
    OK(zp_frame_is_shared(frame, &is_shared));
    EXPECT(is_shared == 1);
    OK(zp_frame_path(frame, &path));
    EXPECT(path == ZP_HOST);
    OK(zp_frame_reason(frame, text, sizeof text, &length));
    EXPECT(strcmp(text, "the application asked for no device") == 0);
    zp_device_buffer *buffer = NULL;
    FAILS(zp_frame_copy_to_device(frame, 4096, BYTES, NULL), ZP_NO_DEVICE, "no device");
    FAILS(zp_frame_copy_to_device(frame, 0, BYTES, NULL), ZP_INVALID_ARGUMENT, "address");
    FAILS(zp_frame_to_device_buffer(frame, NULL, &buffer), ZP_NO_DEVICE, "readable on the host");
    OK(zp_frame_drop(frame));
    FAILS(zp_frame_drop(frame), ZP_CLOSED, "zp_frame_drop()");
    FAILS(zp_frame_data(frame, &data, &bytes), ZP_CLOSED, "frame");
    FAILS(zp_frame_key(frame, &key), ZP_CLOSED, "frame");

    OK(zp_subscriber_receive(subscriber, 10000, &frame));
    OK(zp_frame_attachment(frame, &data, &bytes));
    EXPECT(data == NULL && bytes == 0);
    OK(zp_frame_drop(frame));
    /* Of the other one, whose queue is one frame, the newer is left. */
    OK(zp_subscriber_receive(other, 10000, &frame));
    OK(zp_frame_data(frame, &data, &bytes));
    EXPECT(is_frame(data, bytes, 2));
    OK(zp_frame_drop(frame));
    OK(zp_subscriber_overrun(other, &overrun));
    EXPECT(overrun == 1);
    OK(zp_subscriber_lines(other, text, sizeof text, &length));
    EXPECT(strstr(text, "switched off") != NULL);
    OK(zp_subscriber_lines(subscriber, text, sizeof text, &length));

    zp_subscriber *both[2] = {other, subscriber};
    size_t which = 9;
    EXPECT(zp_receive_any(both, 2, 1, &which, &frame) == ZP_NOTHING && which == 9);
    FAILS(zp_receive_any(both, 0, 1, &which, &frame), ZP_INVALID_ARGUMENT, "no subscriber");
    FAILS(zp_receive_any(NULL, 2, 1, &which, &frame), ZP_INVALID_ARGUMENT, "NULL");
    put(publisher, 3, NULL, 0);
    OK(zp_receive_any(both, 2, 10000, &which, &frame));
    OK(zp_frame_drop(frame));
    OK(zp_receive_any(both, 2, 10000, NULL, &frame));

    /* A frame keeps what it needs, whatever is closed before it. */
    OK(zp_publisher_close(publisher));
    OK(zp_subscriber_close(subscriber));
    FAILS(zp_subscriber_close(subscriber), ZP_CLOSED, "zp_subscriber_close()");
    FAILS(zp_receive_any(both, 2, 1, &which, &frame), ZP_CLOSED, "subscriber");
    OK(zp_frame_data(frame, &data, &bytes));
    EXPECT(is_frame(data, bytes, 3));
    OK(zp_frame_drop(frame));
    OK(zp_subscriber_close(other));
}

static void released(void *context) { (*(atomic_int *)context)++; }

static void of_memory(void) {
    static const char memory[] = "of a caller";
    atomic_int releases = 0;
    zp_frame *frame = NULL;
    const void *data;
    size_t bytes;
    const char *key;
    FAILS(zp_frame_of_memory(NULL, memory, 0, released, &releases, &frame), ZP_INVALID_ARGUMENT, "no bytes");
    FAILS(zp_frame_of_memory(NULL, NULL, 5, released, &releases, &frame), ZP_INVALID_ARGUMENT, "no bytes");
    FAILS(zp_frame_of_memory(NULL, memory, 5, released, &releases, NULL), ZP_INVALID_ARGUMENT, "NULL");
    FAILS(zp_frame_of_memory((zp_pinner *)session, memory, 5, released, &releases, &frame), ZP_NOT_A_HANDLE, "pinner");
    EXPECT(releases == 0);
    OK(zp_frame_of_memory(NULL, memory, sizeof memory, released, &releases, &frame));
    OK(zp_frame_data(frame, &data, &bytes));
    EXPECT(data == memory && bytes == sizeof memory && releases == 0);
    OK(zp_frame_key(frame, &key));
    EXPECT(key[0] == 0);
    OK(zp_frame_drop(frame));
    EXPECT(releases == 1);
    OK(zp_frame_of_memory(NULL, memory, sizeof memory, NULL, NULL, &frame));
    OK(zp_frame_drop(frame));
}

struct heard {
    atomic_int frames;
    atomic_int wrong;
    zp_listener *_Atomic listener; /* to be closed in its own callback */
    atomic_int closed_with;
};

static void heard(void *context, zp_status status, zp_frame *frame) {
    struct heard *heard = context;
    const void *data = NULL;
    size_t bytes = 0;
    if (status != ZP_OK || zp_frame_data(frame, &data, &bytes) != ZP_OK || bytes != BYTES) heard->wrong++;
    if (zp_frame_drop(frame) != ZP_OK) heard->wrong++;
    zp_listener *listener = heard->listener;
    if (listener != NULL) heard->closed_with = zp_listener_close(listener);
    heard->frames++;
}

static void listening(void) {
    zp_publisher *publisher;
    zp_listener *listener = NULL, *in_its_own = NULL;
    static struct heard first, second;
    uint64_t overrun = 7;
    second.closed_with = 5;
    FAILS(zp_listener_start(session, "calls/heard", NULL, NULL, NULL, &listener), ZP_INVALID_ARGUMENT, "function");
    OK(zp_listener_start(session, "calls/heard", NULL, heard, &first, &listener));
    OK(zp_listener_start(session, "calls/heard", NULL, heard, &second, &in_its_own));
    OK(zp_publisher_declare(session, "calls/heard", &(zp_publisher_options){.frame_bytes = BYTES}, &publisher));
    put(publisher, 1, NULL, 0);
    EVENTUALLY(first.frames == 1 && second.frames == 1);
    second.listener = in_its_own;
    put(publisher, 2, NULL, 0);
    EVENTUALLY(first.frames == 2 && second.frames == 2);
    EXPECT(second.closed_with == ZP_OK);
    FAILS(zp_listener_close(in_its_own), ZP_CLOSED, "zp_listener_close()");
    put(publisher, 3, NULL, 0);
    EVENTUALLY(first.frames == 3);
    OK(zp_listener_overrun(listener, &overrun));
    EXPECT(overrun == 0);
    OK(zp_listener_close(listener));
    put(publisher, 4, NULL, 0);
    OK(zp_publisher_drain(publisher, 10000));
    EXPECT(first.frames == 3 && second.frames == 2 && first.wrong == 0 && second.wrong == 0);
    OK(zp_publisher_close(publisher));
}

/* What is left of a session that was closed. */
static void closing(void) {
    zp_publisher *publisher;
    zp_subscriber *subscriber;
    zp_slot *slot;
    zp_frame *frame = NULL;
    zp_publisher *another = NULL;
    OK(zp_publisher_declare(session, "calls/image", &two_slots, &publisher));
    OK(zp_subscriber_declare(session, "calls/image", NULL, &subscriber));
    OK(zp_publisher_allocate(publisher, BYTES, &slot, NULL));
    put(publisher, 1, NULL, 0);
    OK(zp_session_close(session));
    FAILS(zp_session_close(session), ZP_CLOSED, "zp_session_close()");
    FAILS(zp_publisher_declare(session, "calls/image", &two_slots, &another), ZP_CLOSED, "session");
    FAILS(zp_publisher_put(publisher, slot, NULL, 0), ZP_CLOSED, "session is closed");
    OK(zp_subscriber_receive(subscriber, 1000, &frame)); /* what had come before */
    OK(zp_frame_drop(frame));
    FAILS(zp_subscriber_receive(subscriber, 1000, &frame), ZP_CLOSED, "session is closed");
    OK(zp_publisher_drain(publisher, 10000));
    OK(zp_publisher_close(publisher));
    OK(zp_subscriber_close(subscriber));
}

int main(void) {
    opening();
    pinners();
    publishing();
    receiving();
    listening();
    of_memory();
    closing();
    return 0;
}
