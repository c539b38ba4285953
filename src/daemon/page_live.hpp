#pragma once
// What keeps open status pages up to date: once a second the parts that have changed, to whoever listens.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "muster/admin/command.hpp"

namespace muster::daemon {

/// The id of an element of the page, and what is in it.
using PagePart = std::pair<std::string, std::string>;

/// Each stream is sent the newest state of the parts that have changed since it last read: one that is slow misses
/// what was between, and costs no memory. From any thread.
class PageFeed {
public:
    PageFeed();
    std::shared_ptr<admin::Stream> open();
    /// Somebody waits: worth to call publish().
    bool is_watched() const;
    void publish(std::vector<PagePart> parts);

private:
    struct State;
    class Reader;
    std::shared_ptr<State> state_;  // readers may outlive the feed
};

}  // namespace muster::daemon
