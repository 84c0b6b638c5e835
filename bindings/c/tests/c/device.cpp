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
    // One that is not the primary one, and is the application's to destroy.
    void *made = made_context();
    {
        zp::pinner beside = zp::pinner::context(made);
        EXPECT(beside.reason().empty());
        zp::session other(ALONE, beside);
        zp::subscriber received(other, "beside/image");
        zp::publisher sender(other, "beside/image", options);
        zp::slot written = sender.allocate(bytes);
        fill(written.data(), written.size(), 3);
        sender.put(std::move(written));
        std::optional<zp::frame> own = received.receive(10s);
        EVENTUALLY(own->path() == ZP_DIRECT);
        void *stream = own_stream(made);
        uint64_t memory = device_memory(made, bytes);
        own->copy_to_device(memory, bytes, stream);
        own.reset();
        synchronize(made, stream);
        to_host(made, host.data(), memory, bytes);
        EXPECT(is_frame(host.data(), bytes, 3));
        EXPECT(no_context_is_current());
    }
    DRIVER(cuCtxDestroy_v2, (void *), made);
    return 0;
}
