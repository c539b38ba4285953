#pragma once
// The change log as people and followers read it, beside the writer: docs/history.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"
#include "muster/location/change.hpp"

namespace muster::store {

/// A state of a key. Its record is empty when the key was gone.
struct PastState {
    std::string record;
    base::Wall at{};
};

/// One change of the log: of bindings or of an account. Its position is its version.
struct LoggedChange {
    location::ChangeKind kind{};
    location::Cause cause{};
    std::uint64_t position = 0;
    std::uint64_t previous = 0;  ///< 0: there was no state before
    std::string key;
    PastState now;
    std::optional<PastState> before;  ///< none: it is not kept any more
    bool is_damaged = false;          ///< it is not what was written: nothing but its position is to be believed
};

struct HistoryPage {
    std::vector<LoggedChange> changes;
    std::uint64_t position = 0;  ///< come so far; those in between are not wanted, or of no interest to anybody
    bool is_gone = false;        ///< changes after the position that was asked for are not kept any more
};

/// Where a walk back through the changes of one key goes on.
struct WalkBack {
    std::uint64_t below = 0;     ///< only changes before this position; 0: the end is reached
    std::uint64_t bindings = 0;  ///< the newest change of this kind before it; 0: to be looked for
    std::uint64_t account = 0;
};

/// A state at a time, as far as it is kept.
struct StateAt {
    bool is_known = false;
    std::uint64_t version = 0;  ///< 0: nothing was bound
    PastState state;
};

/// What the log begins with.
struct LogBegin {
    std::uint64_t position = 0;  ///< 0: it is empty
    base::Wall at{};
};

/// A connection of its own that only reads, for one thread at a time. Each call is one short look or some (an open look
/// keeps the write-ahead log from starting over), of some ms each. All throw std::runtime_error with words for people.
class History {
public:
    /// `path`: a database that this process has open by open_sqlite(). `stop`: what is being looked for is given up, as
    /// if it took too long.
    explicit History(const std::string& path, std::stop_token stop = {});
    ~History();
    History(const History&) = delete;
    History& operator=(const History&) = delete;

    LogBegin begin();
    /// The newest position, 0 if there is none.
    std::uint64_t newest();

    /// Changes after `position`, the oldest first, none beyond `newest`: what lies there may be no more than an
    /// attempt. At most `limit` rows are looked at, and fewer when they are large. Position 0 is before the first that
    /// is kept.
    HistoryPage after(std::uint64_t position, std::uint64_t newest, std::size_t limit,
                      const std::function<bool(std::string_view key)>& is_wanted = {});

    /// At most `limit` changes of one key, the newest first, from `place` on, which is moved. A key that was gone for a
    /// while is looked for row by row: that is given up after some seconds, and the page is then short.
    std::vector<LoggedChange> of(std::string_view key, WalkBack& place, std::size_t limit);

    /// The bindings of a key at a time of day: after the newest change that is not later. `place` as for of().
    StateAt state_at(std::string_view key, WalkBack place, base::Wall at);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::store
