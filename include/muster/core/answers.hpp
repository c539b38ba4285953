#pragma once
// What became of requests, for whoever watches: counts of one worker since its start.

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/hash.hpp"
#include "muster/sip/message.hpp"

namespace muster::core {

/// Final answers by method, code and transport, repetitions aside. A code that is not in the table counts with its
/// class.
class Answers {
public:
    static constexpr std::array<std::string_view, 7> methods{"REGISTER", "INVITE",  "CANCEL", "BYE",
                                                             "OPTIONS",  "MESSAGE", "other"};
    /// The first are classes: 2xx to 6xx.
    static constexpr std::array<int, 47> codes{2,   3,   4,   5,   6,   200, 202, 302, 400, 401, 403, 404,
                                               405, 406, 407, 408, 415, 416, 420, 421, 423, 430, 436, 439,
                                               440, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491,
                                               500, 501, 502, 503, 504, 505, 513, 600, 603, 604, 606};
    static constexpr std::size_t transports = 5;

    void count(sip::Method method, int status, base::Transport transport) {
        ++counts_[place_of(method)][index_of(status)][static_cast<std::size_t>(transport)];
    }
    std::uint64_t of(std::size_t method, std::size_t code, std::size_t transport) const {
        return counts_[method][code][transport];
    }
    Answers& operator+=(const Answers& other) {
        for (std::size_t m = 0; m < methods.size(); ++m)
            for (std::size_t c = 0; c < codes.size(); ++c)
                for (std::size_t t = 0; t < transports; ++t) counts_[m][c][t] += other.counts_[m][c][t];
        return *this;
    }

private:
    static std::size_t place_of(sip::Method method) {
        switch (method) {
            case sip::Method::register_:
                return 0;
            case sip::Method::invite:
                return 1;
            case sip::Method::cancel:
                return 2;
            case sip::Method::bye:
                return 3;
            case sip::Method::options:
                return 4;
            case sip::Method::message:
                return 5;
            default:
                return 6;
        }
    }
    static constexpr auto indices = [] {
        std::array<std::uint8_t, 700> all{};
        for (std::size_t i = 200; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i / 100 - 2);
        for (std::size_t i = 5; i < codes.size(); ++i)
            all[static_cast<std::size_t>(codes[i])] = static_cast<std::uint8_t>(i);
        return all;
    }();
    static std::size_t index_of(int status) {
        return status >= 200 && status < 700 ? indices[static_cast<std::size_t>(status)] : 4;
    }

    std::array<std::array<std::array<std::uint64_t, transports>, codes.size()>, methods.size()> counts_{};
};

/// How REGISTERs of each domain ended, from where they are known to be of a user of it.
class Registrations {
public:
    enum class Result : std::uint8_t { added, refreshed, removed, queried, rejected };
    static constexpr std::array<std::string_view, 5> results{"new", "refresh", "remove", "query", "rejected"};
    using Counts = std::array<std::uint64_t, results.size()>;

    void count(std::string_view domain, Result result) {
        auto found = counts_.find(domain);
        if (found == counts_.end()) found = counts_.emplace(std::string(domain), Counts{}).first;
        ++found->second[static_cast<std::size_t>(result)];
    }
    void each(const std::function<void(std::string_view domain, const Counts&)>& sink) const {
        for (const auto& [domain, counts] : counts_) sink(domain, counts);
    }
    Registrations& operator+=(const Registrations& other) {
        for (const auto& [domain, counts] : other.counts_) {
            auto& sum = counts_[domain];
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts[i];
        }
        return *this;
    }

private:
    struct Hash {  // names of the configuration: nobody else chooses them
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return base::seeded_hash(name, 0); }
    };
    boost::unordered_flat_map<std::string, Counts, Hash, std::equal_to<>> counts_;
};

}  // namespace muster::core
