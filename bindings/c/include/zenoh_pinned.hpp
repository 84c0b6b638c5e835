/* zenoh-pinned for C++17: the calls of zenoh_pinned.h, by objects that close themselves.
 *
 *     zp::session session;                                        zp::session session;
 *     zp::publisher camera(session, "camera/front", {N});         zp::subscriber frames(session, "camera/front");
 *     for (;;) {                                                  while (auto frame = frames.receive(1s)) {
 *         zp::slot slot = camera.allocate(N);                         ... read frame->size() bytes at frame->data() ...
 *         ... write N bytes to slot.data() ...                    }
 *         camera.put(std::move(slot));
 *     }
 *
 * What zenoh_pinned.h says of threads, forks and lifetimes holds here. A call that fails throws zp::error, whose text
 * says cause and remedy; nothing is thrown through C. Objects move and do not copy; one that was moved from has no
 * handle, and its calls throw ZP_INVALID_ARGUMENT. Destructors close, and throw nothing. */
#ifndef ZENOH_PINNED_HPP
#define ZENOH_PINNED_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "zenoh_pinned.h"

namespace zp {

/* Why a call failed. */
class error : public std::runtime_error {
public:
    error(zp_status status, const char *cause) : std::runtime_error(cause), status_(status) {}
    zp_status status() const noexcept { return status_; }

private:
    zp_status status_;
};

/* Throws where a status is an error; gives it back where not. */
inline zp_status check(zp_status status) {
    if (status < 0) throw error(status, zp_last_error());
    return status;
}

namespace detail {

/* A handle that closes itself. */
template <class Handle, zp_status (*close)(Handle *)>
class owned {
public:
    owned() noexcept = default;
    explicit owned(Handle *handle) noexcept : handle_(handle) {}
    owned(owned &&other) noexcept : handle_(other.release()) {}
    owned &operator=(owned &&other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~owned() { reset(); }

    /* For the calls of C; stays this object's. */
    Handle *get() const noexcept { return handle_; }
    /* The same, which is the caller's from now on. */
    Handle *release() noexcept { return std::exchange(handle_, nullptr); }
    /* Closes it at once. */
    void reset(Handle *handle = nullptr) noexcept {
        if (Handle *before = std::exchange(handle_, handle)) (void)close(before);
    }
    explicit operator bool() const noexcept { return handle_ != nullptr; }

private:
    Handle *handle_ = nullptr;
};

/* One of the texts of C. */
template <class Handle>
std::string text(zp_status (*ask)(Handle *, char *, std::size_t, std::size_t *), Handle *handle) {
    std::string said(128, '\0');
    for (;;) {
        std::size_t length = 0;
        check(ask(handle, said.data(), said.size(), &length));
        bool fits = length < said.size();
        said.resize(fits ? length : length + 1);
        if (fits) return said;
    }
}

inline std::uint64_t milliseconds(std::chrono::milliseconds time) noexcept {
    return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

}  // namespace detail

/* Where frames go. */
class pinner : public detail::owned<zp_pinner, zp_pinner_close> {
public:
    /* The host only. */
    pinner() : pinner(zp_pinner_options{}) {}
    explicit pinner(const zp_pinner_options &options) {
        zp_pinner *opened = nullptr;
        check(zp_pinner_open(&options, &opened));
        reset(opened);
    }
    static pinner device(std::uint32_t number) {
        zp_pinner_options options{};
        options.target = ZP_TARGET_DEVICE;
        options.device = number;
        return pinner(options);
    }
    /* Of a CUcontext, which has to stay until all that is made of this has gone. */
    static pinner context(void *context) {
        zp_pinner_options options{};
        options.target = ZP_TARGET_CONTEXT;
        options.context = context;
        return pinner(options);
    }
    std::string reason() const { return detail::text(zp_pinner_reason, get()); }
    std::string device_name() const { return detail::text(zp_pinner_device_name, get()); }
    zp_pinner_statistics statistics() const {
        zp_pinner_statistics now{};
        check(zp_pinner_get_statistics(get(), &now));
        return now;
    }
};

class session : public detail::owned<zp_session, zp_session_close> {
public:
    /* With zenoh's default configuration and the host only. */
    session() : session(nullptr, nullptr) {}
    explicit session(const std::string &json5) : session(json5.c_str(), nullptr) {}
    session(const std::string &json5, const pinner &pinner) : session(json5.c_str(), pinner.get()) {}
    explicit session(const pinner &pinner) : session(nullptr, pinner.get()) {}
    session(const std::string &json5, const pinner &pinner, std::chrono::milliseconds timeout) {
        zp_session *opened = nullptr;
        check(zp_session_open_within(json5.c_str(), pinner.get(), detail::milliseconds(timeout), &opened));
        reset(opened);
    }

private:
    session(const char *json5, zp_pinner *pinner) {
        zp_session *opened = nullptr;
        check(zp_session_open(json5, pinner, &opened));
        reset(opened);
    }
};

/* Device memory with a frame's bytes. */
class device_buffer : public detail::owned<zp_device_buffer, zp_device_buffer_drop> {
public:
    using owned::owned;
    std::uint64_t address() const {
        std::uint64_t address = 0;
        check(zp_device_buffer_address(get(), &address, nullptr));
        return address;
    }
    std::size_t size() const {
        std::size_t bytes = 0;
        check(zp_device_buffer_address(get(), nullptr, &bytes));
        return bytes;
    }
    void lend_to(void *stream) const { check(zp_device_buffer_lend_to(get(), stream)); }
    void wait() const { check(zp_device_buffer_wait(get())); }
    void copy_to_host(void *destination, std::size_t bytes) const {
        check(zp_device_buffer_copy_to_host(get(), destination, bytes));
    }
    zp_path path() const {
        zp_path path{};
        check(zp_device_buffer_path(get(), &path));
        return path;
    }
    std::string reason() const { return detail::text(zp_device_buffer_reason, get()); }
};

/* Received bytes. */
class frame : public detail::owned<zp_frame, zp_frame_drop> {
public:
    explicit frame(zp_frame *received) : owned(received) {
        const void *data = nullptr;
        check(zp_frame_data(received, &data, &size_));
        data_ = static_cast<const std::uint8_t *>(data);
    }
    frame(frame &&other) noexcept
        : owned(std::move(other)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    frame &operator=(frame &&other) noexcept {
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        owned::operator=(std::move(other));
        return *this;
    }
    /* Of memory that came by another way, which `release` gives back; see zp_frame_of_memory(). */
    static frame of_memory(const pinner &pinner, const void *data, std::size_t bytes, zp_release *release = nullptr,
                           void *context = nullptr) {
        zp_frame *made = nullptr;
        check(zp_frame_of_memory(pinner.get(), data, bytes, release, context, &made));
        return frame(made);
    }
    /* Valid until the frame goes. */
    const std::uint8_t *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    const std::uint8_t *begin() const noexcept { return data_; }
    const std::uint8_t *end() const noexcept { return data_ + size_; }
    std::string key() const {
        const char *key = nullptr;
        check(zp_frame_key(get(), &key));
        return key;
    }
    /* Where it is and how long; null and 0 where there is none. Valid until the frame goes. */
    std::pair<const std::uint8_t *, std::size_t> attachment() const {
        const void *data = nullptr;
        std::size_t bytes = 0;
        check(zp_frame_attachment(get(), &data, &bytes));
        return {static_cast<const std::uint8_t *>(data), bytes};
    }
    /* Nanoseconds since 1970, or 0. */
    std::uint64_t timestamp() const {
        std::uint64_t nanoseconds = 0;
        check(zp_frame_timestamp(get(), &nanoseconds));
        return nanoseconds;
    }
    bool is_shared() const {
        int is_shared = 0;
        check(zp_frame_is_shared(get(), &is_shared));
        return is_shared != 0;
    }
    zp_path path() const {
        zp_path path{};
        check(zp_frame_path(get(), &path));
        return path;
    }
    std::string reason() const { return detail::text(zp_frame_reason, get()); }
    /* Enqueues a copy to memory of the caller's on the device; the frame may go at once. */
    void copy_to_device(std::uint64_t address, std::size_t bytes, void *stream = nullptr) const {
        check(zp_frame_copy_to_device(get(), address, bytes, stream));
    }
    /* The same to new memory. */
    device_buffer to_device_buffer(void *stream = nullptr) const {
        zp_device_buffer *buffer = nullptr;
        check(zp_frame_to_device_buffer(get(), stream, &buffer));
        return device_buffer(buffer);
    }

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

/* A piece of a pool while it is written; goes back unsent where it is not put. */
class slot : public detail::owned<zp_slot, zp_slot_drop> {
public:
    slot(zp_slot *allocated, void *data, std::size_t bytes) noexcept
        : owned(allocated), data_(static_cast<std::uint8_t *>(data)), size_(bytes) {}
    std::uint8_t *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    std::uint8_t *begin() const noexcept { return data_; }
    std::uint8_t *end() const noexcept { return data_ + size_; }
    /* Enqueues a copy of as many bytes as the slot has, from a device address. */
    void copy_from_device(const pinner &pinner, std::uint64_t address, void *stream = nullptr) const {
        check(zp_slot_copy_from_device(get(), pinner.get(), address, size_, stream));
    }
    void wait() const { check(zp_slot_wait(get())); }

private:
    std::uint8_t *data_;
    std::size_t size_;
};

class publisher : public detail::owned<zp_publisher, zp_publisher_close> {
public:
    publisher(const session &session, const std::string &key, const zp_publisher_options &options) {
        zp_publisher *declared = nullptr;
        check(zp_publisher_declare(session.get(), key.c_str(), &options, &declared));
        reset(declared);
    }
    slot allocate(std::size_t bytes) const {
        zp_slot *slot = nullptr;
        void *data = nullptr;
        check(zp_publisher_allocate(get(), bytes, &slot, &data));
        return zp::slot(slot, data, bytes);
    }
    slot allocate(std::size_t bytes, std::chrono::milliseconds timeout) const {
        zp_slot *slot = nullptr;
        void *data = nullptr;
        check(zp_publisher_allocate_within(get(), bytes, detail::milliseconds(timeout), &slot, &data));
        return zp::slot(slot, data, bytes);
    }
    /* The slot is gone, also where this throws, but for ZP_BUSY. */
    void put(slot &&slot, const void *attachment = nullptr, std::size_t attachment_bytes = 0) const {
        zp_status status = zp_publisher_put(get(), slot.get(), attachment, attachment_bytes);
        if (status != ZP_BUSY) (void)slot.release();
        check(status);
    }
    void drain(std::chrono::milliseconds timeout) const {
        check(zp_publisher_drain(get(), detail::milliseconds(timeout)));
    }
    zp_pool_statistics statistics() const {
        zp_pool_statistics now{};
        check(zp_publisher_get_statistics(get(), &now));
        return now;
    }
    std::string holders() const { return detail::text(zp_publisher_holders, get()); }
    std::string quarantine() const { return detail::text(zp_publisher_quarantine, get()); }
    std::string lines() const { return detail::text(zp_publisher_lines, get()); }
    std::string reason() const { return detail::text(zp_publisher_reason, get()); }
    void register_for(const pinner &pinner) const { check(zp_publisher_register(get(), pinner.get())); }
};

class subscriber : public detail::owned<zp_subscriber, zp_subscriber_close> {
public:
    subscriber(const session &session, const std::string &key, const zp_subscriber_options &options = {}) {
        zp_subscriber *declared = nullptr;
        check(zp_subscriber_declare(session.get(), key.c_str(), &options, &declared));
        reset(declared);
    }
    /* Nothing where no frame has come in time. */
    std::optional<frame> receive(std::chrono::milliseconds timeout) const {
        zp_frame *received = nullptr;
        zp_status status = check(zp_subscriber_receive(get(), detail::milliseconds(timeout), &received));
        return status == ZP_OK ? std::optional<frame>(received) : std::nullopt;
    }
    std::optional<frame> try_receive() const {
        zp_frame *received = nullptr;
        zp_status status = check(zp_subscriber_try_receive(get(), &received));
        return status == ZP_OK ? std::optional<frame>(received) : std::nullopt;
    }
    std::uint64_t overrun() const {
        std::uint64_t frames = 0;
        check(zp_subscriber_overrun(get(), &frames));
        return frames;
    }
    std::string lines() const { return detail::text(zp_subscriber_lines, get()); }
};

/* The next frame of any of these, and the index of whose it is; nothing where none has come in time. */
inline std::optional<std::pair<std::size_t, frame>> receive_any(const std::vector<const subscriber *> &subscribers,
                                                                std::chrono::milliseconds timeout) {
    std::vector<zp_subscriber *> handles;
    for (const subscriber *one : subscribers) handles.push_back(one->get());
    std::size_t which = 0;
    zp_frame *received = nullptr;
    std::uint64_t time = detail::milliseconds(timeout);
    zp_status status = check(zp_receive_any(handles.data(), handles.size(), time, &which, &received));
    if (status != ZP_OK) return std::nullopt;
    return std::pair<std::size_t, frame>(which, frame(received));
}

/* Calls `received` for each frame, on a thread of its own, until it goes. It may go in its own callback. A payload that
 * is no frame is left out. What `received` throws does not leave the callback: the first of it is kept for rethrow(),
 * and `received` is called no more. */
class listener {
public:
    listener(const session &session, const std::string &key, std::function<void(frame)> received,
             const zp_subscriber_options &options = {})
        : state_(std::make_shared<state>(std::move(received))) {
        zp_listener *started = nullptr;
        state_->self = state_;
        check(zp_listener_start(session.get(), key.c_str(), &options, called, state_.get(), &started));
        handle_.reset(started);
    }
    listener(listener &&) noexcept = default;
    listener &operator=(listener &&other) noexcept {
        handle_ = std::move(other.handle_); /* first, so that nobody uses the state that goes */
        state_ = std::move(other.state_);
        return *this;
    }
    std::uint64_t overrun() const {
        std::uint64_t frames = 0;
        check(zp_listener_overrun(handle_.get(), &frames));
        return frames;
    }
    /* Closes it, and throws what `received` has thrown. */
    void close() {
        handle_.reset();
        rethrow();
    }
    /* Throws what `received` has thrown; nothing where it has not. */
    void rethrow() const {
        if (state_ && state_->has_thrown.load()) std::rethrow_exception(state_->thrown);
    }

private:
    struct state {
        explicit state(std::function<void(frame)> function) : received(std::move(function)) {}
        std::function<void(frame)> received;
        std::exception_ptr thrown; /* written once, before has_thrown */
        std::atomic<bool> has_thrown{false};
        std::weak_ptr<state> self;
    };
    static void called(void *context, zp_status status, zp_frame *handle) noexcept {
        /* Keeps what is running where the listener goes in its own callback. */
        std::shared_ptr<state> keep = static_cast<state *>(context)->self.lock();
        if (!keep || status != ZP_OK) return;
        try {
            frame received(handle);
            if (!keep->has_thrown.load()) keep->received(std::move(received));
        } catch (...) {
            keep->thrown = std::current_exception();
            keep->has_thrown.store(true);
        }
    }
    std::shared_ptr<state> state_;
    /* Goes first. */
    detail::owned<zp_listener, zp_listener_close> handle_;
};

/* For the warnings of the library. */
inline void log_to_standard_error() { check(zp_log_to_standard_error()); }

}  // namespace zp

#endif
