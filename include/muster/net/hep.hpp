#pragma once
// HEPv3, by which captures see SIP (github.com/sipcapture/HEP): TLS in plain text, with who sent it to whom and when.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "muster/net/tap.hpp"

namespace muster::net {

/// Longer messages are cut, so that each is one datagram.
inline constexpr std::size_t longest_hep_payload = 60'000;

/// One HEPv3 packet about this message, whose Call-ID correlates it with others. `agent` says who captured it.
void append_hep(std::string& out, Tap::Direction direction, const base::Flow& flow, std::string_view message,
                base::Wall at, std::uint32_t agent);

/// Numbers of all senders together.
struct HepCounters {
    std::atomic<std::uint64_t> sent{0}, dropped{0};
};

/// Sends all it sees over UDP. What the kernel does not take at once is dropped and counted.
class HepSender final : public Tap {
public:
    struct Options {
        base::Address to;
        std::uint32_t agent = 2001;
        bool shows_credentials = false;
    };
    /// Throws std::runtime_error when no socket is to be had or there is no way to that address.
    HepSender(const Options& options, std::shared_ptr<HepCounters> counters);
    ~HepSender() override;
    HepSender(const HepSender&) = delete;
    HepSender& operator=(const HepSender&) = delete;

    void seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now now) override;

private:
    const Options options_;
    const std::shared_ptr<HepCounters> counters_;
    int fd_ = -1;
};

}  // namespace muster::net
