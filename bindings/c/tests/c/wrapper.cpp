// Goes through the wrapper, alone in a process.
#include "zenoh_pinned.hpp"

#include <atomic>
#include <thread>
#include <type_traits>

#include "expect.h"

using namespace std::chrono_literals;

constexpr std::size_t bytes = 10000;

template <class Type>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<Type> && std::is_nothrow_move_assignable_v<Type> &&
                            !std::is_copy_constructible_v<Type> && !std::is_copy_assignable_v<Type>;
static_assert(moves_only<zp::pinner> && moves_only<zp::session> && moves_only<zp::publisher> && moves_only<zp::slot>);
static_assert(moves_only<zp::subscriber> && moves_only<zp::listener> && moves_only<zp::frame>);
static_assert(moves_only<zp::device_buffer>);

template <class Call>
static void throws(zp_status status, const char *words, Call call) {
    try {
        call();
    } catch (const zp::error &error) {
        EXPECT(error.status() == status && strstr(error.what(), words) != nullptr);
        return;
    }
    EXPECT(!"it throws");
}

static void put(const zp::publisher &publisher, unsigned long long number) {
    zp::slot slot = publisher.allocate(bytes);
    fill(slot.data(), slot.size(), number);
    publisher.put(std::move(slot), &number, sizeof number);
    EXPECT(!slot && slot.get() == nullptr);
}

static void listening(const zp::session &session, const zp::publisher &publisher, const zp::subscriber &frames) {
    std::atomic<int> heard{0};
    zp::listener listener(session, "wrapper/image", [&](zp::frame frame) {
        EXPECT(frame.size() == bytes);
        heard++;
        throw std::logic_error("of the callback");
    });
    std::optional<zp::listener> ends_itself;
    std::atomic<bool> is_set{false}, has_ended{false};
    ends_itself.emplace(session, "wrapper/image", [&](zp::frame) {
        while (!is_set) std::this_thread::yield();
        ends_itself.reset();
        has_ended = true;
    });
    is_set = true;
    put(publisher, 1);
    EVENTUALLY(heard == 1 && has_ended);
    put(publisher, 2);
    for (int left = 2; left > 0; left--) EXPECT(frames.receive(10s));
    publisher.drain(10s);
    EXPECT(heard == 1);
    zp::listener moved = std::move(listener);
    EXPECT(moved.overrun() == 0);
    try {
        moved.close();
        EXPECT(!"it throws");
    } catch (const std::logic_error &error) {
        EXPECT(std::string(error.what()) == "of the callback");
    }
}

int main() {
    throws(ZP_INVALID_ARGUMENT, "configuration", [] { zp::session("{mode: 5}"); });
    zp::pinner pinner;
    EXPECT(pinner.reason() == "the application asked for no device" && pinner.device_name().empty());
    EXPECT(!zp::pinner::device(99).reason().empty() && pinner.statistics().copies_in_flight == 0);
    zp::session session(ALONE, pinner);
    zp::session another(ALONE, pinner, 10s);
    another = zp::session(ALONE);
    throws(ZP_INVALID_ARGUMENT, "frame_bytes", [&] { zp::publisher(session, "wrapper/image", {}); });

    zp_publisher_options options{};
    options.frame_bytes = bytes;
    options.slots = 4;
    zp::subscriber frames(session, "wrapper/*"), unused(session, "wrapper/nothing");
    zp::publisher publisher(session, "wrapper/image", options);
    EXPECT(!frames.try_receive() && !frames.receive(1ms) && frames.overrun() == 0);
    put(publisher, 7);
    std::optional<zp::frame> frame = frames.receive(10s);
    EXPECT(frame && frame->key() == "wrapper/image" && frame->is_shared() && frame->path() == ZP_HOST);
    EXPECT(is_frame(frame->data(), frame->size(), 7) && *frame->begin() == byte_of(7, 0));
    auto [attachment, length] = frame->attachment();
    EXPECT(length == 8 && attachment[0] == 7 && frame->reason() == pinner.reason() && frame->timestamp() == 0);
    throws(ZP_NO_DEVICE, "no device", [&] { frame->to_device_buffer(); });
    throws(ZP_NO_DEVICE, "no device", [&] { frame->copy_to_device(4096, bytes); });

    // What moves takes its frame along, and what is moved onto lets its own go.
    put(publisher, 8);
    zp::frame moved = std::move(*frame);
    EXPECT(moved.size() == bytes && frame->size() == 0 && publisher.statistics().in_use == 2);
    throws(ZP_INVALID_ARGUMENT, "frame is NULL", [&] { (void)frame->key(); });
    moved = std::move(*frames.receive(10s));
    EXPECT(is_frame(moved.data(), moved.size(), 8));
    frame.reset();
    EVENTUALLY(publisher.statistics().in_use == 1);
    EXPECT(publisher.holders().find("still read in this process") != std::string::npos);
    moved.reset();
    publisher.drain(10s);
    EXPECT(publisher.quarantine().empty() && publisher.reason().empty());

    { zp::slot unsent = publisher.allocate(bytes, 1s); }
    EXPECT(publisher.statistics().in_use == 0);
    throws(ZP_INVALID_ARGUMENT, "zero bytes", [&] { (void)publisher.allocate(0); });
    std::vector<zp::slot> slots;
    while (slots.size() < 4) slots.push_back(publisher.allocate(bytes));
    throws(ZP_POOL_FULL, "unsent", [&] { (void)publisher.allocate(bytes, 1ms); });
    slots[0].reset();
    throws(ZP_INVALID_ARGUMENT, "slot is NULL", [&] { publisher.put(std::move(slots[0])); });
    for (zp::slot &slot : slots) slot.reset();

    put(publisher, 9);
    auto any = zp::receive_any({&unused, &frames}, 10s);
    EXPECT(any && any->first == 1 && is_frame(any->second.data(), bytes, 9));
    EXPECT(!zp::receive_any({&unused}, 1ms));
    any.reset();
    listening(session, publisher, frames);
    session.reset();
    throws(ZP_CLOSED, "session is closed", [&] { publisher.put(publisher.allocate(bytes)); });
    return 0;
}
