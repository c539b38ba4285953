#pragma once
// SIP messages for somebody who watches: those of one address-of-record or of one source, for a while.

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/admin/command.hpp"
#include "muster/core/settings.hpp"
#include "muster/net/tap.hpp"
#include "muster/sip/message.hpp"

namespace muster::daemon {

/// Which messages are wanted; with neither AORs nor source, all.
struct TraceFilter {
    std::vector<std::string> aors;        ///< canonical: an account's own and its aliases
    std::optional<base::Network> source;  ///< of the other side
    std::uint16_t port = 0;               ///< of the source; 0: any
    core::SettingsPtr settings;           ///< to know who is meant by a URI
};

/// Messages from or to an AOR, or for it, and whatever else has their Call-ID.
class TraceMatch {
public:
    explicit TraceMatch(TraceFilter filter);
    bool operator()(const base::Flow& flow, std::string_view bytes);

private:
    bool is_of_user(const sip::Uri& uri);
    bool concerns_user(std::string_view bytes);

    const TraceFilter filter_;
    std::unique_ptr<sip::Message> message_;  // reused
    sip::Aor aor_;
    std::array<std::uint64_t, 256> calls_{};  // hashes of the Call-IDs seen last
    std::size_t next_call_ = 0;
};

/// One watcher: as a Tap it takes what matches, as a Stream it gives it out. It holds so much and no more: what a slow
/// reader leaves no room for is counted and told. Ends by itself.
class Trace final : public net::Tap, public admin::Stream {
public:
    struct Wish {
        TraceFilter filter;
        base::Mono ends{};
        std::size_t limit = 0;                ///< so many messages; 0: any number
        std::shared_ptr<net::Tap> capture{};  ///< takes the messages instead; the stream only tells the end
    };
    static constexpr std::size_t most_messages = 1'000, most_bytes = 4 << 20;

    explicit Trace(Wish wish);

    void seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now now) override;
    void next(std::function<void(std::string)> take) override;
    void cancel() override;
    /// Ends it when its time is up. True when it is over: nobody needs to call it any more.
    bool is_over(base::Mono now);

private:
    using Take = std::function<void(std::string)>;
    void end(std::string_view why);
    std::string next_piece();
    void deliver(std::unique_lock<std::mutex> lock);

    const base::Mono ends_;
    const std::size_t limit_;
    const std::shared_ptr<net::Tap> capture_;
    std::mutex mutex_;  // guards all below
    TraceMatch matches_;
    std::deque<std::string> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t taken_ = 0, lost_ = 0, lost_untold_ = 0;
    std::string_view why_;  // it ended; empty: it has not
    bool is_told_ = false;  // that it ended
    Take take_;             // waits for something
};

/// One message as a line of JSON: time, direction, transport, both addresses, and its text without credentials.
std::string trace_json(net::Tap::Direction direction, const base::Flow& flow, std::string_view bytes, base::Wall at);

}  // namespace muster::daemon
