/* Each frame of the camera on the GPU with one DMA, or the reason why it stays on the host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zenoh_pinned.h>

static void check(zp_status status) {
    if (status >= 0) return;
    fprintf(stderr, "consumer: %s\n", zp_last_error());
    exit(1);
}

int main(int count, char **arguments) {
    static const char *const paths[] = {"direct", "staged", "pageable", "host"};
    char config[300], reason[300];
    snprintf(config, sizeof config, "{connect: {endpoints: ['%s'], timeout_ms: -1, exit_on_failure: false}}",
             count > 1 ? arguments[1] : "tcp/127.0.0.1:7452");
    zp_pinner_options device = {.target = ZP_TARGET_DEVICE, .device = 0};
    zp_pinner *pinner;
    check(zp_pinner_open(&device, &pinner)); /* also where there is none */
    check(zp_pinner_reason(pinner, reason, sizeof reason, NULL));
    int has_device = reason[0] == 0;
    if (!has_device) printf("no device: %s\n", reason);
    zp_session *session;
    check(zp_session_open(config, pinner, &session));
    zp_subscriber *frames;
    check(zp_subscriber_declare(session, "camera/front", NULL, &frames));

    int received = 0, number = 0;
    while (number < 99) {
        zp_frame *frame;
        if (zp_subscriber_receive(frames, 30000, &frame) == ZP_NOTHING) break;
        const void *image, *attachment;
        size_t bytes, attachment_bytes;
        zp_path path;
        check(zp_frame_data(frame, &image, &bytes));
        check(zp_frame_attachment(frame, &attachment, &attachment_bytes));
        if (attachment_bytes == sizeof number) memcpy(&number, attachment, sizeof number);
        int is_whole = bytes > 0 && ((const unsigned char *)image)[bytes - 1] == (unsigned char)number;
        zp_device_buffer *on_device = NULL;
        if (has_device) check(zp_frame_to_device_buffer(frame, NULL, &on_device)); /* one DMA, which goes on */
        check(zp_frame_path(frame, &path));
        check(zp_frame_drop(frame)); /* the slot is held until the DMA has read it */
        if (number % 20 == 0)
            printf("frame %d: %zu bytes, whole: %s, path %s\n", number, bytes, is_whole ? "yes" : "no", paths[path]);
        if (on_device != NULL) check(zp_device_buffer_drop(on_device)); /* a kernel uses it before */
        received++;
    }
    printf("%d frames received\n", received);
    check(zp_subscriber_close(frames));
    check(zp_session_close(session));
    check(zp_pinner_close(pinner));
    return 0;
}
