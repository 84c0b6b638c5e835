// The wrapper's copies, with a driver that executes them late.
#include "zenoh_pinned.hpp"

#include "driver.h"

using namespace std::chrono_literals;

constexpr std::size_t bytes = 1 << 20;

int main() {
    zp::pinner pinner = zp::pinner::device(0);
    EXPECT(pinner.reason().empty() && !pinner.device_name().empty());
    zp::session session(ALONE, pinner);
    zp::subscriber frames(session, "device/image");
    zp_publisher_options options{};
    options.frame_bytes = bytes;
    zp::publisher publisher(session, "device/image", options);
    publisher.register_for(pinner);

    zp::slot slot = publisher.allocate(bytes);
    fill(slot.data(), slot.size(), 1);
    publisher.put(std::move(slot));
    zp::device_buffer first, second;
    {
        std::optional<zp::frame> frame = frames.receive(10s);
        EVENTUALLY(frame->path() == ZP_DIRECT);
        first = frame->to_device_buffer();
        EXPECT(first.path() == ZP_DIRECT && first.reason().empty() && first.size() == bytes);
    }
    EXPECT(pinner.statistics().copies_in_flight == 1);

    // Down again into a slot, behind the copy, and up once more.
    slot = publisher.allocate(bytes);
    first.lend_to(nullptr);
    slot.copy_from_device(pinner, first.address());
    slot.wait();
    EXPECT(is_frame(slot.data(), bytes, 1));
    publisher.put(std::move(slot));
    std::optional<zp::frame> frame = frames.receive(10s);
    frame->copy_to_device(first.address(), bytes);
    second = frame->to_device_buffer();
    frame.reset();
    second.wait();
    std::vector<unsigned char> host(bytes);
    for (const zp::device_buffer *buffer : {&first, &second}) {
        buffer->copy_to_host(host.data(), host.size());
        EXPECT(is_frame(host.data(), bytes, 1));
    }
    try {
        second.copy_to_host(host.data(), 1);
        EXPECT(!"it throws");
    } catch (const zp::error &error) {
        EXPECT(error.status() == ZP_INVALID_ARGUMENT);
    }
    // An existing context by its handle: the same device.
    void *context = own_context();
    EXPECT(zp::pinner::context(context).reason().empty());
    EXPECT(zp::pinner::context(reinterpret_cast<void *>(8)).reason().find("CUDA error") != std::string::npos);
    return 0;
}
