/* zenoh-pinned-exchange for C++17: the calls of zenoh_pinned_exchange.h, with ends that close themselves.
 *
 *     zenoh_pinned::exchange::DataPlane data_plane("marllb_lb0", 0660);
 *     zpx_observation observation{};
 *     zpx_action action{};
 *     for (;;) {
 *         ... fill observation ...
 *         data_plane.write(observation);
 *         if (data_plane.read(action) == ZPX_NEW) have_action = true;
 *         if (have_action) server = zpx_pick(&action, random);
 *     }
 *
 * Opening throws Error. All other calls throw nothing and answer with a zpx_status; last_error() says what a negative
 * one was. Ends move and do not copy; one that was moved from answers ZPX_INVALID_ARGUMENT. */
#ifndef ZENOH_PINNED_EXCHANGE_HPP
#define ZENOH_PINNED_EXCHANGE_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "zenoh_pinned_exchange.h"

namespace zenoh_pinned::exchange {

/* Why an end could not be opened. */
class Error : public std::runtime_error {
public:
    Error(zpx_status status, const char *cause) : std::runtime_error(cause), status_(status) {}
    zpx_status status() const noexcept { return status_; }

private:
    zpx_status status_;
};

/* Cause and remedy of this thread's last failed call, valid until its next one. */
inline const char *last_error() noexcept { return zpx_last_error(); }

/* What all ends have. */
class End {
public:
    /* The process on the other side, 0 while there is none. A system call. */
    std::uint32_t other_side() const noexcept { return zpx_other_side(get()); }
    /* For the calls of C; stays this end's. */
    zpx_exchange *get() const noexcept { return handle_.get(); }

protected:
    explicit End(zpx_exchange *opened) : handle_(opened) {
        if (opened == nullptr) throw Error(zpx_last_status(), zpx_last_error());
    }

private:
    struct Close {
        void operator()(zpx_exchange *exchange) const noexcept { zpx_close(exchange); }
    };
    std::unique_ptr<zpx_exchange, Close> handle_;
};

/* What those have that read observations. */
class Reader : public End {
public:
    [[nodiscard]] zpx_status read(zpx_observation &observation, std::uint64_t *missed = nullptr) noexcept {
        return zpx_read_observation(get(), &observation, missed);
    }
    [[nodiscard]] zpx_status read(std::uint32_t server, zpx_metric metric, zpx_reservoir &reservoir) noexcept {
        return zpx_read_reservoir(get(), server, metric, &reservoir);
    }

protected:
    using End::End;
};

enum class Reservoirs { without, with };

/* Makes or adopts a region: writes observations, reads actions. */
class DataPlane : public End {
public:
    DataPlane(const std::string &name, std::uint32_t mode, Reservoirs reservoirs = Reservoirs::without)
        : End(reservoirs == Reservoirs::with ? zpx_create_with_reservoirs(name.c_str(), mode)
                                             : zpx_create(name.c_str(), mode)) {}
    zpx_status write(zpx_observation &observation) noexcept { return zpx_write_observation(get(), &observation); }
    zpx_status write(std::uint32_t server, zpx_metric metric, const zpx_reservoir &reservoir) noexcept {
        return zpx_write_reservoir(get(), server, metric, &reservoir);
    }
    [[nodiscard]] zpx_status read(zpx_action &action) noexcept { return zpx_read_action(get(), &action); }
};

/* Attaches a region: reads observations, answers with weights. */
class Agent : public Reader {
public:
    explicit Agent(const std::string &name) : Reader(zpx_attach(name.c_str())) {}
    zpx_status write(std::uint64_t sequence_id, const float *weights, std::size_t count) noexcept {
        const auto told = static_cast<std::uint32_t>(count > ZPX_SERVERS ? ZPX_SERVERS + 1 : count);
        return zpx_write_action(get(), sequence_id, weights, told);
    }
    /* Of an array, a vector, or whatever else holds its floats one after the other. */
    template <class Weights>
    zpx_status write(std::uint64_t sequence_id, const Weights &weights) noexcept {
        return write(sequence_id, std::data(weights), std::size(weights));
    }
};

/* Attaches a region read-only: reads what both sides write; actions come as the agent wrote them, not checked. */
class Observer : public Reader {
public:
    explicit Observer(const std::string &name) : Reader(zpx_observe(name.c_str())) {}
    using Reader::read;
    [[nodiscard]] zpx_status read(zpx_action &action) noexcept { return zpx_read_action(get(), &action); }
};

}  // namespace zenoh_pinned::exchange

#endif
