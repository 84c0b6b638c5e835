/* zenoh-pinned for C: frames in page-locked shared memory, from one process to another one's GPU with one DMA.
 *
 * A producer writes into a slot of its pool and puts it; a consumer receives it as a frame and reads it where it lies,
 * or has it copied to its device. Either may be plain zenoh 1.10 on the other side, in any language.
 *
 *     zp_session *session;                                      zp_session *session;
 *     zp_publisher *camera;                                     zp_subscriber *frames;
 *     zp_publisher_options options = {.frame_bytes = N};        zp_frame *frame;
 *     zp_session_open(NULL, NULL, &session);                    zp_session_open(NULL, NULL, &session);
 *     zp_publisher_declare(session, "camera/front", &options,   zp_subscriber_declare(session, "camera/front", NULL,
 *                          &camera);                                                  &frames);
 *     for (;;) {                                                for (;;) {
 *         zp_slot *slot;                                            if (zp_subscriber_receive(frames, 1000, &frame))
 *         void *image;                                                  break;
 *         zp_publisher_allocate(camera, N, &slot, &image);          zp_frame_data(frame, &image, &bytes);
 *         ... write N bytes to image ...                            ... read them ...
 *         zp_publisher_put(camera, slot, NULL, 0);                  zp_frame_drop(frame);
 *     }                                                         }
 *
 * Build it: cc program.c $(pkg-config --cflags --libs zenoh_pinned), or CMake's find_package(zenoh_pinned).
 *
 * Rules for every call:
 *   - It answers a status. A negative one is an error: zp_last_error() tells this thread what it was and what to do, in
 *     English. Where an error is answered, nothing has been stored in the caller's places.
 *   - Any thread may make any call, and several at once with one handle. A call on a handle that another thread
 *     closes meanwhile either takes effect before or answers ZP_CLOSED. The one exception is a slot, which one thread
 *     at a time may use: the second one's call is ZP_BUSY.
 *   - What a call hands out through a zp_... ** is the caller's, to be closed or dropped once. They may go in any
 *     order: what others of them still need stays until those have gone.
 *   - A handle is no address but a number that the library looks up. So a handle that was closed is ZP_CLOSED, and
 *     one that was never handed out, or is of another kind, ZP_NOT_A_HANDLE: neither is undefined.
 *   - Pointers are to memory of the caller that has the type's size and alignment. Strings end with a zero, in
 *     UTF-8. NULL is ZP_INVALID_ARGUMENT but where it is said to be allowed.
 *   - In a child that was forked after the first call, all calls are ZP_FORKED, and nothing of the parent's is touched.
 *     Start processes with exec, or fork before the first call.
 *   - Every wait has a deadline, in milliseconds. Closing the handle that another thread waits on ends its wait within
 *     50 ms, as ZP_CLOSED. Signals do not end a wait.
 *   - No call unwinds: a fault of the library is ZP_PANIC.
 */
#ifndef ZENOH_PINNED_H
#define ZENOH_PINNED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum zp_status {
    ZP_OK = 0,
    ZP_NOTHING = 1, /* no frame has come within that time; not an error */

    ZP_INVALID_ARGUMENT = -1, /* NULL, no UTF-8, no configuration, no key expression, or a size that cannot be */
    ZP_NOT_A_HANDLE = -2,     /* never handed out by this library, or of another kind */
    ZP_CLOSED = -3,           /* closed, dropped or given away before; or what it needs is */
    ZP_BUSY = -4,             /* another thread is in a call with this slot */
    ZP_FORKED = -5,           /* this process was forked from one that uses the library */
    ZP_POOL_FULL = -6,        /* no slot came free in time; or a subscriber that refuses to lose frames has no room */
    ZP_TIMED_OUT = -7,        /* something else did not end in time */
    ZP_OVER_BUDGET = -8,      /* a bound of the pool's, of this user's on the host, or of the cgroup's */
    ZP_NO_MEMORY = -9,        /* /dev/shm is full, or the device's memory */
    ZP_FRAME_REFUSED = -10,   /* a payload that is not what it claims to be; the next one can be received */
    ZP_NOT_ON_THE_LINE = -11, /* what a publisher that is alone cannot send */
    ZP_NO_DEVICE = -12,       /* the pinner has none: read the frame on the host */
    ZP_CONTEXT_LOST = -13,    /* the CUDA context has failed or is gone: close the pinner and open another one */
    ZP_CUDA = -14,            /* the driver has refused */
    ZP_ZENOH = -15,           /* zenoh has refused */
    ZP_SYSTEM = -16,          /* a system call has failed */
    ZP_PANIC = -17            /* a fault of this library */
} zp_status;

/* The way of a frame's bytes to the device. */
typedef enum zp_path {
    ZP_DIRECT = 0,   /* one DMA out of the producer's slot */
    ZP_STAGED = 1,   /* one copy by the CPU, then a DMA */
    ZP_PAGEABLE = 2, /* the driver's own copy */
    ZP_HOST = 3      /* none: there is no device */
} zp_path;

/* What happens to a frame for a subscriber that has as many unread as it wants, where it comes by a line. */
typedef enum zp_overflow {
    ZP_DROP_OLDEST = 0, /* the oldest makes room, and is counted */
    ZP_REFUSE = 1       /* the publisher waits, as long as for a slot, and fails: nothing is lost */
} zp_overflow;

typedef struct zp_pinner zp_pinner;               /* a device, what is registered for it, and copies in flight */
typedef struct zp_session zp_session;             /* a session of zenoh's */
typedef struct zp_publisher zp_publisher;         /* a publisher and its pool */
typedef struct zp_slot zp_slot;                   /* a piece of a pool while it is written */
typedef struct zp_subscriber zp_subscriber;       /* frames that are received by asking */
typedef struct zp_listener zp_listener;           /* frames that are received by callback */
typedef struct zp_frame zp_frame;                 /* received bytes; they keep their producer's slot */
typedef struct zp_device_buffer zp_device_buffer; /* a frame's bytes on the device */

/* Of structures of options, all zero is what most programs want. */

/* ---- This thread's last error, and the library. ---- */

/* Of this thread's last call that failed: its status, and its cause and remedy in words. The text is valid until this
 * thread's next failing call. ZP_OK and "" where none has failed. */
zp_status zp_last_status(void);
const char *zp_last_error(void);
/* The version of the library, for instance "0.1.0". Static. */
const char *zp_version(void);
/* Prints warnings of the library to standard error from now on, and what else the environment variable RUST_LOG names.
 * Quiet without it; a second call has no effect. */
zp_status zp_log_to_standard_error(void);

/* ---- Texts. ----
 * Calls with the three last arguments `text`, `capacity` and `length` write a text and its zero into the caller's
 * `capacity` bytes, cut at the end of a character where it does not fit, and the length of the whole one, without the
 * zero, to *length. `text` may be NULL where `capacity` is 0; `length` may be NULL. */

/* ---- Pinners. ---- */

typedef enum zp_target {
    ZP_TARGET_HOST = 0,   /* frames stay on the host; CUDA is not touched */
    ZP_TARGET_DEVICE = 1, /* the primary context of a device, which the CUDA runtime uses as well */
    ZP_TARGET_CONTEXT = 2 /* a context of the application's, which stays until all that is made of this has gone */
} zp_target;

typedef struct zp_pinner_options {
    zp_target target;
    uint32_t device;         /* for ZP_TARGET_DEVICE: its number */
    void *context;           /* for ZP_TARGET_CONTEXT: a CUcontext */
    uint64_t max_bytes;      /* the most that is ever registered; 0: 1 GiB */
    uint64_t max_host_bytes; /* the most of all processes of this user; 0: half of the machine's memory */
    uint32_t staging_slots;  /* 0: three; for frames that cannot be direct */
    size_t staging_bytes;    /* 0: 8 MiB each; they grow */
    uint64_t time_to_live_ms; /* 0: 30 s; after that what is registered and not used is given back */
    uint64_t reserved[4];    /* zero */
} zp_pinner_options;

typedef struct zp_pinner_statistics {
    uint64_t registered_bytes;
    uint64_t copies_in_flight; /* copies whose source is still held */
    uint64_t holds_leaked;     /* those that stay held until the process ends, as their context was lost */
} zp_pinner_statistics;

/* Opens a device, or none: options may be NULL. Loads the CUDA driver where a device is asked for. Succeeds also where
 * there is no such device: frames then stay on the host, and zp_pinner_reason() says why. */
zp_status zp_pinner_open(const zp_pinner_options *options, zp_pinner **pinner);
/* Why there is no device, or why its context is lost; the empty text where there is one. */
zp_status zp_pinner_reason(zp_pinner *pinner, char *text, size_t capacity, size_t *length);
/* The device's name as the driver has it; the empty text without a device. */
zp_status zp_pinner_device_name(zp_pinner *pinner, char *text, size_t capacity, size_t *length);
zp_status zp_pinner_get_statistics(zp_pinner *pinner, zp_pinner_statistics *statistics);
/* Lets go of the pinner; the device is given up when sessions, subscribers and frames with this pinner have gone too.
 * The last to go may wait some seconds for copies in flight. */
zp_status zp_pinner_close(zp_pinner *pinner);

/* ---- Sessions. ---- */

/* Opens a session with this configuration of zenoh's in JSON5, or NULL for zenoh's default, whose received frames are
 * on their way to `pinner`'s device; NULL is the host only. Waits up to 30 s for the peers that the configuration
 * names. */
zp_status zp_session_open(const char *json5, zp_pinner *pinner, zp_session **session);
/* The same within a time of yours. */
zp_status zp_session_open_within(const char *json5, zp_pinner *pinner, uint64_t timeout_ms, zp_session **session);
/* Closes the session. Its publishers and subscribers go on existing, and answer ZP_CLOSED. */
zp_status zp_session_close(zp_session *session);

/* ---- Publishers and slots. ---- */

typedef struct zp_publisher_options {
    size_t frame_bytes;   /* the largest frame; has to be given */
    uint32_t slots;       /* 0: 8 */
    uint32_t alone;       /* not 0: nobody else publishes on this key, on any machine; one wake-up for each frame */
    uint32_t no_line;     /* not 0: frames go by zenoh only */
    uint64_t max_bytes;   /* the most shared memory of the pool; 0: what the slots need */
    uint64_t wait_ms;     /* how long an allocation waits for a slot; 0: one second */
    uint64_t reserved[4]; /* zero */
} zp_publisher_options;

/* What a pool has done so far, and has just now. */
typedef struct zp_pool_statistics {
    uint64_t slots;               /* that it may have */
    uint64_t slot_bytes;          /* of the largest slots */
    uint64_t in_use;              /* being written, on their way, or held by a consumer */
    uint64_t segments;            /* shared-memory files */
    uint64_t bytes;               /* of these segments */
    uint64_t allocations;         /* slots handed out */
    uint64_t waits;               /* allocations that waited */
    uint64_t timeouts;            /* allocations that failed, as their time was over */
    uint64_t waited_ns;           /* over all allocations */
    uint64_t rejected_releases;   /* somebody wrote to zenoh's metadata */
    uint64_t reclaimed;           /* slots taken back from consumers that had died */
    uint64_t quarantined;         /* slots that nobody confirms to hold and that cannot be taken back yet */
    uint64_t tombstones;          /* headers of reclaimed slots that wait for late references */
    uint64_t segments_given_back; /* that the pool had grown by */
} zp_pool_statistics;

/* Makes a pool and declares a publisher of its slots. Waits up to 0.2 s for the subscribers that are there already. */
zp_status zp_publisher_declare(zp_session *session, const char *key, const zp_publisher_options *options,
                               zp_publisher **publisher);
/* A slot of `bytes` bytes, and in *data where to write them: page-aligned, writable until the slot is put or dropped.
 * `data` may be NULL. Waits as long as the options say while all slots are in use, then ZP_POOL_FULL says by whom. */
zp_status zp_publisher_allocate(zp_publisher *publisher, size_t bytes, zp_slot **slot, void **data);
/* The same with a time of its own; 0 takes what is free. */
zp_status zp_publisher_allocate_within(zp_publisher *publisher, size_t bytes, uint64_t timeout_ms, zp_slot **slot,
                                       void **data);
/* Publishes the slot without a copy, with `attachment_bytes` bytes beside it that are copied; `attachment` may be NULL
 * where there are none. The slot is given away, also where this fails, but for ZP_BUSY: it is back in the pool then. */
zp_status zp_publisher_put(zp_publisher *publisher, zp_slot *slot, const void *attachment, size_t attachment_bytes);
/* Waits until no consumer holds a frame any more: before the session is closed, so that the last ones arrive.
 * ZP_TIMED_OUT says who still holds some. */
zp_status zp_publisher_drain(zp_publisher *publisher, uint64_t timeout_ms);
zp_status zp_publisher_get_statistics(zp_publisher *publisher, zp_pool_statistics *statistics);
/* Who has the pool's slots just now, in one line. */
zp_status zp_publisher_holders(zp_publisher *publisher, char *text, size_t capacity, size_t *length);
/* Why slots do not come back from consumers that have died or stand still, a line for each reason; empty where all do
 * come back. */
zp_status zp_publisher_quarantine(zp_publisher *publisher, char *text, size_t capacity, size_t *length);
/* What stands between this publisher and each subscriber of this library's: a line, or why not. One a line. */
zp_status zp_publisher_lines(zp_publisher *publisher, char *text, size_t capacity, size_t *length);
/* Why the pool has ordinary memory, so that frames are copied; the empty text where it has shared memory. */
zp_status zp_publisher_reason(zp_publisher *publisher, char *text, size_t capacity, size_t *length);
/* Has the pool's memory registered for the pinner's device, in the background: for zp_slot_copy_from_device(). */
zp_status zp_publisher_register(zp_publisher *publisher, zp_pinner *pinner);
/* Undeclares it. Slots and frames of its pool stay as long as somebody has them. */
zp_status zp_publisher_close(zp_publisher *publisher);

/* Where the slot's bytes are, and how many. Either place may be NULL. ZP_BUSY while a device writes them. */
zp_status zp_slot_data(zp_slot *slot, void **data, size_t *bytes);
/* Enqueues a copy of `bytes` bytes, as many as the slot has, from the device address (a CUdeviceptr) on a stream (a
 * CUstream of the pinner's context; NULL is the default stream), and returns. The device memory stays as it is until
 * the copy has executed. Whoever puts the slot waits for the copy first; who drops it need not. Where it fails, the
 * slot's memory has gone back to the pool, and the slot can only be dropped. */
zp_status zp_slot_copy_from_device(zp_slot *slot, zp_pinner *pinner, uint64_t address, size_t bytes, void *stream);
/* Waits for that copy; ZP_OK at once where there is none. */
zp_status zp_slot_wait(zp_slot *slot);
/* Gives the slot back to its pool, unsent. */
zp_status zp_slot_drop(zp_slot *slot);

/* ---- Subscribers and listeners. ---- */

typedef struct zp_subscriber_options {
    size_t capacity;      /* frames that may wait, each in a slot of its producer's; 0: 4; with 1 always the newest */
    zp_overflow overflow; /* where that is not enough and the frame came by a line */
    uint32_t no_line;     /* not 0: frames come by zenoh only */
    uint64_t reserved[4]; /* zero */
} zp_subscriber_options;

/* Options may be NULL. */
zp_status zp_subscriber_declare(zp_session *session, const char *key, const zp_subscriber_options *options,
                                zp_subscriber **subscriber);
/* The next frame: ZP_OK, or ZP_NOTHING where none has come in time. */
zp_status zp_subscriber_receive(zp_subscriber *subscriber, uint64_t timeout_ms, zp_frame **frame);
/* The next frame if there is one. */
zp_status zp_subscriber_try_receive(zp_subscriber *subscriber, zp_frame **frame);
/* The next frame of any of `count` subscribers, and in *which whose it is; those in front are asked first. */
zp_status zp_receive_any(zp_subscriber *const *subscribers, size_t count, uint64_t timeout_ms, size_t *which,
                         zp_frame **frame);
/* How many frames made room for newer ones, because they were not taken in time. */
zp_status zp_subscriber_overrun(zp_subscriber *subscriber, uint64_t *frames);
/* The lines that are open to this subscriber, or why it can have none. One a line. */
zp_status zp_subscriber_lines(zp_subscriber *subscriber, char *text, size_t capacity, size_t *length);
zp_status zp_subscriber_close(zp_subscriber *subscriber);

/* Called with each frame, which is then the callee's to drop, and ZP_OK; or with NULL and ZP_FRAME_REFUSED for a
 * payload that is none, which zp_last_error() explains there. One call at a time, on a thread of the listener's, and it
 * may take its time. It may make any call of this library; it must not unwind: no longjmp and no exception. */
typedef void zp_received(void *context, zp_status status, zp_frame *frame);

/* Declares a subscriber whose frames go to `received`. `context` is handed on as it is. Options may be NULL. */
zp_status zp_listener_start(zp_session *session, const char *key, const zp_subscriber_options *options,
                            zp_received *received, void *context, zp_listener **listener);
zp_status zp_listener_overrun(zp_listener *listener, uint64_t *frames);
/* Waits for a call of `received` that is going on; there is none afterwards. Called by `received` itself it waits for
 * nothing, and that call is the last one. */
zp_status zp_listener_close(zp_listener *listener);

/* ---- Frames. ---- */

/* The bytes, read-only, which stay where and what they are until the frame is dropped. Either place may be NULL. */
zp_status zp_frame_data(zp_frame *frame, const void **data, size_t *bytes);
/* The key that it was published on: valid as long as the frame. "" where it was not published. */
zp_status zp_frame_key(zp_frame *frame, const char **key);
/* What was published beside it: valid as long as the frame. NULL and 0 where there was nothing. */
zp_status zp_frame_attachment(zp_frame *frame, const void **data, size_t *bytes);
/* The publisher's time in nanoseconds since 1970, where its session stamps; else 0. */
zp_status zp_frame_timestamp(zp_frame *frame, uint64_t *nanoseconds);
/* Whether the bytes came in shared memory, without a copy: 1 or 0. */
zp_status zp_frame_is_shared(zp_frame *frame, int *is_shared);
/* The way that its first copy took; before that the one it would take now. */
zp_status zp_frame_path(zp_frame *frame, zp_path *path);
/* Why the way is not ZP_DIRECT; the empty text where it is. */
zp_status zp_frame_reason(zp_frame *frame, char *text, size_t capacity, size_t *length);
/* Enqueues a copy of the frame's `bytes` bytes to a device address (a CUdeviceptr) on a stream (a CUstream of the
 * pinner's context; NULL is the default stream), and returns. The frame may be dropped at once: what the copy reads is
 * held until it has executed. On a stream that is being captured the copy becomes a part of the graph, which then
 * keeps the frame. */
zp_status zp_frame_copy_to_device(zp_frame *frame, uint64_t address, size_t bytes, void *stream);
/* The same to new device memory, which belongs to the buffer. */
zp_status zp_frame_to_device_buffer(zp_frame *frame, void *stream, zp_device_buffer **buffer);
/* Gives memory of the caller's back. On any thread, once; must not unwind. */
typedef void zp_release(void *context);

/* A frame of `bytes` bytes that came by another way, for instance the data of an event of dora's, on their way to
 * `pinner`'s device; NULL is the host only. Nothing is copied. They stay where and what they are until `release` is
 * called with `context`, when the frame has been dropped and copies of it have been made; it may be NULL. Where this
 * fails it is not called. Memory in a segment of zenoh's, whoever mapped it, can be direct. */
zp_status zp_frame_of_memory(zp_pinner *pinner, const void *data, size_t bytes, zp_release *release, void *context,
                             zp_frame **frame);
/* Gives the frame up; its producer's slot is free when copies in flight have ended too. */
zp_status zp_frame_drop(zp_frame *frame);

/* Its device address (a CUdeviceptr) and length. Either place may be NULL. */
zp_status zp_device_buffer_address(zp_device_buffer *buffer, uint64_t *address, size_t *bytes);
/* Lets what is enqueued on this stream from now on find the bytes; the stream of zp_frame_to_device_buffer() finds them
 * anyway. */
zp_status zp_device_buffer_lend_to(zp_device_buffer *buffer, void *stream);
/* Waits until the bytes are there. */
zp_status zp_device_buffer_wait(zp_device_buffer *buffer);
/* Copies them back to `bytes` bytes of the host's, exactly as many as there are, behind all that was enqueued, and
 * waits. */
zp_status zp_device_buffer_copy_to_host(zp_device_buffer *buffer, void *destination, size_t bytes);
/* The way that the bytes took, and why it was not ZP_DIRECT. */
zp_status zp_device_buffer_path(zp_device_buffer *buffer, zp_path *path);
zp_status zp_device_buffer_reason(zp_device_buffer *buffer, char *text, size_t capacity, size_t *length);
/* Frees the memory behind all that is enqueued in its context by then; waits for nothing. */
zp_status zp_device_buffer_drop(zp_device_buffer *buffer);

#ifdef __cplusplus
}
#endif

#endif
